/* A notified system call: what it is about, read once from the caller. */
#ifndef PADDOCK_CALL_H
#define PADDOCK_CALL_H

#include <limits.h>
#include <sys/socket.h>

#include "kernel.h"
#include "util.h"

struct call {
  uint64_t id;
  pid_t tid;
  int32_t nr;
  uint32_t arch;
  uint64_t args[6];
  bool native; /* of this architecture, and without the x32 bit */
};

/* Where the path or address of a system call is. -1: none. */
struct call_shape {
  int nr;
  signed char path, directory; /* arguments: pointer to a path, and the descriptor it is relative to */
  signed char address, length; /* pointer to a socket address, and its length */
  enum { NOT_OPEN, OPEN_FLAGS_IN_REGISTER, OPEN_FLAGS_IN_MEMORY, OPEN_CREATES } opens;
  signed char flags; /* argument: open flags, or pointer to struct open_how */
};

/* NULL for a call without either, or of a foreign architecture. */
const struct call_shape *call_shape(const struct call *call);

/* A path as the caller meant it: absolute where the directory could be found out, "." and ".." taken away. */
struct path {
  size_t length;
  char text[2 * PATH_MAX + 2];
};

/* Each returns 0 or the errno to deny the call with: what cannot be read is never let through. */
int call_path(const struct call *call, const struct call_shape *shape, struct path *path);
int call_open_flags(const struct call *call, const struct call_shape *shape, uint64_t *flags);
int call_address(const struct call *call, const struct call_shape *shape, struct sockaddr_storage *address,
                 socklen_t *length);

/* Own duplicate of a descriptor of the caller: the same open file description. -1 with errno. */
int call_descriptor(const struct call *call, int fd);

/* "127.0.0.1:8080", "[::1]:8080", "unix:/path", "unix:@name", "family:16". */
void describe_address(const struct sockaddr_storage *address, socklen_t length, struct path *into);

#endif
