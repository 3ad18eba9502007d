#include "call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "path.h"
#include "process.h"

/* Calls with a path or an address that a launcher may ask to see. New ones are rows. */
static const struct call_shape SHAPES[] = {
#ifdef SYS_open
    {SYS_open, 0, -1, -1, -1, OPEN_FLAGS_IN_REGISTER, 1},
    {SYS_creat, 0, -1, -1, -1, OPEN_CREATES, -1},
    {SYS_unlink, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_rmdir, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_mkdir, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_rename, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_link, 1, -1, -1, -1, NOT_OPEN, -1},
    {SYS_symlink, 1, -1, -1, -1, NOT_OPEN, -1},
    {SYS_mknod, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_chmod, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_chown, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_lchown, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_utime, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_utimes, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_futimesat, 1, 0, -1, -1, NOT_OPEN, -1},
#endif
    {SYS_openat, 1, 0, -1, -1, OPEN_FLAGS_IN_REGISTER, 2},
    {NR_OPENAT2, 1, 0, -1, -1, OPEN_FLAGS_IN_MEMORY, 2},
    {SYS_execve, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_execveat, 1, 0, -1, -1, NOT_OPEN, -1},
    {SYS_truncate, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_unlinkat, 1, 0, -1, -1, NOT_OPEN, -1},
    {SYS_mkdirat, 1, 0, -1, -1, NOT_OPEN, -1},
    {SYS_renameat2, 1, 0, -1, -1, NOT_OPEN, -1},
    {SYS_linkat, 3, 2, -1, -1, NOT_OPEN, -1},
    {SYS_symlinkat, 2, 1, -1, -1, NOT_OPEN, -1},
    {SYS_mknodat, 1, 0, -1, -1, NOT_OPEN, -1},
    {SYS_fchmodat, 1, 0, -1, -1, NOT_OPEN, -1},
    {SYS_fchownat, 1, 0, -1, -1, NOT_OPEN, -1},
    {NR_FCHMODAT2, 1, 0, -1, -1, NOT_OPEN, -1},
    {SYS_utimensat, 1, 0, -1, -1, NOT_OPEN, -1},
    {SYS_setxattr, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_lsetxattr, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_removexattr, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_lremovexattr, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_chroot, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_pivot_root, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_umount2, 0, -1, -1, -1, NOT_OPEN, -1},
    {SYS_mount, 1, -1, -1, -1, NOT_OPEN, -1},
    {SYS_bind, -1, -1, 1, 2, NOT_OPEN, -1},
    {SYS_connect, -1, -1, 1, 2, NOT_OPEN, -1},
    {SYS_sendto, -1, -1, 4, 5, NOT_OPEN, -1},
};

static int read_memory(pid_t tid, uint64_t address, void *into, size_t size, size_t *got);
static int read_string(pid_t tid, uint64_t address, char *into, size_t size);

const struct call_shape *call_shape(const struct call *call) {
  if (!call->native) return NULL;
  for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++)
    if (SHAPES[i].nr == call->nr) return &SHAPES[i];
  return NULL;
}

int call_path(const struct call *call, const struct call_shape *shape, struct path *path) {
  char text[PATH_MAX], link[64], base[PATH_MAX];
  path->length = 0;
  int error = read_string(call->tid, call->args[shape->path], text, sizeof text);
  if (error != 0) return error;
  int directory = shape->directory < 0 ? AT_FDCWD : (int)call->args[shape->directory];
  ssize_t length = 0;
  if (text[0] != '/') {
    if (directory == AT_FDCWD) (void)snprintf(link, sizeof link, "/proc/%d/cwd", call->tid);
    else (void)snprintf(link, sizeof link, "/proc/%d/fd/%d", call->tid, directory);
    length = readlink(link, base, sizeof base);
    if (length < 0 && (errno == EACCES || errno == EPERM)) return EPERM;
    if (length < 0) length = 0; /* a bad descriptor: the kernel will say so; the path is shown as it was given */
  }
  path_join(path, base, (size_t)length, text);
  return 0;
}

int call_open_flags(const struct call *call, const struct call_shape *shape, uint64_t *flags) {
  *flags = O_WRONLY | O_CREAT | O_TRUNC;
  if (shape->opens == OPEN_CREATES) return 0;
  *flags = call->args[shape->flags];
  if (shape->opens == OPEN_FLAGS_IN_REGISTER) return 0;
  uint8_t how[8]; /* struct open_how begins with the flags */
  size_t got = 0;
  int error = read_memory(call->tid, call->args[shape->flags], how, sizeof how, &got);
  if (error == 0 && got < sizeof how) error = EFAULT;
  *flags = error == 0 ? read_u64(how) : 0;
  return error;
}

int call_address(const struct call *call, const struct call_shape *shape, struct sockaddr_storage *address,
                 socklen_t *length) {
  size_t got = 0;
  const uint64_t claimed = (uint32_t)call->args[shape->length]; /* an int to the kernel */
  memset(address, 0, sizeof *address);
  *length = 0;
  if (claimed > sizeof *address || claimed < sizeof(sa_family_t)) return EINVAL;
  int error = read_memory(call->tid, call->args[shape->address], address, (size_t)claimed, &got);
  if (error == 0 && got < claimed) error = EFAULT;
  if (error == 0) *length = (socklen_t)claimed;
  return error;
}

int call_descriptor(const struct call *call, int fd) {
  /* A thread shares its descriptors with its group unless it said otherwise; one that has is not served. */
  pid_t group = process_of_thread(call->tid);
  int pidfd = group <= 0 ? -1 : sys_pidfd_open(group);
  if (pidfd < 0) {
    errno = EPERM;
    return -1;
  }
  int copy = sys_pidfd_getfd(pidfd, fd);
  int error = errno;
  close(pidfd);
  errno = error;
  return copy;
}

void describe_address(const struct sockaddr_storage *address, socklen_t length, struct path *into) {
  char text[INET6_ADDRSTRLEN] = "";
  struct sockaddr_in four;
  struct sockaddr_in6 six;
  struct sockaddr_un path;
  size_t name = length - offsetof(struct sockaddr_un, sun_path);
  int size = 0;
  if (address->ss_family == AF_INET && length >= sizeof four) {
    memcpy(&four, address, sizeof four);
    inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    size = snprintf(into->text, sizeof into->text, "%s:%u", text, ntohs(four.sin_port));
  } else if (address->ss_family == AF_INET6 && length >= sizeof six) {
    memcpy(&six, address, sizeof six);
    inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
    size = snprintf(into->text, sizeof into->text, "[%s]:%u", text, ntohs(six.sin6_port));
  } else if (address->ss_family == AF_UNIX && length > offsetof(struct sockaddr_un, sun_path)) {
    memcpy(&path, address, sizeof path);
    if (name > sizeof path.sun_path) name = sizeof path.sun_path;
    bool abstract = path.sun_path[0] == 0;
    if (!abstract) name = strnlen(path.sun_path, name);
    size = snprintf(into->text, sizeof into->text, abstract ? "unix:@" : "unix:");
    memcpy(into->text + size, path.sun_path + abstract, name - abstract);
    size += (int)(name - abstract);
  } else {
    size = snprintf(into->text, sizeof into->text, "family:%u", address->ss_family);
  }
  into->length = (size_t)size;
}

/* Page by page, so that a string near the end of a mapping is read as far as it goes. */
static int read_memory(pid_t tid, uint64_t address, void *into, size_t size, size_t *got) {
  const size_t page = 4096; /* the smallest there is: with larger pages the steps are only shorter than needed */
  *got = 0;
  while (*got < size) {
    size_t step = page - (size_t)((address + *got) % page);
    if (step > size - *got) step = size - *got;
    struct iovec local = {(char *)into + *got, step};
    struct iovec remote = {(void *)(uintptr_t)(address + *got), step};
    ssize_t done = process_vm_readv(tid, &local, 1, &remote, 1, 0);
    if (done < 0 && *got == 0) return errno == EFAULT ? EFAULT : EPERM;
    if (done <= 0) return 0;
    *got += (size_t)done;
    if ((size_t)done < step) return 0;
  }
  return 0;
}

/* A string whose end is not found is not a path for the kernel either. */
static int read_string(pid_t tid, uint64_t address, char *into, size_t size) {
  size_t total = 0;
  while (total < size) {
    size_t got = 0, step = 4096 - (size_t)((address + total) % 4096);
    if (step > size - total) step = size - total;
    int error = read_memory(tid, address + total, into + total, step, &got);
    if (error != 0) return error;
    if (memchr(into + total, 0, got) != NULL) return 0;
    if (got < step) return EFAULT;
    total += got;
  }
  return ENAMETOOLONG;
}
