/* The supervisor: starts the child, answers its calls, and ends the whole tree with it.
 *
 * It never trusts the launcher to be there: the end of the control pipe ends the session. If this process itself is
 * killed, the child dies by its parent-death signal, notified calls of the others fail with ENOSYS because nobody holds
 * the listener, and Landlock and the plain filters stay in force; what is left then of further descendants is for
 * whoever owns the session's cgroup to kill.
 */
#include "supervisor.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel.h"
#include "session.h"

enum {
  FLUSH_MS = 5000,          /* for the last events, while the launcher lives */
  DRAIN_TERMINAL_MS = 10000, /* for the launcher to read the terminal: its output is lost when the leader ends */
  DRAIN_PIPES_MS = 5000,    /* for a last look into the cgroup, before it is removed: what was refused and killed stands only there */
  DROPPED_MS = 1000,        /* how long dropped events may stay unmentioned */
};

static int check_streams(struct failure *why);
static int start_child(struct session *session, const sigset_t *mask, struct failure *why);
static void serve(struct session *session);
static void check_files(struct session *session);
static void read_status(struct session *session);
static bool collect(void *context);
static void finish(struct session *session);
static void linger(struct session *session);

int refuse(struct events *events, const struct failure *why) {
  struct line line;
  events_failed(events, why);
  line_begin(&line, "finished");
  line_number(&line, "killed", 0);
  events_emit(events, &line, VITAL);
  const int64_t deadline = now_ms() + FLUSH_MS;
  while (events_pending(events) && now_ms() < deadline) {
    struct pollfd wait = {events->fd, POLLOUT, 0};
    (void)poll(&wait, 1, 100);
    events_flush(events);
  }
  return 125;
}

int supervise(const struct plan *plan, struct events *events) {
  static struct session session;
  struct failure why;
  sigset_t all, mask;
  session.plan = plan;
  session.events = events;
  session.notifier.listener = session.signals = session.status = session.ack = session.pidfd = -1;
  session.life = session.init_descriptor = -1;
  sigfillset(&all);
  if (sigprocmask(SIG_SETMASK, &all, &mask) < 0 || (session.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK)) < 0 ||
      control_open(&session.control, GATE_CONTROL) < 0) {
    (void)failed(&why, "start", errno, "signals and control");
    return refuse(events, &why);
  }
  if (!process_files_are_ours()) {
    (void)failed(&why, "start", ENOSYS, "/proc is not mounted, or is that of another process namespace");
    return refuse(events, &why);
  }
  if (check_streams(&why) < 0) return refuse(events, &why);
  if (setup_run(plan, events, &session.setup, &why) < 0 || start_child(&session, &mask, &why) < 0) {
    cgroups_remove(&session.setup.cgroups);
    return refuse(events, &why);
  }
  while (session.phase <= RUNNING && !session.kill) serve(&session);
  finish(&session);
  linger(&session);
  return session.phase == ENDED ? 0 : 125;
}

static uint32_t socket_option(int fd, int option) {
  uint32_t value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : UINT32_MAX;
}

/* A socket that keeps to its one peer. From a datagram socket, connected or not, a message goes to whatever address it
 * bears, and no filter sees that; so does one over SCTP. */
static bool keeps_to_its_peer(int fd) {
  const uint32_t domain = socket_option(fd, SO_DOMAIN), type = socket_option(fd, SO_TYPE);
  if (domain == AF_UNIX) return type == SOCK_STREAM || type == SOCK_SEQPACKET;
  if (domain != AF_INET && domain != AF_INET6 && domain != AF_VSOCK) return false;
  return type == SOCK_STREAM && socket_option(fd, SO_PROTOCOL) != IPPROTO_SCTP;
}

static int check_streams(struct failure *why) {
  for (int fd = 0; fd <= 2; fd++) {
    const bool is_socket = socket_option(fd, SO_TYPE) != UINT32_MAX || errno != ENOTSOCK;
    if (is_socket && !keeps_to_its_peer(fd))
      return failed(why, "streams", EPROTOTYPE, "descriptor %d is a socket that can send to any address", fd);
  }
  return 0;
}

static int start_child(struct session *session, const sigset_t *mask, struct failure *why) {
  int status[2], ack[2], life[2] = {-1, -1};
  const pid_t parent = getpid();
  if (pipe2(status, O_CLOEXEC) < 0 || pipe2(ack, O_CLOEXEC) < 0) return failed(why, "fork", errno, "pipe");
  if (plan_has(session->plan, OP_NAMESPACES) && pipe2(life, O_CLOEXEC) < 0) return failed(why, "fork", errno, "pipe");
  pid_t child = fork();
  if (child < 0) return failed(why, "fork", errno, "fork");
  if (child == 0) {
    const struct child_start start = {session->plan, status[1], ack[0], life[0], session->setup.slots,
                                      parent,        session->setup.terminal, *mask};
    child_run(&start);
  }
  close(status[1]);
  close(ack[0]);
  close_fd(&life[0]);
  session->life = life[1];
  session->child = session->notifier.child = child;
  session->status = status[0];
  session->ack = ack[1];
  session->notifier.table = &session->setup.table;
  session->notifier.events = session->events;
  for (int i = 0; i < GATE_MAX_SLOTS; i++) close_fd(&session->setup.slots[i]);
  session->pidfd = sys_pidfd_open(child);
  if (session->pidfd < 0 || fcntl(session->status, F_SETFL, O_NONBLOCK) < 0) {
    (void)failed(why, "fork", errno, "pidfd_open");
    (void)kill(child, SIGKILL); /* not collected yet, so the number is its own */
    (void)waitpid(child, NULL, 0);
    return -1;
  }
  /* Nobody of the same user may look into this process. The child was forked before, because it must be looked into. */
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return 0;
}

static void note_signals(struct session *session) {
  struct signalfd_siginfo info;
  while (read(session->signals, &info, sizeof info) == (ssize_t)sizeof info)
    if (info.ssi_signo >= 1 && info.ssi_signo <= 64) session->seen[info.ssi_signo] = now_ms();
}

static void serve(struct session *session) {
  struct pollfd waits[] = {
      {session->status, POLLIN, 0},
      {session->signals, POLLIN, 0},
      {session->notifier.listener, POLLIN, 0},
      {session->control.fd, POLLIN, 0},
      {events_pending(session->events) ? session->events->fd : -1, POLLOUT, 0},
  };
  const bool connecting = session->notifier.connects.count > 0;
  const int pause = session->uncollected            ? 0
                    : connecting                    ? CONNECTS_LOOK_MS
                    : session->events->dropped > 0  ? DROPPED_MS
                                                    : -1;
  if (poll(waits, sizeof waits / sizeof *waits, pause) < 0) return;
  /* The status comes first: an exec is seen before anything that the program does after it. */
  if (waits[0].revents != 0) read_status(session);
  if (waits[1].revents != 0) note_signals(session);
  if (waits[1].revents != 0 || session->uncollected) (void)collect(session);
  if (session->seen[SIGIO] != 0 && !session->disturbed) check_files(session);
  if (waits[2].revents != 0 && session->phase <= RUNNING &&
      ((waits[2].revents & POLLIN) == 0 || !notifier_serve(&session->notifier)))
    close_fd(&session->notifier.listener); /* no filtered task is left */
  if (connecting) connects_look(&session->notifier);
  if (session->notifier.kill) session->kill = true;
  if (waits[3].revents != 0 && !control_read(&session->control, session_command, session)) {
    close_fd(&session->control.fd);
    session->launcher_gone = session->kill = true;
  }
  if (waits[4].revents != 0) events_flush(session->events);
  if (session->events->dropped > 0 && now_ms() - session->events->mentioned >= DROPPED_MS)
    events_dropped(session->events, NOTICE);
}

/* Whoever wants to write to the judged file waits in the kernel until the lease is given back: after the last process
 * of the session has ended, and no sooner. */
static void check_files(struct session *session) {
  struct line line;
  if (!setup_is_disturbed(&session->setup)) return;
  session->disturbed = session->kill = true;
  line_begin(&line, "disturbed");
  events_emit(session->events, &line, VITAL);
}

static void setup_failed(struct session *session, const char *operation, int error, const char *detail) {
  struct failure why;
  (void)failed(&why, operation, error, "%s", detail);
  events_failed(session->events, &why);
  session->phase = FAILED;
  close_fd(&session->status);
}

static void take_listener(struct session *session, int number) {
  int listener = sys_pidfd_getfd(session->pidfd, number);
  if (listener < 0 || notifier_open(&session->notifier, listener) < 0 || write_all(session->ack, "a", 1) < 0)
    setup_failed(session, "seccomp-notify", errno, "fetching the listener");
}

/* The process that was forked has made two others in its place, children of this one, and ends. None of them can be
 * collected by anybody else, so that their numbers are theirs. */
static void child_moved(struct session *session, const struct child_message *message) {
  session->init = message->init;
  session->init_descriptor = sys_pidfd_open(message->init);
  const int child = sys_pidfd_open(message->value);
  if (child >= 0) {
    close(session->pidfd);
    session->pidfd = child;
    session->child = session->notifier.child = message->value;
    session->notifier.namespaced = true;
  }
  if (child < 0 || session->init_descriptor < 0 || write_all(session->ack, "a", 1) < 0)
    setup_failed(session, "namespaces", errno, "taking over the child");
}

static void started(struct session *session) {
  struct line line;
  close_fd(&session->status);
  close_fd(&session->ack);
  session->phase = RUNNING;
  session->notifier.executed = true;
  line_begin(&line, "started");
  line_number(&line, "child", session->child);
  if (session->init > 0) line_number(&line, "init", session->init);
  events_emit(session->events, &line, VITAL);
  session_forward_held(session);
}

static void exited(struct session *session, const siginfo_t *info) {
  struct line line;
  session->phase = ENDED;
  line_begin(&line, "exited");
  line_number(&line, info->si_code == CLD_EXITED ? "code" : "signal", info->si_status);
  events_emit(session->events, &line, VITAL);
}

/* Killed before its exec. What a person does who changes their mind is an end like any other. */
static void never_executed(struct session *session) {
  siginfo_t info = {0};
  if (waitid(P_PID, (id_t)session->child, &info, WEXITED | WNOWAIT) == 0 && info.si_code == CLD_KILLED &&
      (info.si_status == SIGINT || info.si_status == SIGTERM || info.si_status == SIGHUP || info.si_status == SIGQUIT))
    exited(session, &info);
  else setup_failed(session, "exec", ECANCELED, "the child was killed before it executed the program");
}

/* The end of the status pipe means that the child executed the program, or that it died before. */
static void read_status(struct session *session) {
  struct child_message message;
  ssize_t got = session->status < 0 ? -1 : read(session->status, &message, sizeof message);
  if (session->status < 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
  if (got < 0) {
    setup_failed(session, "exec", errno, "reading the child's messages");
  } else if (got == 0 && process_never_executed(session->child)) {
    never_executed(session);
  } else if (got == 0) {
    started(session);
  } else if (got != (ssize_t)sizeof message) {
    setup_failed(session, "exec", EPROTO, "a broken message from the child");
  } else if (message.kind == CHILD_LISTENER) {
    take_listener(session, message.value);
  } else if (message.kind == CHILD_MOVED) {
    child_moved(session, &message);
  } else {
    message.detail[sizeof message.detail - 1] = 0;
    setup_failed(session, operation_name(message.opcode), message.value, message.detail);
  }
}

static bool has_ended(const siginfo_t *info) {
  return info->si_code == CLD_EXITED || info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED;
}

static void child_changed(struct session *session, const siginfo_t *info) {
  struct line line;
  if (session->phase != RUNNING) return;
  if (info->si_code == CLD_STOPPED || info->si_code == CLD_CONTINUED) {
    line_begin(&line, info->si_code == CLD_STOPPED ? "stopped" : "continued");
    line_number(&line, "signal", info->si_status);
    events_emit(session->events, &line, NOTICE);
  } else if (has_ended(info)) {
    exited(session, info);
  }
}

/* Processes that end faster than they are collected must not keep the supervisor from anything else. */
enum { COLLECTED_AT_ONCE = 256 };

/* Collects what ended, stopped or continued, so many at a time. Returns false when there are no children any more. The
 * first look leaves the child in its place, because whether it executed anything can be seen as long as it is not
 * collected. */
static bool collect(void *context) {
  struct session *session = context;
  const int wanted = WEXITED | WSTOPPED | WCONTINUED | WNOHANG | __WALL;
  session->uncollected = false;
  for (int count = 0; count < COLLECTED_AT_ONCE; count++) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, wanted | WNOWAIT) < 0) return errno != ECHILD;
    if (info.si_pid == 0) return true;
    if (info.si_pid == session->child && session->phase == SETTING_UP) {
      read_status(session);
      if (session->phase == SETTING_UP) read_status(session); /* a message, and then the end */
      /* Another may still hold the pipe that was to end with the exec: it has been handed on to the init and the guide. */
      if (info.si_pid == session->child && session->phase == SETTING_UP && has_ended(&info)) {
        if (process_never_executed(session->child)) never_executed(session);
        else started(session);
      }
    }
    siginfo_t taken = {0};
    if (waitid(P_PID, (id_t)info.si_pid, &taken, wanted) < 0 || taken.si_pid == 0) continue;
    if (connects_collected(&session->notifier, &taken)) continue;
    if (taken.si_code == CLD_KILLED && taken.si_status == SIGKILL && taken.si_pid != session->init)
      session->collected_killed++;
    if (taken.si_pid == session->child) child_changed(session, &taken);
  }
  session->uncollected = true;
  return true;
}

/* The session ends with its main program: whatever is left of the tree is killed. */
static void finish(struct session *session) {
  struct line line;
  const bool was_setting_up = session->phase == SETTING_UP;
  events_flush(session->events);
  connects_end(&session->notifier.connects);
  (void)collect(session);
  session->collected_killed = 0;
  const struct tree tree = {&session->setup.cgroups, session->pidfd, session->init, session->init_descriptor};
  struct kill_result result = tree_kill(&tree, collect, session);
  /* One that forks and ends all the time is killed through its cgroup without ever having been listed. */
  if (result.killed < session->collected_killed) result.killed = session->collected_killed;
  if (was_setting_up && session->phase != ENDED && session->phase != FAILED)
    setup_failed(session, "exec", ECANCELED, "the session was ended before the program was executed");
  if (result.left > 0) {
    struct failure why;
    (void)failed(&why, "kill", ETIMEDOUT, "%zu processes did not end", result.left);
    events_failed(session->events, &why);
    session->phase = FAILED;
  } else {
    setup_let_go(&session->setup);
  }
  close_fd(&session->notifier.listener);
  line_begin(&line, "finished");
  line_number(&line, "killed", (int64_t)result.killed);
  events_emit(session->events, &line, VITAL);
}

/* Waits until the last events are taken and the launcher says that it has seen everything. */
static void linger(struct session *session) {
  const int64_t start = now_ms();
  const int64_t drain = session->phase != ENDED                 ? 0
                        : session->setup.terminal               ? DRAIN_TERMINAL_MS
                        : session->setup.cgroups.count > 0      ? DRAIN_PIPES_MS
                                                                : 0;
  for (;;) {
    const int64_t passed = now_ms() - start;
    bool flushing = events_pending(session->events) && passed < FLUSH_MS;
    bool draining = !session->drained && passed < drain;
    if (session->launcher_gone || (!flushing && !draining)) break;
    struct pollfd waits[] = {{session->control.fd, POLLIN, 0},
                             {events_pending(session->events) ? session->events->fd : -1, POLLOUT, 0}};
    if (poll(waits, 2, draining && !session->setup.terminal ? DRAIN_PIPES_MS : 100) < 0) continue;
    if (waits[0].revents != 0 && !control_read(&session->control, session_command, session))
      session->launcher_gone = true;
    if (waits[1].revents != 0) events_flush(session->events);
  }
  cgroups_remove(&session->setup.cgroups);
}
