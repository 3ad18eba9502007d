/* Doing, once the program is ready, what it might do while it loaded. `port` is the granted port: that it listens makes it
 * ready. What is closed then is closed by another process, so that each attempt goes on for a while; it has succeeded when
 * it still works at the end. */
#include "attack.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { TRIES = 20, PAUSE_MS = 100 };

static int become_ready(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number_param("port"))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4) != 0) return -1;
  return fd;
}

static void pause_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

/* Tries until it fails, or so often that it will not be closed any more. */
static int keep_trying(const char *what, int (*attempt)(void)) {
  if (become_ready() < 0) return failed("listen-first");
  for (int i = 0; i < TRIES; i++) {
    if (attempt() != 0) return failed(what);
    pause_ms(PAUSE_MS);
  }
  return succeeded("%s still works when the program is ready", what);
}

static int map_code(void) {
  void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return code == MAP_FAILED ? -1 : munmap(code, 4096);
}

static int make_executable(void) {
  void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return -1;
  const int result = mprotect(code, 4096, PROT_READ | PROT_EXEC), error = errno;
  munmap(code, 4096);
  errno = error;
  return result;
}

static int map_own_file(void) {
  int fd = open(scratch("code"), O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || ftruncate(fd, 4096) != 0) return -1;
  void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  const int error = errno;
  close(fd);
  errno = error;
  return code == MAP_FAILED ? -1 : munmap(code, 4096);
}

static int from_thread_result, from_thread_error;
static void *map_in_thread(void *none) {
  from_thread_result = map_code();
  from_thread_error = errno;
  return none;
}

static int map_from_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, map_in_thread, NULL) != 0) return 0;
  pthread_join(thread, NULL);
  errno = from_thread_error;
  return from_thread_result;
}

static int map_from_child(void) {
  pid_t child = fork();
  if (child < 0) return 0;
  if (child == 0) _exit(map_code() == 0 ? 0 : errno);
  int status = 0;
  waitpid(child, &status, 0);
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  return errno == 0 ? 0 : -1;
}

static int run_granted_program(void) {
  pid_t child = fork();
  if (child < 0) return 0;
  if (child == 0) {
    execl("/bin/true", "true", NULL);
    _exit(errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  return errno == 0 ? 0 : -1;
}

static int write_granted_file(void) {
  int fd = open(param("canary"), O_WRONLY | O_APPEND);
  return fd < 0 ? -1 : close(fd);
}

static int truncate_granted_file(void) { return truncate(param("canary"), 4096); }

static int move_into_granted_folder(void) {
  if (write_file(scratch("carried"), "carried", 0600) != 0) return 0;
  static char into[4096];
  snprintf(into, sizeof into, "%s/carried", param("folder"));
  return rename(scratch("carried"), into);
}

static int make_in_granted_folder(void) {
  static char made[4096];
  snprintf(made, sizeof made, "%s/made", param("folder"));
  int fd = open(made, O_WRONLY | O_CREAT, 0600);
  return fd < 0 ? -1 : close(fd);
}

/* One name in memory, two files: the private one while it is looked at, the granted one when it is opened. */
enum { LONGEST = 512, HOLD = 3000 };
static char swapped[LONGEST], mine[LONGEST], theirs[LONGEST];
static volatile int stop;

static void hold(void) {
  for (volatile int i = 0; i < HOLD; i++) continue;
}

static void *swap_names(void *none) {
  while (!stop) {
    memcpy(swapped, mine, LONGEST);
    hold();
    memcpy(swapped, theirs, LONGEST);
    hold();
  }
  return none;
}

static int race_write(void) {
  char there[64] = "", text[8] = "";
  pthread_t thread;
  if (become_ready() < 0) return failed("listen-first");
  if (write_file(scratch("mine"), "mine", 0600) != 0) return failed("write_file");
  snprintf(mine, LONGEST, "%s", scratch("mine"));
  snprintf(theirs, LONGEST, "%s", param("canary"));
  pause_ms(TRIES * PAUSE_MS);
  if (pthread_create(&thread, NULL, swap_names, NULL) != 0) return failed("pthread_create");
  int fd = -1;
  for (time_t end = time(NULL) + 3; time(NULL) <= end;) {
    fd = open(swapped, O_RDWR);
    if (fd >= 0 && pread(fd, text, 4, 0) == 4 && memcmp(text, "mine", 4) != 0) break;
    if (fd >= 0) close(fd);
    fd = -1;
  }
  stop = 1;
  pthread_join(thread, NULL);
  if (fd < 0) return failed_because("open", "EACCES");
  snprintf(there, sizeof there, "%s", first_bytes(param("canary")));
  return write(fd, "X", 1) == 1 ? succeeded("a granted file is open for writing: %s", there) : failed("write");
}

/* A file of its own can still be written, made and opened again: else nothing could be cached. */
static int write_own_files(void) {
  if (become_ready() < 0) return failed("listen-first");
  pause_ms(TRIES * PAUSE_MS);
  for (int i = 0; i < 20; i++) {
    char name[32];
    snprintf(name, sizeof name, "own-%d", i);
    int fd = open(scratch(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, "hello", 5) != 5 || close(fd) != 0) return failed("own-file");
    fd = open(scratch(name), O_WRONLY | O_APPEND);
    if (fd < 0 || write(fd, "!", 1) != 1 || close(fd) != 0) return failed("own-append");
    const char *bytes = first_bytes(scratch(name));
    if (bytes == NULL || strcmp(bytes, "hello!") != 0) return failed_because("own-content", "EIO");
    if (unlink(scratch(name)) != 0) return failed("own-unlink");
  }
  if (open(scratch("none/there"), O_WRONLY | O_CREAT, 0600) >= 0 || errno != ENOENT) return failed("own-errno");
  return succeeded("its own files can be written");
}

static int open_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number_param("port"))};
  const int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return -1;
  const int result = bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? listen(fd, 4) : -1, error = errno;
  close(fd);
  errno = error;
  return result;
}

/* The first one is given up: else the port is taken anyway. */
static int ready_listen(void) {
  const int first = become_ready();
  if (first < 0) return failed("listen-first");
  close(first);
  for (int i = 0; i < TRIES; i++) {
    if (open_port() != 0) return failed("bind");
    pause_ms(PAUSE_MS);
  }
  return succeeded("another port is opened when the program is ready");
}

static int protect_with_key(void) {
  void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return -1;
  const int result = (int)syscall(SYS_pkey_mprotect, code, 4096L, PROT_READ | PROT_EXEC, -1L), error = errno;
  munmap(code, 4096);
  errno = error;
  return result;
}

/* What can be read can be executed then, and no call asks for machine code. */
static int read_means_execute(void) {
  return personality((unsigned long)personality(0xffffffff) | READ_IMPLIES_EXEC) < 0 ? -1 : 0;
}

static int share_code(void) {
  const int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0700);
  if (id < 0) return -1;
  void *code = shmat(id, NULL, SHM_EXEC);
  const int error = errno;
  shmctl(id, IPC_RMID, NULL);
  errno = error;
  return code == (void *)-1 ? -1 : shmdt(code);
}

static int map_memory_file(void) {
  const int fd = (int)syscall(SYS_memfd_create, "code", 0u);
  if (fd < 0 || ftruncate(fd, 4096) != 0) return -1;
  void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
  const int error = errno;
  close(fd);
  errno = error;
  return code == MAP_FAILED ? -1 : munmap(code, 4096);
}

/* Threads that are in the middle of the call at the moment of the closing, whenever that is. */
enum { HAMMERS = 4, HAMMER_S = 3 };
static volatile int late; /* so many still work long after it */

static void *hammer(void *begun) {
  const time_t end = *(const time_t *)begun + HAMMER_S;
  int last = 0;
  while (time(NULL) < end) last = map_code();
  if (last == 0) late++;
  errno = 0;
  return NULL;
}

static int ready_hammer(void) {
  pthread_t threads[HAMMERS];
  time_t begun = time(NULL);
  for (int i = 0; i < HAMMERS; i++)
    if (pthread_create(&threads[i], NULL, hammer, &begun) != 0) return failed("pthread_create");
  if (become_ready() < 0) return failed("listen-first");
  for (int i = 0; i < HAMMERS; i++) pthread_join(threads[i], NULL);
  return late > 0 ? succeeded("%d threads still map machine code", late) : failed_because("mmap", "EACCES");
}

static int ready_key(void) { return keep_trying("pkey_mprotect", protect_with_key); }
static int ready_personality(void) { return keep_trying("personality", read_means_execute); }
static int ready_share(void) { return keep_trying("shmat", share_code); }
static int ready_memory_file(void) { return keep_trying("memfd_create", map_memory_file); }
static int ready_map(void) { return keep_trying("mmap", map_code); }
static int ready_protect(void) { return keep_trying("mprotect", make_executable); }
static int ready_map_file(void) { return keep_trying("mmap-file", map_own_file); }
static int ready_map_thread(void) { return keep_trying("mmap-thread", map_from_thread); }
static int ready_map_child(void) { return keep_trying("mmap-child", map_from_child); }
static int ready_exec(void) { return keep_trying("execve", run_granted_program); }
static int ready_write(void) { return keep_trying("open", write_granted_file); }
static int ready_truncate(void) { return keep_trying("truncate", truncate_granted_file); }
static int ready_move(void) { return keep_trying("rename", move_into_granted_folder); }
static int ready_make(void) { return keep_trying("open-new", make_in_granted_folder); }

const struct attempt ready_attempts[] = {
    {"ready-map", ready_map},           {"ready-protect", ready_protect},       {"ready-map-file", ready_map_file},
    {"ready-map-thread", ready_map_thread}, {"ready-map-child", ready_map_child}, {"ready-exec", ready_exec},
    {"ready-write", ready_write},       {"ready-truncate", ready_truncate},     {"ready-move", ready_move},
    {"ready-make", ready_make},         {"ready-race-write", race_write},       {"ready-own-files", write_own_files},
    {"ready-listen", ready_listen},     {"ready-key", ready_key},               {"ready-personality", ready_personality},
    {"ready-share", ready_share},       {"ready-memory-file", ready_memory_file}, {"ready-hammer", ready_hammer},
    {NULL, NULL},
};
