#include "landlock.h"

#include <errno.h>
#include <sys/stat.h>

#include "kernel.h"

int landlock_create(uint64_t fs, uint64_t net, uint64_t scoped) {
  const struct landlock_ruleset_numbers rights = {fs, net, scoped};
  return sys_landlock_create(&rights, sizeof rights, 0);
}

int landlock_path(int ruleset, uint64_t access, bool optional, const char *path) {
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return optional ? 0 : -1;
  int result = landlock_descriptor(ruleset, access, fd);
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

int landlock_descriptor(int ruleset, uint64_t access, int fd) {
  struct stat status;
  if (fstat(fd, &status) < 0) return -1;
  if (!S_ISDIR(status.st_mode)) access &= LANDLOCK_FILE_RIGHTS;
  if (access == 0) {
    errno = EINVAL; /* only rights for directories, and this is none */
    return -1;
  }
  const struct landlock_path_numbers rule = {access, fd};
  if (sys_landlock_add_rule(ruleset, LANDLOCK_PATH_RULE, &rule) == 0) return 0;
  /* Pipes, sockets and memfds are on file systems of the kernel's own, which Landlock never restricts. */
  return errno == EBADFD ? 0 : -1;
}

int landlock_port(int ruleset, uint64_t access, uint64_t port) {
  const struct landlock_port_numbers rule = {access, port};
  return sys_landlock_add_rule(ruleset, LANDLOCK_PORT_RULE, &rule);
}

int landlock_restrict(int ruleset, unsigned flags) { return sys_landlock_restrict(ruleset, flags); }
