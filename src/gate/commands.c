#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kernel.h"
#include "session.h"

/* A signal from the keyboard or to the whole job reaches the launcher, the gate and the program. Then the program has
 * it already when the launcher asks to forward it. */
enum { SAME_SIGNAL_MS = 500 };

static void forward(const struct session *session, int signal);
static void freeze(const struct session *session, bool frozen);

void session_command(void *context, const struct command *command) {
  struct session *session = context;
  switch (command->kind) {
    case COMMAND_SIGNAL:
      if (session->phase == RUNNING) forward(session, command->number);
      else session->held[command->number] = true;
      break;
    case COMMAND_CONTINUE:
      if (session->phase != RUNNING) break;
      if (session->setup.terminal) (void)kill(-session->child, SIGCONT);
      (void)sys_pidfd_kill(session->pidfd, SIGCONT); /* it may have left its group */
      break;
    case COMMAND_KILL:
      session->kill = true;
      break;
    case COMMAND_FREEZE:
    case COMMAND_THAW:
      if (session->phase == RUNNING) freeze(session, command->kind == COMMAND_FREEZE);
      break;
    case COMMAND_DRAINED:
      session->drained = true;
      break;
    case COMMAND_CLOSE:
      session->notifier.closed |= (unsigned)command->number;
      break;
    case COMMAND_NONE:
      break;
  }
}

void session_forward_held(struct session *session) {
  for (int signal = 1; signal <= 64; signal++)
    if (session->held[signal]) forward(session, signal);
}

/* At a terminal the foreground group is meant, as with a key. The program decides which group that is, within its
 * session; the gate's own is in there too and takes none of these signals, save those that nobody can refuse. */
static void forward(const struct session *session, int signal) {
  int64_t seen = session->seen[signal];
  if (seen != 0 && now_ms() - seen <= SAME_SIGNAL_MS) return;
  pid_t group = 0;
  if (session->setup.terminal && signal != SIGKILL && signal != SIGSTOP && ioctl(0, TIOCGPGRP, &group) == 0 &&
      group > 1 && group != getpgrp() && kill(-group, signal) == 0)
    return;
  (void)sys_pidfd_kill(session->pidfd, signal); /* ESRCH: it has just ended */
}

/* Without a freezer the processes are stopped: the program can see that, and continue itself. */
static void freeze(const struct session *session, bool frozen) {
  if (!cgroups_freeze(&session->setup.cgroups, frozen)) (void)tree_signal(frozen ? SIGSTOP : SIGCONT);
}
