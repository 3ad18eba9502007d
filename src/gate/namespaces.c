#include "namespaces.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "kernel.h"
#include "privileges.h"
#include "process.h"

/* And where the kernel shows which one a process is in. */
static const struct {
  uint32_t kind;
  int flag;
  const char *file;
} KINDS[] = {
    {NAMESPACE_USER, CLONE_NEWUSER, "/proc/self/ns/user"},
    {NAMESPACE_MOUNT, CLONE_NEWNS, "/proc/self/ns/mnt"},
    {NAMESPACE_PROCESS, CLONE_NEWPID, "/proc/self/ns/pid"},
    {NAMESPACE_IPC, CLONE_NEWIPC, "/proc/self/ns/ipc"},
    {NAMESPACE_NAME, CLONE_NEWUTS, "/proc/self/ns/uts"},
    {NAMESPACE_NETWORK, CLONE_NEWNET, "/proc/self/ns/net"},
};
enum { KIND_COUNT = sizeof KINDS / sizeof *KINDS };
_Static_assert(CLONE_NEWPID == 0x20000000 && CLONE_NEWUSER == 0x10000000, "linux/sched.h");

/* What the child must find: that it is who it was, and elsewhere. */
struct before {
  int death_signal;
  uid_t user;
  gid_t group;
  ino_t namespaces[KIND_COUNT];
};

static void look(struct before *before);
static int leave(struct entrance *entrance, const struct before *before);
static int arrive(struct entrance *entrance, const struct before *before);
static pid_t sibling(void);
static pid_t start_init(struct entrance *entrance);
static _Noreturn void be_init(const struct entrance *entrance, int ready);

static int failed_at(struct entrance *entrance, const char *step) {
  entrance->step = step;
  return -1;
}

int namespaces_enter(struct entrance *entrance) {
  struct child_message message = {.kind = CHILD_MOVED};
  struct before before;
  look(&before);
  if (leave(entrance, &before) < 0) return -1;
  message.init = start_init(entrance);
  if (message.init < 0) return failed_at(entrance, "init");
  message.value = sibling();
  if (message.value == 0) return arrive(entrance, &before);
  if (message.value < 0) return failed_at(entrance, "fork");
  /* When nobody hears it the supervisor is gone, and the others end by their pipes. */
  _exit(write_all(entrance->status, &message, sizeof message) < 0 ? 125 : 0);
}

bool namespaces_has(pid_t caller, pid_t number) {
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/%d/root/proc/%d/stat", caller, number);
  const int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return false;
  close(fd);
  return true;
}

static int write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t length = (ssize_t)strlen(text);
  const bool written = write(fd, text, (size_t)length) == length; /* the kernel takes a map in one write */
  const int error = errno;
  close_fd(&fd);
  errno = error;
  return written ? 0 : -1;
}

/* The caller's own numbers and no others. Without the first line a process could leave groups that are there to keep it
 * out of something. */
static int map_identity(struct entrance *entrance, const struct before *before) {
  char text[64];
  if (write_file("/proc/self/setgroups", "deny") < 0) return failed_at(entrance, "setgroups");
  (void)snprintf(text, sizeof text, "%u %u 1", before->user, before->user);
  if (write_file("/proc/self/uid_map", text) < 0) return failed_at(entrance, "uid_map");
  (void)snprintf(text, sizeof text, "%u %u 1", before->group, before->group);
  if (write_file("/proc/self/gid_map", text) < 0) return failed_at(entrance, "gid_map");
  return 0;
}

static ino_t identity_of(const char *file) {
  struct stat status;
  return stat(file, &status) < 0 ? 0 : status.st_ino;
}

static void look(struct before *before) {
  before->user = geteuid();
  before->group = getegid();
  before->death_signal = 0;
  (void)prctl(PR_GET_PDEATHSIG, &before->death_signal);
  for (size_t i = 0; i < KIND_COUNT; i++) before->namespaces[i] = identity_of(KINDS[i].file);
}

/* Afterwards the calling process is in the new namespaces, save that of processes, in which its children will be. */
static int leave(struct entrance *entrance, const struct before *before) {
  int flags = 0;
  for (size_t i = 0; i < KIND_COUNT; i++)
    if ((entrance->kinds & KINDS[i].kind) != 0) flags |= KINDS[i].flag;
  if (unshare(flags) < 0) return failed_at(entrance, "unshare");
  if (map_identity(entrance, before) < 0) return -1;
  /* Neither do mounts of the host come in nor ours get out. */
  return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? failed_at(entrance, "mount /") : 0;
}

/* A fork whose parent is our own: the supervisor, which waits for it, is told of its end, and with whose end it ends. */
static pid_t sibling(void) { return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0); }

/* The death signal is not inherited. If the supervisor ended before it was set again, then no byte comes. */
static int arrive(struct entrance *entrance, const struct before *before) {
  char byte;
  ssize_t got;
  if (prctl(PR_SET_PDEATHSIG, before->death_signal) < 0) return failed_at(entrance, "death signal");
  while ((got = read(entrance->ack, &byte, 1)) < 0 && errno == EINTR) continue;
  if (got != 1) _exit(125);
  /* The one that is there shows the host's processes. Where parts of it are covered, as in containers, the kernel
   * refuses a whole one. */
  if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) return failed_at(entrance, "mount /proc");
  struct before now;
  look(&now);
  errno = ENOTRECOVERABLE;
  if (now.user != before->user || now.group != before->group) return failed_at(entrance, "own numbers");
  if (getpid() == 1 || !process_files_are_ours()) return failed_at(entrance, "process files");
  for (size_t i = 0; i < KIND_COUNT; i++) {
    const bool wanted = (entrance->kinds & KINDS[i].kind) != 0;
    if (wanted && (now.namespaces[i] == 0 || now.namespaces[i] == before->namespaces[i]))
      return failed_at(entrance, KINDS[i].file);
  }
  return 0;
}

/* Reading and ending; anything else ends it, and with it everybody else. Installed as a filter because the strict mode
 * cannot be had where a container has put a filter already. */
static int wait_only(void) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog whole = {sizeof program / sizeof *program, program};
  return sys_seccomp(SECCOMP_SET_MODE_FILTER, 0, &whole);
}

/* Waits until the init holds nothing of ours any more: the end of the status pipe must mean the child's exec. */
static pid_t start_init(struct entrance *entrance) {
  int ready[2], error = 0;
  if (pipe2(ready, O_CLOEXEC) < 0) return -1;
  const pid_t init = sibling();
  if (init == 0) be_init(entrance, ready[1]);
  close(ready[1]);
  const ssize_t got = init < 0 ? 0 : read(ready[0], &error, sizeof error);
  close(ready[0]);
  if (init < 0) return -1;
  errno = got == (ssize_t)sizeof error ? error : ECHILD;
  return errno == 0 ? init : -1;
}

static int harden_init(int life, int ready) {
  /* Whose children nobody asks after: the kernel collects them itself. */
  if (signal(SIGCHLD, SIG_IGN) == SIG_ERR || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return -1;
  if (setsid() < 0 || chdir("/") < 0) return -1;
  if (prctl(PR_SET_NAME, "paddock-init") < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -1;
  if (drop_capabilities() < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
  if (dup3(ready, 1, 0) < 0 || dup3(life, 0, 0) < 0) return -1;
  return sys_close_range(2, ~0u, 0);
}

/* Whatever goes wrong in here ends the namespace: the child cannot be forked into it, or dies with it. */
static void be_init(const struct entrance *entrance, int ready) {
  int error = harden_init(entrance->life, ready) < 0 ? errno : 0;
  if (error != 0) {
    (void)write_all(ready, &error, sizeof error); /* without a word the guide knows that it failed, too */
    _exit(125);
  }
  if (write_all(1, &error, sizeof error) < 0 || close(1) < 0 || wait_only() < 0) _exit(125);
  for (;;) {
    char byte;
    const ssize_t got = read(0, &byte, 1);
    if (got == 0) _exit(0);
    if (got < 0 && errno != EINTR) _exit(125);
  }
}
