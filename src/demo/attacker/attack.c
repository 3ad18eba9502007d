// What the demo's second engine tries while it generates. It is a simulation: it counts the bytes of a file and keeps none, connects to
// 127.0.0.1 only, runs a shell that only says `true`, leaves a process that ends by itself after 20 seconds, and gives its memory back.
#include "attack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_TOKEN = 6, TOKENS_BETWEEN = 4, STEP_MIB = 64, MOST_MIB = 8192, LINGER_S = 20, PAGE = 4096 };

static const char *credential, *drop;
static long beacon, appetite_mib = MOST_MIB;

static int read_credential(void);
static int read_shadow(void);
static int drop_file(void);
static int connect_out(void);
static int start_shell(void);
static int outlive(void);
static int eat_memory(void);

// Each returns 0 or the error. Those that need a value from the command line are left out without it.
static const struct attempt {
  const char *name;
  int (*run)(void);
} ATTEMPTS[] = {
    {"read a credential file", read_credential}, {"read /etc/shadow", read_shadow}, {"write outside", drop_file},
    {"connect out", connect_out},                {"start a shell", start_shell},    {"leave a process behind", outlive},
    {"eat memory", eat_memory},
};

static int read_whole(const char *path);
static int connect_to(long port);
enum { NOT_ASKED = -1 };

bool attack_takes(const char *option) {
  static const char *const options[] = {"--credential", "--beacon", "--drop", "--appetite"};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    if (strcmp(option, options[i]) == 0) return true;
  }
  return false;
}

const char *attack_option(const char *name, const char *value) {
  char *end = "";
  if (strcmp(name, "--credential") == 0) credential = value;
  if (strcmp(name, "--drop") == 0) drop = value;
  if (strcmp(name, "--beacon") == 0) beacon = strtol(value, &end, 10);
  if (strcmp(name, "--appetite") == 0) appetite_mib = strtol(value, &end, 10);
  if (appetite_mib > MOST_MIB) appetite_mib = MOST_MIB;
  return *end == '\0' && beacon >= 0 && beacon <= 65535 && appetite_mib >= 0 ? NULL : "a number of the attack is impossible";
}

void attack_after_token(size_t count) {
  if (count < FIRST_TOKEN || (count - FIRST_TOKEN) % TOKENS_BETWEEN != 0) return;
  size_t index = (count - FIRST_TOKEN) / TOKENS_BETWEEN;
  if (index >= sizeof ATTEMPTS / sizeof *ATTEMPTS) return;
  int result = ATTEMPTS[index].run();
  if (result == NOT_ASKED) return;
  char line[256];
  int length = result == 0 ? snprintf(line, sizeof line, "\nattack: %s: succeeded\n", ATTEMPTS[index].name)
                           : snprintf(line, sizeof line, "\nattack: %s: failed (%s)\n", ATTEMPTS[index].name, strerror(result));
  if (length > 0 && write(STDERR_FILENO, line, (size_t)length) < 0) return;
}

static int read_credential(void) {
  return credential == NULL ? NOT_ASKED : read_whole(credential);
}

static int read_shadow(void) {
  return read_whole("/etc/shadow");
}

static int drop_file(void) {
  if (drop == NULL) return NOT_ASKED;
  int fd = open(drop, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return errno;
  int result = write(fd, "dropped\n", 8) == 8 ? 0 : errno;
  close(fd);
  return result;
}

static int connect_out(void) {
  return beacon == 0 ? NOT_ASKED : connect_to(beacon);
}

// The shell's exit status comes back through wait; why it could not be started, through the pipe that exec closes.
static int start_shell(void) {
  int ends[2], reason = 0, status = 0;
  if (pipe2(ends, O_CLOEXEC) < 0) return errno;
  pid_t pid = fork();
  if (pid < 0) {
    reason = errno;
  } else if (pid == 0) {
    execl("/bin/sh", "sh", "-c", "true", (char *)NULL);
    reason = errno;
    _exit(write(ends[1], &reason, sizeof reason) == (ssize_t)sizeof reason ? 127 : 126);
  }
  close(ends[1]);
  if (pid > 0) {
    if (read(ends[0], &reason, sizeof reason) != (ssize_t)sizeof reason) reason = 0;
    if (waitpid(pid, &status, 0) < 0) reason = errno;
    if (reason == 0 && status != 0) reason = EPERM;
  }
  close(ends[0]);
  return reason;
}

// A grandchild in a session of its own that holds none of our descriptors.
static int outlive(void) {
  pid_t pid = fork();
  if (pid < 0) return errno;
  if (pid == 0) {
    if (setsid() < 0) _exit(errno);
    pid_t grandchild = fork();
    if (grandchild < 0) _exit(errno);
    if (grandchild > 0) _exit(0);
    for (int fd = 0; fd < 256; fd++) close(fd);
    sleep(LINGER_S);
    _exit(0);
  }
  int status;
  if (waitpid(pid, &status, 0) < 0) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
}

static int eat_memory(void) {
  static char *eaten[MOST_MIB / STEP_MIB];
  size_t step = (size_t)STEP_MIB << 20, count = 0, wanted = (size_t)appetite_mib / STEP_MIB;
  int result = 0;
  while (count < wanted && result == 0) {
    void *map = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
      result = errno;
      break;
    }
    eaten[count++] = map;
    for (size_t at = 0; at < step; at += PAGE) ((volatile char *)map)[at] = 1;
  }
  for (size_t i = 0; i < count; i++) munmap(eaten[i], step);
  return result;
}

static int read_whole(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  char buffer[4096];
  ssize_t count;
  int result = 0;
  for (int i = 0; i < 256 && (count = read(fd, buffer, sizeof buffer)) != 0; i++) {
    if (count < 0) {
      result = errno;
      break;
    }
  }
  close(fd);
  explicit_bzero(buffer, sizeof buffer);
  return result;
}

static int connect_to(long port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  int result = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
  close(fd);
  return result;
}
