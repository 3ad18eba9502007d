#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "child.h"
#include "kernel.h"
#include "namespaces.h"
#include "notify.h"
#include "privileges.h"

/* A trial runs in a child and exits 0 when it worked. Each ends within this time. */
enum { TRIAL_S = 2 };
typedef int trial_function(void);

static bool try(trial_function *trial);
static trial_function no_new_privileges, landlock, seccomp_filter, close_range_marks, execute_check, user_namespace;
static bool notification(bool *getfd);

/* Namespaces take longer than everything else, so that they are tried beside it. */
struct namespaces_trial {
  pid_t guide;
  int status, ack, life;
  const char *step; /* what did not work; NULL when all did */
  int error;
  char detail[200];
};
static void namespaces_start(struct namespaces_trial *trial);
static void namespaces_finish(struct namespaces_trial *trial);

int probe(void) {
  struct utsname name;
  struct seccomp_notif_sizes sizes = {0};
  struct namespaces_trial namespaces;
  signal(SIGPIPE, SIG_IGN); /* a trial that ended early closes its pipes */
  namespaces_start(&namespaces);
  bool getfd = false, notify = notification(&getfd);
  int abi = sys_landlock_create(NULL, 0, LANDLOCK_QUERY_VERSION);
  int errata = abi < 1 ? -1 : sys_landlock_create(NULL, 0, LANDLOCK_QUERY_ERRATA);
  if (uname(&name) < 0) return 125;
  (void)sys_seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
  if (abi < 1 || !try(landlock)) abi = 0;
  const struct {
    const char *name;
    bool value;
  } FLAGS[] = {{"noNewPrivileges", try(no_new_privileges)},
               {"seccompFilter", try(seccomp_filter)},
               {"seccompNotify", notify},
               {"pidfdGetfd", getfd},
               {"closeRange", try(close_range_marks)},
               {"executeCheck", try(execute_check)},
               {"userNamespaces", try(user_namespace)}};
  namespaces_finish(&namespaces);
  struct line line;
  line_begin(&line, "probe");
  line_number(&line, "landlockAbi", abi);
  line_number(&line, "landlockErrata", errata < 0 ? 0 : errata);
  for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++) line_flag(&line, FLAGS[i].name, FLAGS[i].value);
  line_flag(&line, "namespaces", namespaces.step == NULL);
  if (namespaces.step != NULL) {
    line_text(&line, "namespacesStep", namespaces.step, strlen(namespaces.step));
    line_number(&line, "namespacesErrno", namespaces.error);
  }
  char text[64];
  (void)snprintf(text, sizeof text, "[%u,%u,%u]", sizes.seccomp_notif, sizes.seccomp_notif_resp, sizes.seccomp_data);
  line_raw(&line, "notifySizes", text);
  line_text(&line, "kernel", name.release, strlen(name.release));
  line_text(&line, "architecture", name.machine, strlen(name.machine));
  return printf("%.*s}\n", (int)line.length, line.text) < 0 ? 125 : 0;
}

static pid_t start(void) {
  pid_t child = fork();
  if (child != 0) return child;
  alarm(TRIAL_S); /* SIGALRM ends a trial that hangs */
  return 0;
}

static bool worked(pid_t child) {
  int status = 0;
  pid_t got;
  while ((got = waitpid(child, &status, 0)) < 0 && errno == EINTR) continue;
  return got == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool try(trial_function *trial) {
  pid_t child = start();
  if (child == 0) _exit(trial());
  return child > 0 && worked(child);
}

static int no_new_privileges(void) {
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 1;
}

/* In force when a directory that could be read cannot be read any more. */
static int landlock(void) {
  const struct landlock_ruleset_numbers rights = {1ull << 3 /* read a directory */, 0, 0};
  int ruleset = sys_landlock_create(&rights, sizeof rights, 0);
  if (ruleset < 0 || no_new_privileges() != 0 || sys_landlock_restrict(ruleset, 0) < 0) return 1;
  return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 1;
}

/* getppid() gets `action`; everything else is allowed. Returns what seccomp() returned. */
static int install(unsigned flags, uint32_t action) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog whole = {sizeof program / sizeof *program, program};
  if (no_new_privileges() != 0) return -1;
  return sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, &whole);
}

static int seccomp_filter(void) {
  if (install(0, SECCOMP_RET_ERRNO | ENOTTY) < 0) return 1;
  return syscall(SYS_getppid) == -1 && errno == ENOTTY ? 0 : 1;
}

static int close_range_marks(void) {
  int fd = open("/", O_PATH);
  if (fd < 0 || sys_close_range((unsigned)fd, (unsigned)fd, CLOSE_RANGE_MARK) < 0) return 1;
  return fcntl(fd, F_GETFD) == FD_CLOEXEC ? 0 : 1;
}

static int execute_check(void) {
  char *none[] = {NULL};
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 1;
  return sys_execveat(fd, "", none, none, AT_EMPTY_PATH | EXECVE_CHECK) == 0 ? 0 : 1;
}

static int user_namespace(void) { return unshare(CLONE_NEWUSER) == 0 ? 0 : 1; }

/* The child's getppid() is answered with a number by this process, through the listener that it fetched. */
static int notified_child(int tell, int wait) {
  int listener = install(FILTER_NEW_LISTENER, SECCOMP_RET_USER_NOTIF);
  char byte;
  if (listener < 0 || write_all(tell, &listener, sizeof listener) < 0 || read(wait, &byte, 1) != 1) return 1;
  return syscall(SYS_getppid) == 4242 ? 0 : 1;
}

static bool answer_one(int listener) {
  static struct notifier notifier;
  if (notifier_open(&notifier, listener) < 0) return false;
  struct pollfd wait = {listener, POLLIN, 0};
  if (poll(&wait, 1, TRIAL_S * 1000) != 1 || (wait.revents & POLLIN) == 0) return false;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notifier.request) < 0) return false;
  notifier.response->id = notifier.request->id;
  notifier.response->val = 4242;
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, notifier.response) == 0;
}

static bool notification(bool *getfd) {
  int told[2], ack[2], number = -1;
  if (pipe2(told, O_CLOEXEC) < 0 || pipe2(ack, O_CLOEXEC) < 0) return false;
  pid_t child = start();
  if (child < 0) return false;
  if (child == 0) {
    close(told[0]);
    close(ack[1]);
    _exit(notified_child(told[1], ack[0]));
  }
  close(told[1]);
  close(ack[0]);
  int pidfd = sys_pidfd_open(child), listener = -1;
  if (read(told[0], &number, sizeof number) == (ssize_t)sizeof number) listener = sys_pidfd_getfd(pidfd, number);
  *getfd = listener >= 0;
  bool answered = *getfd && write_all(ack[1], "a", 1) == 0 && answer_one(listener);
  if (!answered) (void)kill(child, SIGKILL);
  close_fd(&listener);
  close_fd(&pidfd);
  close(told[0]);
  close(ack[1]);
  return worked(child) && answered;
}

/* In the child of the trial: enters as a session does, drops what it got, and waits to be looked at. */
static _Noreturn void namespaces_trial_child(int status, int ack, int life) {
  struct entrance entrance = {NAMESPACE_ANY, status, ack, life, ""};
  struct child_message message = {.kind = CHILD_FAILED};
  char byte;
  if (namespaces_enter(&entrance) == 0) {
    (void)alarm(TRIAL_S);
    if (drop_capabilities() < 0) entrance.step = "capabilities";
    else message.kind = CHILD_LISTENER;
  }
  message.value = message.kind == CHILD_FAILED ? errno : ack;
  (void)snprintf(message.detail, sizeof message.detail, "%s", entrance.step);
  if (write_all(status, &message, sizeof message) < 0 || message.kind == CHILD_FAILED) _exit(1);
  _exit(read(ack, &byte, 1) == 1 ? 0 : 1);
}

static void namespaces_start(struct namespaces_trial *trial) {
  int status[2], ack[2], life[2];
  *trial = (struct namespaces_trial){.guide = -1, .step = "pipe"};
  if (pipe2(status, O_CLOEXEC) < 0 || pipe2(ack, O_CLOEXEC) < 0 || pipe2(life, O_CLOEXEC) < 0) {
    trial->error = errno;
    return;
  }
  trial->step = "fork";
  trial->guide = start();
  trial->error = errno;
  if (trial->guide == 0) {
    close(status[0]);
    close(ack[1]);
    close(life[1]);
    namespaces_trial_child(status[1], ack[0], life[0]);
  }
  close(status[1]);
  close(ack[0]);
  close(life[0]);
  trial->status = status[0];
  trial->ack = ack[1];
  trial->life = life[1];
}

/* What the supervisor must be able to do with a child in there: fetch a descriptor, and read its memory. */
static const char *reach_into(pid_t child, int number) {
  static const char SOMETHING[] = "the same in every copy of this process";
  char copy[sizeof SOMETHING];
  struct iovec local = {copy, sizeof copy}, remote = {(void *)(uintptr_t)SOMETHING, sizeof copy};
  int pidfd = sys_pidfd_open(child);
  int fetched = pidfd < 0 ? -1 : sys_pidfd_getfd(pidfd, number);
  const int error = errno;
  close_fd(&pidfd);
  errno = error;
  if (fetched < 0) return "pidfd_getfd";
  close(fetched);
  return process_vm_readv(child, &local, 1, &remote, 1, 0) == (ssize_t)sizeof copy ? NULL : "process_vm_readv";
}

static void namespaces_finish(struct namespaces_trial *trial) {
  struct child_message moved = {.value = -1, .init = -1}, arrived = {.kind = CHILD_FAILED};
  const ssize_t size = sizeof moved;
  if (trial->guide < 0) return;
  trial->step = "guide";
  trial->error = ECHILD;
  if (read(trial->status, &moved, sizeof moved) == size && moved.kind != CHILD_MOVED) arrived = moved;
  if (moved.kind == CHILD_MOVED && write_all(trial->ack, "a", 1) == 0 &&
      read(trial->status, &arrived, sizeof arrived) == size && arrived.kind == CHILD_LISTENER) {
    trial->step = reach_into(moved.value, arrived.value);
    trial->error = errno;
  }
  if (arrived.kind == CHILD_FAILED && arrived.value != 0) {
    (void)snprintf(trial->detail, sizeof trial->detail, "%s", arrived.detail);
    trial->step = trial->detail;
    trial->error = arrived.value;
  }
  if (trial->step == NULL && write_all(trial->ack, "a", 1) < 0) trial->step = "ack";
  close(trial->ack);
  close(trial->status);
  const bool guided = worked(trial->guide);
  const bool lived = moved.kind == CHILD_MOVED && worked(moved.value);
  close(trial->life); /* the init ends by that, and would take the child with it */
  if (moved.kind == CHILD_MOVED) (void)worked(moved.init);
  if (trial->step == NULL && !(guided && lived)) trial->step = "end";
}
