#include "guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, NO_PROTOCOL = 0 };

struct guest guest = {.pidfd = -1, .listener = -1};

/* Behind the pages that cases fill. */
static struct shared {
  volatile pid_t thread, zombie;
  volatile int ready, racing;
  char swapped[LONGEST_SWAPPED], first[LONGEST_SWAPPED], second[LONGEST_SWAPPED];
} *shared;

static void make_memory(void);
static void make_folders(void);
static void live(int ready) __attribute__((noreturn));

static void must(bool worked, const char *what) {
  if (!worked) wrong("%s: %s", what, strerror(errno));
}

static int listen_here(int *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  must(fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, 64) == 0, "listening");
  must(getsockname(fd, (struct sockaddr *)&address, &length) == 0, "getsockname");
  *port = ntohs(address.sin_port);
  return fd;
}

static pid_t ended_child(void) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  must(child > 0 && waitpid(child, NULL, 0) == child, "fork");
  return child;
}

void guest_begin(bool racing) {
  int ready[2];
  char byte = 0;
  if (guest.memory == NULL) make_memory();
  if (guest.listener < 0) guest.listener = listen_here(&guest.port);
  close(listen_here(&guest.free_port));
  make_folders();
  shared->racing = racing;
  (void)snprintf(shared->first, LONGEST_SWAPPED, "%s/file", guest.kept);
  (void)snprintf(shared->second, LONGEST_SWAPPED, "%s/file", guest.other);
  guest.dead = ended_child();
  must(pipe2(ready, O_CLOEXEC) == 0, "pipe");
  guest.process = fork();
  must(guest.process >= 0, "fork");
  if (guest.process == 0) live(ready[1]);
  close(ready[1]);
  must(read(ready[0], &byte, 1) == 1, "the guest");
  close(ready[0]);
  guest.thread = shared->thread;
  guest.zombie = shared->zombie;
  guest.pidfd = (int)syscall(SYS_pidfd_open, guest.process, 0);
  must(guest.pidfd >= 0, "pidfd_open");
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at) {
  (void)status, (void)kind, (void)at;
  return remove(path);
}

void guest_end(void) {
  must(kill(guest.process, SIGKILL) == 0, "kill");
  must(waitpid(guest.process, NULL, __WALL) == guest.process, "waitpid");
  close(guest.pidfd);
  must(nftw(guest.root, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, "removing the folders");
}

static void make_memory(void) {
  const size_t size = (GUEST_PAGES + 2) * PAGE;
  uint8_t *whole = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  must(whole != MAP_FAILED && mprotect(whole, PAGE, PROT_NONE) == 0, "memory");
  must(mprotect(whole + size - PAGE, PAGE, PROT_NONE) == 0, "memory");
  guest.memory = whole + PAGE;
  shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const int empty = memfd_create("empty", MFD_CLOEXEC);
  guest.past_end = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, empty, 0);
  must(shared != MAP_FAILED && guest.past_end != MAP_FAILED && empty >= 0, "memory");
  close(empty);
}

static void make_file(const char *folder, const char *name) {
  char path[128];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  must(fd >= 0 && write(fd, "text", 4) == 4, path);
  close(fd);
}

static void make_folders(void) {
  static const char *const LINKS[][2] = {{"link", "../other/file"}, {"out", "../other"}, {"loop", "loop"}, {"own", "/proc/self"},
                                         {"top", "/proc/self/root"}, {"here", "file"}, {"gone", "not/there"}};
  (void)snprintf(guest.root, sizeof guest.root, "/tmp/gate-fuzz-XXXXXX");
  must(mkdtemp(guest.root) != NULL, "mkdtemp");
  (void)snprintf(guest.kept, sizeof guest.kept, "%s/kept", guest.root);
  (void)snprintf(guest.other, sizeof guest.other, "%s/other", guest.root);
  (void)snprintf(guest.outside, sizeof guest.outside, "%s/outside", guest.root);
  must(mkdir(guest.kept, 0700) == 0 && mkdir(guest.other, 0700) == 0 && mkdir(guest.outside, 0700) == 0, "mkdir");
  make_file(guest.kept, "file");
  make_file(guest.other, "file");
  make_file(guest.outside, "file");
  must(chdir(guest.kept) == 0 && mkdir("dir", 0700) == 0 && mkfifo("fifo", 0600) == 0, "mkdir");
  for (size_t i = 0; i < sizeof LINKS / sizeof *LINKS; i++) must(symlink(LINKS[i][1], LINKS[i][0]) == 0, "symlink");
  must(chdir("/") == 0, "chdir");
}

/* Numbers from FIRST_DESCRIPTOR on: folders, files, sockets of all sorts. */
static void open_descriptors(void) {
  static const int SOCKETS[][3] = {{AF_INET, SOCK_STREAM, NO_PROTOCOL}, {AF_INET6, SOCK_STREAM, NO_PROTOCOL}, {AF_INET, SOCK_STREAM, NO_PROTOCOL}, {AF_INET6, SOCK_STREAM, NO_PROTOCOL},
                                   {AF_INET, SOCK_DGRAM, NO_PROTOCOL}, {AF_UNIX, SOCK_STREAM, NO_PROTOCOL}, {AF_INET, SOCK_STREAM, 262 /* MPTCP */}};
  char path[128];
  int fds[GUEST_DESCRIPTORS], ends[2];
  size_t count = 0;
  const char *const folders[] = {guest.kept, guest.other, guest.outside, "/"};
  for (size_t i = 0; i < 4; i++) fds[count++] = open(folders[i], O_RDONLY | O_DIRECTORY);
  (void)snprintf(path, sizeof path, "%s/file", guest.kept);
  fds[count++] = open(path, O_RDONLY);
  if (pipe(ends) == 0) fds[count++] = ends[0];
  while (count < GUEST_DESCRIPTORS) {
    const int *wanted = SOCKETS[count % (sizeof SOCKETS / sizeof *SOCKETS)];
    fds[count++] = socket(wanted[0], wanted[1], wanted[2]);
  }
  for (size_t i = 0; i < count; i++) fds[i] = fcntl(fds[i], F_DUPFD, 100);
  for (size_t i = 0; i < count; i++) (void)dup2(fds[i], FIRST_DESCRIPTOR + (int)i);
}

static void *second_thread(void *none) {
  shared->thread = (pid_t)syscall(SYS_gettid);
  shared->ready = 1;
  while (shared->racing) {
    memcpy(shared->swapped, shared->first, LONGEST_SWAPPED);
    memcpy(shared->swapped, shared->second, LONGEST_SWAPPED);
  }
  for (;;) pause();
  return none;
}

static void live(int ready) {
  pthread_t thread;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || chdir(guest.kept) < 0) _exit(1);
  open_descriptors();
  shared->ready = 0;
  shared->zombie = fork();
  if (shared->zombie == 0) _exit(0);
  if (pthread_create(&thread, NULL, second_thread, NULL) != 0) _exit(1);
  while (!shared->ready) usleep(100);
  if (write(ready, "r", 1) != 1) _exit(1);
  for (;;) pause();
}

uint64_t guest_put(struct random *random, const void *bytes, size_t length) {
  const size_t size = GUEST_PAGES * PAGE;
  const bool at_end = chance(random, 8);
  if (length > size - guest.used) return guest_bad_address(random);
  uint8_t *at = guest.memory + (at_end ? size - length : guest.used);
  memcpy(at, bytes, length);
  if (!at_end) guest.used += length;
  return (uint64_t)(uintptr_t)at;
}

uint64_t guest_swapped(void) { return (uint64_t)(uintptr_t)shared->swapped; }

uint64_t guest_bad_address(struct random *random) {
  const uint64_t memory = (uint64_t)(uintptr_t)guest.memory, size = GUEST_PAGES * PAGE;
  const uint64_t places[] = {0, 1, memory - 1, memory + size, memory + size - 1, (uint64_t)(uintptr_t)guest.past_end, 1ull << 47,
                             (1ull << 47) - 1, 0xffff800000000000u, 0xffffffffff600000u, ~0ull, ~0ull - 15, 0x800000000000u};
  return chance(random, 4) ? any(random) : PICK(random, places);
}
