#include "connects.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "notify.h"
#include "sockets.h"

static void connect_and_exit(int fd, const struct address *to, pid_t supervisor) __attribute__((noreturn));

int connects_begin(struct connects *connects, const struct call *call, const struct answer *answer,
                   const struct address *to, int fd) {
  if (connects->count >= MAX_CONNECTING) return EAGAIN;
  const pid_t supervisor = getpid(), worker = fork();
  if (worker < 0) return EAGAIN;
  if (worker == 0) connect_and_exit(fd, to, supervisor);
  connects->running[connects->count++] = (struct connecting){worker, *call, answer, to};
  return 0;
}

/* Every signal is blocked, as in the supervisor; SIGKILL ends the wait. All errors of connect() fit into an exit code. */
static void connect_and_exit(int fd, const struct address *to, pid_t supervisor) {
  struct sockaddr_storage address;
  const socklen_t length = socket_address(to, &address);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != supervisor) _exit(ECONNABORTED);
  if (dup2(fd, 0) < 0 || sys_close_range(1, UINT_MAX, 0) < 0) _exit(ECONNABORTED);
  _exit(connect(0, (struct sockaddr *)&address, length) == 0 ? 0 : errno);
}

bool connects_collected(struct notifier *notifier, const siginfo_t *info) {
  static struct outcome outcome; /* large */
  struct connects *connects = &notifier->connects;
  const bool ended = info->si_code == CLD_EXITED || info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED;
  size_t i = 0;
  while (i < connects->count && connects->running[i].worker != info->si_pid) i++;
  if (i == connects->count) return false;
  if (!ended) return true; /* stopped with the rest of the session */
  const struct connecting done = connects->running[i];
  connects->running[i] = connects->running[--connects->count];
  memset(&outcome, 0, offsetof(struct outcome, target));
  outcome.answer = EMULATED;
  outcome.error = info->si_code == CLD_EXITED ? info->si_status : ECONNABORTED;
  outcome.label = done.answer->label;
  struct sockaddr_storage address;
  const socklen_t length = socket_address(done.to, &address);
  describe_address(&address, length, &outcome.target);
  outcome.has_target = true;
  notifier_finish(notifier, &done.call, done.answer, &outcome);
  return true;
}

void connects_look(const struct notifier *notifier) {
  const struct connects *connects = &notifier->connects;
  for (size_t i = 0; i < connects->count; i++)
    if (!still_valid(notifier, connects->running[i].call.id)) (void)kill(connects->running[i].worker, SIGKILL);
}

void connects_end(struct connects *connects) {
  for (size_t i = 0; i < connects->count; i++) (void)kill(connects->running[i].worker, SIGKILL);
  for (size_t i = 0; i < connects->count; i++)
    while (waitpid(connects->running[i].worker, NULL, __WALL) < 0 && errno == EINTR) {}
  connects->count = 0;
}
