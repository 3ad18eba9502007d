/* Reaching into the launcher or the supervisor. `launcher` is the launcher's process id; the parent is whoever started us. */
#include "attack.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int launcher(void) { return number_param("launcher"); }

static int trace(int pid) {
  if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0) return failed("ptrace");
  return succeeded("tracing process %d", pid); /* ends with us */
}

static int trace_launcher(void) { return trace(launcher()); }
static int trace_parent(void) { return trace(keeper()); }

/* Our parent traces us, and with it everything that it may see. */
static int trace_me(void) { return ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 ? succeeded("traced") : failed("ptrace"); }

/* Any address will do: EFAULT is said only to who may read. */
static void *some_address(int pid) {
  char path[64], line[256];
  void *address = (void *)0x400000;
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "re");
  if (maps == NULL) return address;
  unsigned long start = 0;
  if (fgets(line, sizeof line, maps) != NULL && sscanf(line, "%lx-", &start) == 1) address = (void *)start;
  fclose(maps);
  return address;
}

static int read_memory(int pid) {
  char buffer[16];
  struct iovec local = {.iov_base = buffer, .iov_len = sizeof buffer};
  struct iovec remote = {.iov_base = some_address(pid), .iov_len = sizeof buffer};
  ssize_t length = process_vm_readv(pid, &local, 1, &remote, 1, 0);
  if (length > 0) return succeeded("%zd bytes: %s", length, printable(buffer, (size_t)length));
  return errno == EFAULT ? succeeded("the permission was given (EFAULT)") : failed("process_vm_readv");
}

static int read_launcher_vm(void) { return read_memory(launcher()); }
static int read_parent_vm(void) { return read_memory(keeper()); }

static int write_parent_vm(void) {
  char byte = 0;
  struct iovec local = {.iov_base = &byte, .iov_len = 1}, remote = {.iov_base = NULL, .iov_len = 1};
  ssize_t length = process_vm_writev(keeper(), &local, 1, &remote, 1, 0);
  return length > 0 || errno == EFAULT ? succeeded("the permission was given") : failed("process_vm_writev");
}

static int take_descriptor(int pid) {
  int process = (int)syscall(SYS_pidfd_open, pid, 0);
  if (process < 0) return failed("pidfd_open");
  for (int number = 0; number < 32; number++) {
    int fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);
    if (fd >= 0) return succeeded("descriptor %d of process %d is ours", number, pid);
    if (errno != EBADF) break;
  }
  return failed("pidfd_getfd");
}

static int take_launcher_descriptor(void) { return take_descriptor(launcher()); }
static int take_parent_descriptor(void) { return take_descriptor(keeper()); }

static int compare_with_parent(void) {
  int order = (int)syscall(SYS_kcmp, getpid(), keeper(), 0 /* KCMP_FILE */, 0, 0);
  return order >= 0 ? succeeded("compared descriptors: %d", order) : failed("kcmp");
}

/* SIGURG is ignored unless somebody waits for it, so that only the permission is tried. */
static int kill_launcher(void) { return kill(launcher(), SIGURG) == 0 ? succeeded("signalled") : failed("kill"); }
static int kill_parent(void) { return kill(keeper(), SIGURG) == 0 ? succeeded("signalled") : failed("kill"); }

static int tgkill_launcher(void) {
  return syscall(SYS_tgkill, launcher(), launcher(), SIGURG) == 0 ? succeeded("signalled") : failed("tgkill");
}

static int tkill_launcher(void) {
  return syscall(SYS_tkill, launcher(), SIGURG) == 0 ? succeeded("signalled") : failed("tkill");
}

static int sigqueue_launcher(void) {
  union sigval value = {.sival_int = 1};
  return sigqueue(launcher(), SIGURG, value) == 0 ? succeeded("signalled") : failed("rt_sigqueueinfo");
}

static int pidfd_signal_launcher(void) {
  int process = (int)syscall(SYS_pidfd_open, launcher(), 0);
  if (process < 0) return failed("pidfd_open");
  return syscall(SYS_pidfd_send_signal, process, SIGURG, NULL, 0) == 0 ? succeeded("signalled")
                                                                       : failed("pidfd_send_signal");
}

static int launcher_is_there(void) { return kill(launcher(), 0) == 0 || errno != ESRCH; }

/* The launcher has ended, or our parent has: waits a second for either. `seen`: it could be seen before. */
static int wait_for_end(const char *call, int parent, int seen) {
  for (int i = 0; i < 20; i++) {
    if (seen && !launcher_is_there()) return succeeded("the launcher ended");
    if (getppid() != parent) return succeeded("the parent ended");
    usleep(50000);
  }
  return failed_because(call, "not-delivered");
}

/* The kernel sends this signal on our behalf when data arrive. Its default is to end the receiver, and the receiver is
 * the launcher: when it is gone, so is our parent, or the one that it was. */
static int signal_by_owner(void) {
  int pair[2], pid = launcher(), parent = getppid(), seen = launcher_is_there();
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return failed("socketpair");
  if (fcntl(pair[0], F_SETOWN, pid) != 0) return failed("fcntl(F_SETOWN)");
  if (fcntl(pair[0], F_SETFL, O_ASYNC) != 0) return failed("fcntl(O_ASYNC)");
  if (write(pair[1], "x", 1) != 1) return failed("write");
  return wait_for_end("SIGIO", parent, seen);
}

/* The launcher is in our process group, as the drop-in contract wants it. */
static int signal_group(void) {
  int parent = getppid(), seen = launcher_is_there();
  signal(SIGUSR2, SIG_IGN);
  if (kill(0, SIGUSR2) != 0) return failed("kill");
  return wait_for_end("SIGUSR2", parent, seen);
}

/* The same by a descriptor of its leader: since Linux 6.9. */
static int signal_group_by_descriptor(void) {
  int parent = getppid(), seen = launcher_is_there(), process = (int)syscall(434 /* pidfd_open */, getpgid(0), 0);
  if (process < 0) return failed("pidfd_open");
  signal(SIGUSR2, SIG_IGN);
  if (syscall(SYS_pidfd_send_signal, process, SIGUSR2, NULL, 4 /* PIDFD_SIGNAL_PROCESS_GROUP */) != 0)
    return failed("pidfd_send_signal");
  return wait_for_end("SIGUSR2", parent, seen);
}

/* Limits and priorities of other processes belong to whoever has the same user id. */
static int limit_launcher(void) {
  struct rlimit64 limit;
  if (syscall(SYS_prlimit64, launcher(), RLIMIT_CORE, NULL, &limit) != 0) return failed("prlimit64");
  if (syscall(SYS_prlimit64, launcher(), RLIMIT_CORE, &limit, NULL) != 0) return failed("prlimit64");
  return succeeded("a limit of the launcher was set");
}

static int limit_parent(void) {
  struct rlimit64 limit;
  if (syscall(SYS_prlimit64, keeper(), RLIMIT_CORE, NULL, &limit) != 0) return failed("prlimit64");
  if (syscall(SYS_prlimit64, keeper(), RLIMIT_CORE, &limit, NULL) != 0) return failed("prlimit64");
  return succeeded("a limit of the parent was set");
}

static int slow_launcher(void) {
  errno = 0;
  int nice = getpriority(PRIO_PROCESS, (id_t)launcher());
  if (nice == -1 && errno != 0) return failed("getpriority");
  return setpriority(PRIO_PROCESS, (id_t)launcher(), nice) == 0 ? succeeded("priority set") : failed("setpriority");
}

static int pin_launcher(void) {
  cpu_set_t cpus;
  if (sched_getaffinity(launcher(), sizeof cpus, &cpus) != 0) return failed("sched_getaffinity");
  return sched_setaffinity(launcher(), sizeof cpus, &cpus) == 0 ? succeeded("affinity set")
                                                                : failed("sched_setaffinity");
}

static int reschedule_launcher(void) {
  struct sched_param parameters = {0};
  int policy = sched_getscheduler(launcher());
  if (policy < 0) return failed("sched_getscheduler");
  return sched_setscheduler(launcher(), policy, &parameters) == 0 ? succeeded("scheduling policy set")
                                                                 : failed("sched_setscheduler");
}

const struct attempt process_attempts[] = {
    {"trace-launcher", trace_launcher},
    {"trace-parent", trace_parent},
    {"trace-me", trace_me},
    {"read-launcher-vm", read_launcher_vm},
    {"read-parent-vm", read_parent_vm},
    {"write-parent-vm", write_parent_vm},
    {"take-launcher-descriptor", take_launcher_descriptor},
    {"take-parent-descriptor", take_parent_descriptor},
    {"compare-with-parent", compare_with_parent},
    {"kill-launcher", kill_launcher},
    {"kill-parent", kill_parent},
    {"tgkill-launcher", tgkill_launcher},
    {"tkill-launcher", tkill_launcher},
    {"sigqueue-launcher", sigqueue_launcher},
    {"pidfd-signal-launcher", pidfd_signal_launcher},
    {"signal-by-owner", signal_by_owner},
    {"signal-group", signal_group},
    {"signal-group-by-descriptor", signal_group_by_descriptor},
    {"limit-launcher", limit_launcher},
    {"limit-parent", limit_parent},
    {"slow-launcher", slow_launcher},
    {"pin-launcher", pin_launcher},
    {"reschedule-launcher", reschedule_launcher},
    {NULL, NULL},
};
