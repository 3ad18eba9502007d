/* Getting past limits that are there. Bounded like every attempt: each holds what it took for a few seconds at most. */
#include "attack.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static void hold(int milliseconds) {
  if (milliseconds > 10000) milliseconds = 10000;
  for (int i = 0; i < milliseconds / 50; i++) usleep(50000);
}

static int put(int folder, const char *name, int kib) {
  static char block[1024];
  int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  for (int i = 0; fd >= 0 && i < kib; i++)
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) return -1;
  return fd;
}

/* Many files, each far below what one may be; in a folder that nobody can list where `locked` says so, and without
 * names where `nameless` does. */
static int fill_disk(void) {
  int files = number_param("files"), kib = number_param("kib"), done = 0;
  if (files > 8192) files = 8192;
  if (kib > 1024) kib = 1024;
  const char *path = scratch("fill");
  if (mkdir(path, 0700) != 0) return failed("mkdir");
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return failed("open");
  if (number_param("locked") == 1) {
    if (mkdirat(folder, "locked", 0300) != 0) return failed("mkdir");
    int inner = openat(folder, "locked", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (inner < 0) return failed("open");
    folder = inner;
  }
  const int nameless = number_param("nameless");
  for (; done < files; done++) {
    char name[32];
    snprintf(name, sizeof name, "f%d", done);
    int fd = put(folder, name, kib);
    if (fd < 0) return failed("write");
    if (nameless == 1 && unlinkat(folder, name, 0) != 0) return failed("unlink");
    if (nameless != 1) close(fd);
  }
  hold(number_param("patience"));
  for (int i = 0; nameless != 1 && i < done; i++) {
    char name[32];
    snprintf(name, sizeof name, "f%d", i);
    (void)unlinkat(folder, name, 0);
  }
  return succeeded("%d KiB in %d files for %d ms", files * kib, files, number_param("patience"));
}

/* On the errors, so that what it says in the end is heard. */
static int flood_output(void) {
  static char line[1024];
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\n';
  int mib = number_param("mib");
  if (mib > 64) mib = 64;
  for (int i = 0; i < mib * 1024; i++)
    if (write(2, line, sizeof line) != (ssize_t)sizeof line) return failed("write");
  return succeeded("%d MiB written", mib);
}

static int sleep_idly(void) {
  sleep((unsigned)(number_param("seconds") > 10 ? 10 : number_param("seconds")));
  return succeeded("%d seconds without work", number_param("seconds"));
}

/* Looks alive all the time, and does nothing. */
static int nap(void) {
  int seconds = number_param("seconds") > 10 ? 10 : number_param("seconds");
  for (int i = 0; i < seconds * 20; i++) {
    usleep(50000);
    (void)getppid();
  }
  return succeeded("%d seconds of naps", seconds);
}

static int raise_resource(int resource, const char *name) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) return failed("getrlimit");
  if (limit.rlim_max == RLIM_INFINITY) return succeeded("%s is not limited at all", name);
  const rlim_t before = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = before + 1;
  if (setrlimit(resource, &limit) != 0) return failed("setrlimit");
  return succeeded("%s raised from %lu", name, (unsigned long)before);
}

static int raise_file_size(void) { return raise_resource(RLIMIT_FSIZE, "file size"); }

static int raise_open_files(void) { return raise_resource(RLIMIT_NOFILE, "open files"); }

/* From wherever it is to the front. */
static int raise_nice(void) {
  errno = 0;
  int before = getpriority(PRIO_PROCESS, 0);
  if (errno != 0) return failed("getpriority");
  if (setpriority(PRIO_PROCESS, 0, before - 1) != 0) return failed("setpriority");
  return getpriority(PRIO_PROCESS, 0) < before ? succeeded("niceness from %d to %d", before, before - 1)
                                               : failed_because("setpriority", "no-change");
}

static int raise_io(int class, int level) {
  long wanted = ((long)class << 13) | level;
  if (syscall(SYS_ioprio_set, 1, 0, wanted) != 0) return failed("ioprio_set");
  return syscall(SYS_ioprio_get, 1, 0) == wanted ? succeeded("class %d, level %d", class, level)
                                                 : failed_because("ioprio_set", "no-change");
}

static int raise_io_front(void) { return raise_io(2, 0); }

static int raise_io_realtime(void) { return raise_io(1, 0); }

static int raise_realtime(void) {
  const struct sched_param first = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_FIFO, &first) != 0) return failed("sched_setscheduler");
  return sched_getscheduler(0) == SCHED_FIFO ? succeeded("a real-time task") : failed_because("sched_setscheduler", "no-change");
}

/* Where it is bound to fewer CPUs than there are. */
static int widen_affinity(void) {
  cpu_set_t all, now;
  CPU_ZERO(&all);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) CPU_SET(cpu, &all);
  if (sched_getaffinity(0, sizeof now, &now) != 0) return failed("sched_getaffinity");
  const int before = CPU_COUNT(&now);
  if (sched_setaffinity(0, sizeof all, &all) != 0) return failed("sched_setaffinity");
  if (sched_getaffinity(0, sizeof now, &now) != 0) return failed("sched_getaffinity");
  return CPU_COUNT(&now) > before ? succeeded("from %d to %d CPUs", before, CPU_COUNT(&now))
                                  : failed_because("sched_setaffinity", "not-bound");
}

/* One hierarchy is enough: whatever is limited there is not limited any more. */
static int leave_group(void) {
  static const char *const ROOTS[] = {"", "/memory", "/pids", "/cpu", "/freezer", "/unified"};
  int error = ENOENT;
  for (size_t i = 0; i < sizeof ROOTS / sizeof *ROOTS; i++) {
    char path[80];
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cgroup.procs", ROOTS[i]);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
      if (errno != ENOENT) error = errno;
      continue;
    }
    if (write(fd, "0", 1) == 1) return succeeded("moved to %s", path);
    error = errno;
    close(fd);
  }
  return errno = error, failed("open");
}

static int raise_group(void) {
  static const char *const FILES[] = {"memory/memory.limit_in_bytes", "pids/pids.max", "cpu/cpu.cfs_quota_us", "memory.max", "pids.max"};
  char text[4096], path[4400];
  int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC), error = ENOENT;
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (length <= 0) return failed("open");
  text[length] = 0;
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    const char *group = strrchr(line, ':');
    for (size_t i = 0; group != NULL && i < sizeof FILES / sizeof *FILES; i++) {
      const char *name = strchr(FILES[i], '/');
      if (name == NULL) snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", group + 1, FILES[i]);
      else snprintf(path, sizeof path, "/sys/fs/cgroup/%.*s%s%s", (int)(name - FILES[i]), FILES[i], group + 1, name);
      int limit = open(path, O_WRONLY | O_CLOEXEC);
      if (limit >= 0) return close(limit), succeeded("%s can be written", path);
      if (errno != ENOENT) error = errno;
    }
  }
  return errno = error, failed("open");
}

/* Its memory would lie in a file, or go to the crash handler of the host. */
static int dump_core(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return failed("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_CORE, &limit);
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    if (chdir(scratch("")) != 0) _exit(1);
    abort();
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) return failed("waitpid");
  return WCOREDUMP(status) ? succeeded("a core was dumped") : failed_because("abort", "no-core");
}

/* Queued signals, and pages of pipes, are counted over all processes of the user. */
static int queue_signals(void) {
  enum { MANY = 20000 };
  const union sigval value = {0};
  sigset_t set;
  int queued = 0;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigprocmask(SIG_BLOCK, &set, NULL);
  while (queued < MANY && sigqueue(getpid(), SIGRTMIN, value) == 0) queued++;
  return queued == MANY ? succeeded("%d signals are queued", queued) : failed("sigqueue");
}

static int widen_pipe(void) {
  int ends[2];
  if (pipe(ends) != 0) return failed("pipe");
  const int size = fcntl(ends[0], F_SETPIPE_SZ, 1 << 18);
  return size >= 1 << 18 ? succeeded("a pipe of %d bytes", size) : failed("fcntl(F_SETPIPE_SZ)");
}

/* chmod is one way to a set-user-id file; to make it so is another. */
static int make_privileged(void) {
  struct stat status;
  const char *path = scratch("privileged");
  umask(0);
  int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 06755);
  if (fd < 0) return failed("open(O_CREAT)");
  const int result = fstat(fd, &status);
  unlink(path);
  if (result != 0) return failed("fstat");
  return (status.st_mode & (S_ISUID | S_ISGID)) != 0 ? succeeded("mode %o", status.st_mode)
                                                     : failed_because("open(O_CREAT)", "no-set-user-id");
}

const struct attempt limit_attempts[] = {
    {"queue-signals", queue_signals},
    {"widen-pipe", widen_pipe},
    {"make-privileged", make_privileged},
    {"fill-disk", fill_disk},
    {"flood-output", flood_output},
    {"sleep-idly", sleep_idly},
    {"nap", nap},
    {"raise-file-size", raise_file_size},
    {"raise-open-files", raise_open_files},
    {"raise-nice", raise_nice},
    {"raise-io-front", raise_io_front},
    {"raise-io-realtime", raise_io_realtime},
    {"raise-realtime", raise_realtime},
    {"widen-affinity", widen_affinity},
    {"leave-group", leave_group},
    {"raise-group", raise_group},
    {"dump-core", dump_core},
    {NULL, NULL},
};
