/* What the launcher or its caller left lying about: descriptors, variables, terminals. */
#include "attack.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

extern char **environ;

enum { JUDGED_FILE = 9 };

/* Every descriptor but the streams and the judged file is one too many. */
static int find_descriptors(void) {
  for (int fd = 3; fd < 1024; fd++) {
    struct stat status;
    char path[64], target[256] = "";
    if (fd == JUDGED_FILE || fstat(fd, &status) != 0) continue;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, target, sizeof target - 1);
    return succeeded("descriptor %d is %s", fd, length > 0 ? target : "open");
  }
  return failed("fstat");
}

/* The judged file's own descriptor must not be writable, nor anything but that file. */
static int write_judged_descriptor(void) {
  int flags = fcntl(JUDGED_FILE, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) return succeeded("descriptor 9 is open for writing");
  return pwrite(JUDGED_FILE, "X", 1, 0) == 1 ? succeeded("first byte changed") : failed("pwrite");
}

/* A line on the control channel would end the session, or worse, free it. */
static int command_supervisor(void) {
  int written = 0;
  for (int fd = 3; fd < 256; fd++)
    if (fd != JUDGED_FILE && write(fd, "kill\n", 5) == 5) written++;
  return written > 0 ? succeeded("%d descriptors took a command", written) : failed("write");
}

static int read_inherited(void) {
  char buffer[40];
  for (int fd = 3; fd < 256; fd++) {
    ssize_t length = fd == JUDGED_FILE ? 0 : pread(fd, buffer, sizeof buffer, 0);
    if (length > 0) return succeeded("descriptor %d holds: %s", fd, printable(buffer, (size_t)length));
  }
  errno = EBADF;
  return failed("pread");
}

/* The standard streams may be inherited files: through /proc they could be opened again for more. */
static int reopen_stream(void) {
  int fd = open("/proc/self/fd/0", O_RDWR | O_CLOEXEC);
  if (fd < 0) return failed("open");
  return pwrite(fd, "X", 1, 0) == 1 ? succeeded("the caller's input file was changed") : failed("pwrite");
}

static int find_variable(void) {
  const char *name = param("variable");
  const char *value = getenv(name);
  if (value != NULL) return succeeded("%s=%s", name, value);
  return failed_because("getenv", "not-set");
}

const struct attempt inherit_attempts[] = {
    {"find-descriptors", find_descriptors},
    {"write-judged-descriptor", write_judged_descriptor},
    {"command-supervisor", command_supervisor},
    {"read-inherited", read_inherited},
    {"reopen-stream", reopen_stream},
    {"find-variable", find_variable},
    {NULL, NULL},
};
