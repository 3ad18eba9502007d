/* One path each: of a device, of /proc, of /sys, of paddock's own. Nothing is written where the open is what is tried. */
#include "attack.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* `path` with `%l` and `%p` for the process ids of the launcher and of our parent. */
static const char *path_param(void) {
  static char path[4200];
  const char *given = param("path"), *sign = strchr(given, '%');
  if (sign == NULL) return given;
  int process = sign[1] == 'p' ? keeper() : number_param("launcher");
  snprintf(path, sizeof path, "%.*s%d%s", (int)(sign - given), given, process, sign + 2);
  return path;
}

static int read_path(void) {
  char buffer[40];
  int fd = open(path_param(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return failed("open");
  ssize_t length = read(fd, buffer, sizeof buffer);
  return length > 0 ? succeeded("first bytes: %s", printable(buffer, (size_t)length)) : failed("read");
}

/* A device that has nothing to read is had all the same. */
static int open_path(void) {
  int fd = open(path_param(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  return fd >= 0 ? succeeded("%s is open", path_param()) : failed("open");
}

static int open_path_to_write(void) {
  int fd = open(path_param(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  return fd >= 0 ? succeeded("%s is open for writing", path_param()) : failed("open");
}

static int make_in_path(void) {
  char path[4300];
  snprintf(path, sizeof path, "%s/planted", path_param());
  if (write_file(path, "planted", 0600) != 0) return failed("open(O_CREAT)");
  unlink(path);
  return succeeded("made and removed %s", path);
}

static int open_any_terminal(void) {
  int last = ENOENT;
  for (int number = 0; number < 256; number++) {
    char path[32];
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) return succeeded("%s is open for writing", path);
    if (errno != ENOENT) last = errno;
  }
  return errno = last, failed("open");
}

/* Any of our parent's descriptors, by its name below /proc. */
static int open_parents_descriptor(void) {
  int last = ENOENT;
  for (int number = 0; number < 64; number++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", keeper(), number);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) return succeeded("%s is open", path);
    if (errno != ENOENT) last = errno;
  }
  return errno = last, failed("open");
}

/* What asks a device something, and so drives it: how much entropy it has, which is no secret. */
static int drive_device(void) {
  int bits = 0, fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open");
  return ioctl(fd, RNDGETENTCNT, &bits) == 0 ? succeeded("the device answers: %d", bits) : failed("ioctl");
}

/* Of btrfs; elsewhere nobody knows the request. Landlock does not look at what it makes. */
static int make_subvolume(void) {
  char arguments[4096] = {0};
  int folder = open(scratch(""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return failed("open");
  snprintf(arguments + 8, 64, "planted"); /* struct btrfs_ioctl_vol_args: descriptor, then name */
  return ioctl(folder, 0x5000940eu, arguments) == 0 ? succeeded("a subvolume is made") : failed("ioctl");
}

/* The key of encrypted folders, taken away from the user. No such key: what is tried is whether the kernel looks. */
static int remove_folder_key(void) {
  char arguments[64] = {0};
  int folder = open(scratch(""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return failed("open");
  int result = ioctl(folder, 0xc0406618u, arguments);
  return result == 0 || errno == EINVAL || errno == ENOKEY ? succeeded("it looked for the key") : failed("ioctl");
}

static int make_device(void) {
  const char *path = scratch("memory");
  unlink(path);
  if (mknod(path, S_IFCHR | 0600, makedev(1, 5)) != 0) return failed("mknod");
  return succeeded("a device of our own: %s", path);
}

/* Past the protection of pages, which the kernel lets a process do to itself through this file. */
static int rewrite_own_code(void) {
  static const char constant[] = "read-only";
  int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  if (fd < 0) return failed("open");
  if (pwrite(fd, "R", 1, (off_t)(uintptr_t)constant) != 1) return failed("pwrite");
  return *(volatile const char *)constant == 'R' ? succeeded("a constant was changed") : failed_because("pwrite", "no-effect");
}

/* Memory that any program of the user can find by its name. */
static int shared_file(void) {
  char path[64];
  snprintf(path, sizeof path, "/dev/shm/paddock-attack-%d", getpid());
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return failed("open");
  unlink(path);
  return succeeded("shared memory by name");
}

/* No pages are named: what is tried is whether we may. */
static int move_launchers_pages(void) {
  return syscall(SYS_move_pages, number_param("launcher"), 0L, NULL, NULL, NULL, 0) == 0
             ? succeeded("its pages may be moved")
             : failed("move_pages");
}

static int migrate_launchers_pages(void) {
  unsigned long from = 1, to = 1;
  return syscall(SYS_migrate_pages, number_param("launcher"), 64L, &from, &to) >= 0
             ? succeeded("its pages may be migrated")
             : failed("migrate_pages");
}

static int advise_launchers_memory(void) {
  int process = (int)syscall(434 /* pidfd_open */, number_param("launcher"), 0);
  if (process < 0) return failed("pidfd_open");
  long result = syscall(440 /* process_madvise */, process, NULL, 0L, 20 /* MADV_COLD */, 0);
  return result >= 0 ? succeeded("its memory may be advised on") : failed("process_madvise");
}

const struct attempt path_attempts[] = {
    {"read-path", read_path},
    {"open-path", open_path},
    {"open-path-to-write", open_path_to_write},
    {"make-in-path", make_in_path},
    {"open-any-terminal", open_any_terminal},
    {"open-parents-descriptor", open_parents_descriptor},
    {"drive-device", drive_device},
    {"make-subvolume", make_subvolume},
    {"remove-folder-key", remove_folder_key},
    {"make-device", make_device},
    {"rewrite-own-code", rewrite_own_code},
    {"shared-file", shared_file},
    {"move-launchers-pages", move_launchers_pages},
    {"migrate-launchers-pages", migrate_launchers_pages},
    {"advise-launchers-memory", advise_launchers_memory},
    {NULL, NULL},
};
