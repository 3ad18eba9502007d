/* attack NAME key:HEX key=TEXT …: runs one attempt. See attack.h. */
#include "attack.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

static const struct attempt *const families[] = {
    file_attempts,     write_attempts,   network_attempts, listen_attempts,  process_attempts,
    namespace_attempts, kernel_attempts, foreign_attempts, uring_attempts,   execute_attempts,
    resource_attempts, outlive_attempts, terminal_attempts, inherit_attempts, race_attempts,
    call_attempts,     path_attempts,    exchange_attempts, supervisor_attempts, limit_attempts,
    socket_attempts,
    ready_attempts,     outside_one_attempts,
};

static int arguments_count;
static char **arguments;

int main(int argc, char **argv) {
  arguments_count = argc;
  arguments = argv;
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 4096);
  const char *name = argc > 1 ? argv[1] : "";
  for (size_t family = 0; family < sizeof families / sizeof *families; family++)
    for (const struct attempt *attempt = families[family]; attempt->name != NULL; attempt++)
      if (strcmp(attempt->name, name) == 0) return attempt->run();
  if (strcmp(name, "list") == 0) {
    for (size_t family = 0; family < sizeof families / sizeof *families; family++)
      for (const struct attempt *attempt = families[family]; attempt->name != NULL; attempt++)
        puts(attempt->name);
    return 0;
  }
  fprintf(stderr, "attack: no attempt is called '%s'\n", name);
  return 2;
}

int succeeded(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("SUCCEEDED ", stdout);
  vprintf(format, values);
  fputs("\n", stdout);
  fflush(stdout);
  va_end(values);
  return EXIT_SUCCEEDED;
}

int failed(const char *call) {
  const char *name = strerrorname_np(errno);
  return failed_because(call, name != NULL ? name : "unknown");
}

int failed_because(const char *call, const char *reason) {
  printf("FAILED %s %s\n", call, reason);
  fflush(stdout);
  return EXIT_FAILED;
}

pid_t keeper(void) {
  const pid_t parent = getppid();
  return parent == 0 ? 1 : parent;
}

static char *decode_hex(const char *hex) {
  size_t length = strlen(hex) / 2;
  char *text = calloc(length + 1, 1);
  if (text == NULL) exit(2);
  for (size_t i = 0; i < length; i++) {
    unsigned byte = 0;
    if (sscanf(hex + 2 * i, "%2x", &byte) != 1) exit(2);
    text[i] = (char)byte;
  }
  return text;
}

const char *optional_param(const char *key) {
  size_t length = strlen(key);
  for (int i = 2; i < arguments_count; i++) {
    if (strncmp(arguments[i], key, length) != 0) continue;
    if (arguments[i][length] == '=') return arguments[i] + length + 1;
    if (arguments[i][length] == ':') return decode_hex(arguments[i] + length + 1);
  }
  return NULL;
}

const char *param(const char *key) {
  const char *value = optional_param(key);
  if (value != NULL) return value;
  fprintf(stderr, "attack: parameter '%s' is missing\n", key);
  exit(2);
}

int number_param(const char *key) { return atoi(param(key)); }

const char *scratch(const char *name) {
  static char paths[2][4096];
  static int turn;
  const char *folder = getenv("TMPDIR");
  char *path = paths[turn++ & 1];
  snprintf(path, sizeof paths[0], "%s/%s", folder != NULL ? folder : "/tmp", name);
  return path;
}

const char *printable(const char *bytes, size_t length) {
  static char text[41];
  if (length > sizeof text - 1) length = sizeof text - 1;
  for (size_t i = 0; i < length; i++) text[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.';
  text[length] = 0;
  return text;
}

const char *first_bytes(const char *path) {
  char buffer[40];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  ssize_t length = read(fd, buffer, sizeof buffer);
  int saved = errno;
  close(fd);
  errno = saved;
  return length < 0 ? NULL : printable(buffer, (size_t)length);
}

int write_file(const char *path, const char *text, int mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return -1;
  ssize_t written = write(fd, text, strlen(text));
  fchmod(fd, (mode_t)mode); /* may be denied; the mode at creation is enough */
  return close(fd) == 0 && written == (ssize_t)strlen(text) ? 0 : -1;
}

int copy_file(const char *from, const char *to, int mode) {
  char buffer[65536];
  int source = open(from, O_RDONLY | O_CLOEXEC);
  if (source < 0) return -1;
  int target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (target < 0) return -1;
  ssize_t length = 0;
  while ((length = read(source, buffer, sizeof buffer)) > 0)
    if (write(target, buffer, (size_t)length) != length) return -1;
  close(source);
  return close(target) == 0 && length == 0 ? 0 : -1;
}
