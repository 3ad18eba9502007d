/* Exchanging what a name or a descriptor stands for while it is looked at: a second thread does so all the time. */
#include "attack.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

static char first[4200], second[4200], target[4300];
static int descriptor, bound, unbound;
static atomic_int rounds, over;

static void *exchange_names(void *unused) {
  while (!atomic_load(&over)) {
    renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE);
    atomic_fetch_add(&rounds, 1);
  }
  return unused;
}

static void *exchange_descriptors(void *unused) {
  while (!atomic_load(&over)) {
    dup2(unbound, descriptor);
    for (volatile int i = 0; i < 200; i++) {}
    dup2(bound, descriptor);
    for (volatile int i = 0; i < 200; i++) {}
    atomic_fetch_add(&rounds, 1);
  }
  return unused;
}

static int start(void *(*body)(void *)) {
  pthread_t thread;
  int problem = pthread_create(&thread, NULL, body, NULL);
  while (problem == 0 && atomic_load(&rounds) < 2) usleep(10);
  return problem;
}

/* Two links in TMPDIR, one of them into the grant: 3000 tries to have that one checked and the other one followed. */
static int race_link(void) {
  char expected[16], found[16];
  snprintf(first, sizeof first, "%s", scratch("one"));
  snprintf(second, sizeof second, "%s", scratch("two"));
  unlink(first), unlink(second);
  if (symlink(param("readable"), first) != 0 || symlink(param("canary"), second) != 0) return failed("symlink");
  int granted = open(param("readable"), O_RDONLY | O_CLOEXEC);
  ssize_t size = granted < 0 ? -1 : read(granted, expected, sizeof expected);
  if (size <= 0) return failed("open(granted)");
  if (start(exchange_names) != 0) return failed_because("pthread_create", "no-thread");
  int last = EACCES;
  for (int i = 0; i < 3000; i++) {
    int fd = open(first, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      if (errno != ENOENT) last = errno;
      continue;
    }
    ssize_t length = read(fd, found, sizeof found);
    close(fd);
    if (length > 0 && (length != size || memcmp(found, expected, (size_t)size) != 0))
      return atomic_store(&over, 1), succeeded("first bytes: %s after %d tries", printable(found, (size_t)length), i + 1);
  }
  atomic_store(&over, 1);
  return errno = last, failed("open");
}

/* A folder of ours, and a link to one that is not: 2000 tries to make a file in the second. */
static int race_folder(void) {
  struct stat status;
  char path[4300];
  snprintf(first, sizeof first, "%s", scratch("folder"));
  snprintf(second, sizeof second, "%s", scratch("link"));
  snprintf(target, sizeof target, "%s/planted", param("outside"));
  if (mkdir(first, 0700) != 0 || symlink(param("outside"), second) != 0) return failed("symlink");
  if (start(exchange_names) != 0) return failed_because("pthread_create", "no-thread");
  snprintf(path, sizeof path, "%s/planted", first);
  int last = EACCES;
  for (int i = 0; i < 2000; i++) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) last = errno;
    else close(fd);
    if (stat(target, &status) == 0) return atomic_store(&over, 1), succeeded("made %s after %d tries", target, i + 1);
  }
  atomic_store(&over, 1);
  return errno = last, failed("open");
}

/* One descriptor, now the socket at the granted address, now one that has no address and would get any port. */
static int race_listener(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number_param("port"))};
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unbound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bound < 0 || unbound < 0) return failed("socket");
  if (bind(bound, (struct sockaddr *)&address, sizeof address) != 0) return failed("bind(granted)");
  descriptor = dup(bound);
  if (start(exchange_descriptors) != 0) return failed_because("pthread_create", "no-thread");
  int last = EACCES;
  for (int i = 0; i < 4000; i++) {
    if (i % 20 == 19) usleep(50); /* the other thread gets its turn, on one CPU too */
    int listens = 0;
    socklen_t length = sizeof listens;
    if (listen(descriptor, 1) != 0) last = errno;
    if (getsockopt(unbound, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens)
      return atomic_store(&over, 1), succeeded("listening at a port of the kernel's choice after %d tries", i + 1);
  }
  atomic_store(&over, 1);
  return errno = last, failed("listen");
}

static void ignore(int signal) { (void)signal; }

/* Signals all the time: a call that is interrupted while it waits for an answer must not be let through. */
static int race_signals(void) {
  struct sigaction action = {.sa_handler = ignore};
  struct itimerval often = {{0, 200}, {0, 200}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
  const char *bytes = NULL;
  for (int i = 0; i < 3000 && bytes == NULL; i++) bytes = first_bytes(param("canary"));
  int saved = errno;
  memset(&often, 0, sizeof often);
  setitimer(ITIMER_REAL, &often, NULL);
  return bytes != NULL ? succeeded("first bytes: %s", bytes) : (errno = saved, failed("open"));
}

const struct attempt exchange_attempts[] = {
    {"race-link", race_link},
    {"race-folder", race_folder},
    {"race-listener", race_listener},
    {"race-signals", race_signals},
    {NULL, NULL},
};
