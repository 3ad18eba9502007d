#include "child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "landlock.h"
#include "limits.h"
#include "namespaces.h"
#include "order.h"
#include "privileges.h"

/* While the child is set up, everything that is not the program's lies at MAX_PLACE and above, close-on-exec: so
 * `place` can put anything at any number below, in any order, and never overwrites what a later one needs. */
struct child {
  const struct child_start *start;
  int status, ack, life, ruleset;
  int inherited[GATE_CONTAINER + 1];
  int slots[GATE_MAX_SLOTS];
  bool placed[MAX_PLACE];
  sigset_t mask; /* for the program */
  int placed_as[2][GATE_MAX_SLOTS]; /* by kind and number of the handle: where it was placed, or -1 */
};
_Static_assert(GATE_CONTAINER < GATE_MAX_SLOTS, "placed_as has room for both kinds of handle");

static void arrange_descriptors(struct child *child);
static void enter_terminal(struct child *child);
static int perform(struct child *child, const struct operation *operation);
static _Noreturn void die(const struct child *child, uint32_t opcode, int error, const char *detail);

void child_run(const struct child_start *start) {
  struct child child = {.start = start, .status = start->status, .ack = start->ack, .life = -1, .ruleset = -1, .mask = start->mask};
  memset(child.placed_as, -1, sizeof child.placed_as);
  signal(SIGPIPE, SIG_DFL); /* the gate ignores it, and that would survive exec */
  arrange_descriptors(&child);
  if (start->terminal && !plan_has(start->plan, OP_NAMESPACES)) enter_terminal(&child);
  for (size_t i = start->plan->fork + 1; i < start->plan->count; i++) {
    const struct operation *operation = &start->plan->operations[i];
    if (perform(&child, operation) < 0)
      die(&child, operation->opcode, errno, operation->text != NULL ? operation->text : "");
  }
  die(&child, OP_EXEC, EPROTO, "the program was not executed"); /* order_check has seen the exec: not reached */
}

static _Noreturn void die(const struct child *child, uint32_t opcode, int error, const char *detail) {
  struct child_message message = {.kind = CHILD_FAILED, .opcode = opcode, .value = error};
  (void)snprintf(message.detail, sizeof message.detail, "%s", detail);
  (void)write_all(child->status, &message, sizeof message); /* if nobody listens, ending is all that is left */
  _exit(125);
}

static int lift(struct child *child, int fd) {
  int lifted = fcntl(fd, F_DUPFD_CLOEXEC, MAX_PLACE);
  if (lifted < 0) die(child, OP_FORK, errno, "duplicating a descriptor");
  return lifted;
}

static void arrange_descriptors(struct child *child) {
  child->status = lift(child, child->start->status);
  child->ack = lift(child, child->start->ack);
  if (child->start->life >= 0) child->life = lift(child, child->start->life);
  for (int i = 0; i <= GATE_CONTAINER; i++)
    child->inherited[i] = i <= 2 || i >= GATE_FILE ? lift(child, i) : -1;
  for (int i = 0; i < GATE_MAX_SLOTS; i++)
    child->slots[i] = child->start->slots[i] < 0 ? -1 : lift(child, child->start->slots[i]);
  if (sys_close_range(3, MAX_PLACE - 1, 0) < 0) die(child, OP_FORK, errno, "closing the gate's descriptors");
}

/* A group of its own in the foreground; the gate, in another group of the session, keeps it from being an orphan, so
 * that stopping it works. SIGTTOU is blocked here like every signal. */
static void enter_terminal(struct child *child) {
  pid_t group = getpid();
  if (setpgid(0, 0) < 0 || ioctl(0, TIOCSPGRP, &group) < 0) die(child, OP_TERMINAL, errno, "foreground group");
}

static int handle_descriptor(const struct child *child, uint32_t kind, uint32_t number) {
  return kind == 0 ? child->inherited[number] : child->slots[number];
}

static int place(struct child *child, const uint32_t *number) {
  int from = handle_descriptor(child, number[0], number[1]), to = (int)number[2];
  if (dup3(from, to, 0) < 0) return -1;
  child->placed[to] = true;
  child->placed_as[number[0]][number[1]] = to;
  return 0;
}

static int close_from(struct child *child, unsigned first) {
  if (sys_close_range(first, ~0u, CLOSE_RANGE_MARK) < 0) return -1;
  for (int fd = 0; fd < MAX_PLACE; fd++)
    if (child->placed[fd] && fcntl(fd, F_SETFD, 0) < 0) return -1;
  return 0;
}

static int death_signal(struct child *child, int signal) {
  if (prctl(PR_SET_PDEATHSIG, signal) < 0) return -1;
  if (getppid() == child->start->parent) return 0;
  errno = ESRCH; /* the supervisor ended before the signal was set */
  return -1;
}

/* From here on the process is another one, and what is a process's own is done again. */
static int enter_namespaces(struct child *child, uint32_t kinds) {
  struct entrance entrance = {kinds, child->status, child->ack, child->life, ""};
  if (namespaces_enter(&entrance) < 0) die(child, OP_NAMESPACES, errno, entrance.step);
  if (child->start->terminal) enter_terminal(child);
  return 0;
}

/* "0" means the writer itself, which is why the child joins and is not put there. */
static int join(const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int result = write_all(fd, "0", 1), error = errno;
  close(fd);
  errno = error;
  return result;
}

static int landlock(struct child *child, const struct operation *operation) {
  int result = 0;
  switch (operation->opcode) {
    case OP_LANDLOCK_CREATE:
      result = landlock_create(operation->wide[0], operation->wide[1], operation->wide[2]);
      if (result < 0) return -1;
      child->ruleset = lift(child, result);
      close(result);
      return 0;
    case OP_LANDLOCK_PATH:
      return landlock_path(child->ruleset, operation->wide[0], operation->number[0] == 1, operation->text);
    case OP_LANDLOCK_DESCRIPTOR:
      return landlock_descriptor(child->ruleset, operation->wide[0], child->inherited[operation->number[0]]);
    case OP_LANDLOCK_PORT:
      return landlock_port(child->ruleset, operation->wide[0], operation->wide[1]);
    default:
      result = landlock_restrict(child->ruleset, operation->number[0]);
      close_fd(&child->ruleset);
      return result;
  }
}

/* The filter is installed, and from here on its listener must be served: the supervisor gets the descriptor's number by
 * write(), because a message with a descriptor would be a call that a filter may notify, and fetches the descriptor
 * itself. write, read and close must not be notified by the launcher's filter. */
static int hand_over(struct child *child, int listener) {
  struct child_message message = {.kind = CHILD_LISTENER, .opcode = OP_SECCOMP_NOTIFY, .value = listener};
  char byte = 0;
  if (write_all(child->status, &message, sizeof message) < 0) _exit(125);
  ssize_t got;
  while ((got = read(child->ack, &byte, 1)) < 0 && errno == EINTR) continue;
  if (got != 1) _exit(125);
  close(listener);
  return 0;
}

static int filter(struct child *child, const struct operation *operation) {
  static struct sock_filter program[MAX_FILTER]; /* the stream's bytes may lie at any address */
  memcpy(program, operation->rest, operation->rest_length);
  struct sock_fprog whole = {(unsigned short)(operation->rest_length / sizeof *program), program};
  if (operation->opcode == OP_SECCOMP) return sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &whole);
  int listener = sys_seccomp(SECCOMP_SET_MODE_FILTER, FILTER_NEW_LISTENER | FILTER_WAIT_KILLABLE, &whole);
  if (listener < 0 && errno == EINVAL) /* before Linux 5.19 */
    listener = sys_seccomp(SECCOMP_SET_MODE_FILTER, FILTER_NEW_LISTENER, &whole);
  return listener < 0 ? -1 : hand_over(child, listener);
}

static int default_signals(struct child *child) {
  for (int number = 1; number <= 64; number++) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    if (number != SIGKILL && number != SIGSTOP) (void)sigaction(number, &action, NULL); /* EINVAL: libc's own two */
  }
  return sigemptyset(&child->mask);
}

/* A handle that was placed is executed by that number, so that the path the kernel gives the program
 * (AT_EXECFN, /dev/fd/N) stays valid after the exec. */
static int execute(struct child *child, const struct operation *operation) {
  const uint32_t kind = operation->number[0], number = operation->number[1];
  int fd = child->placed_as[kind][number];
  if (fd < 0) fd = handle_descriptor(child, kind, number);
  if (sigprocmask(SIG_SETMASK, &child->mask, NULL) < 0) return -1;
  return sys_execveat(fd, "", child->start->plan->arguments, child->start->plan->environment, AT_EMPTY_PATH);
}

static int perform(struct child *child, const struct operation *operation) {
  const uint32_t *number = operation->number;
  switch (operation->opcode) {
    case OP_DEATH_SIGNAL:
      return death_signal(child, (int)number[0]);
    case OP_RLIMIT:
    case OP_NICE:
    case OP_IO_PRIORITY:
    case OP_AFFINITY:
      return limit_self(operation);
    case OP_NAMESPACES:
      return enter_namespaces(child, number[0]);
    case OP_JOIN:
      return join(operation->text);
    case OP_CHDIR:
      return chdir(operation->text);
    case OP_UMASK:
      (void)umask(number[0]);
      return 0;
    case OP_DROP_CAPABILITIES:
      return drop_capabilities();
    case OP_NO_NEW_PRIVILEGES:
      return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case OP_SECCOMP:
    case OP_SECCOMP_NOTIFY:
      return filter(child, operation);
    case OP_PLACE:
      return place(child, number);
    case OP_CLOSE_FROM:
      return close_from(child, number[0]);
    case OP_SIGNALS:
      return default_signals(child);
    case OP_EXEC:
      return execute(child, operation);
    case OP_ARGUMENT:
    case OP_ENVIRONMENT:
      return 0; /* plan_read has collected them */
    default:
      return landlock(child, operation);
  }
}
