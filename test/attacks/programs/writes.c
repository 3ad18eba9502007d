/* Changing what was not granted for writing. `victim` is an existing file, `outside` a folder with room for new names. */
#include "attack.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <utime.h>

static const char *outside(const char *name) {
  static char path[4200];
  snprintf(path, sizeof path, "%s/%s", param("outside"), name);
  return path;
}

static int exists(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

static int create_outside(void) {
  const char *path = outside("planted");
  return write_file(path, "planted", 0600) == 0 ? succeeded("wrote %s", path) : failed("open(O_CREAT)");
}

static int create_with_creat(void) {
  int fd = (int)syscall(SYS_creat, outside("created"), 0600);
  return fd >= 0 ? succeeded("created") : failed("creat");
}

/* The caller's folder is where a llamafile run by hand would leave its files. */
static int create_in_callers_folder(void) {
  char path[4200];
  snprintf(path, sizeof path, "%s/main.log", param("caller"));
  return write_file(path, "log", 0600) == 0 ? succeeded("wrote %s", path) : failed("open(O_CREAT)");
}

static int append_to_victim(void) {
  int fd = open(param("victim"), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return failed("open(O_APPEND)");
  return write(fd, "x", 1) == 1 ? succeeded("appended a byte") : failed("write");
}

static int truncate_victim(void) {
  return truncate(param("victim"), 0) == 0 ? succeeded("truncated") : failed("truncate");
}

static int truncate_while_reading(void) {
  int fd = open(param("victim"), O_RDONLY | O_TRUNC | O_CLOEXEC);
  struct stat status;
  if (fd < 0) return failed("open(O_TRUNC)");
  return fstat(fd, &status) == 0 && status.st_size == 0 ? succeeded("truncated") : failed("fstat");
}

static int rename_victim(void) {
  const char *target = outside("renamed");
  return rename(param("victim"), target) == 0 ? succeeded("renamed to %s", target) : failed("rename");
}

static int rename_into_outside(void) {
  const char *mine = scratch("mine");
  if (write_file(mine, "mine", 0700) != 0) return failed("write in TMPDIR");
  return rename(mine, outside("moved-in")) == 0 ? succeeded("moved a file of ours out") : failed("rename");
}

static int exchange_with_victim(void) {
  const char *mine = scratch("mine");
  if (write_file(mine, "mine", 0700) != 0) return failed("write in TMPDIR");
  return renameat2(AT_FDCWD, mine, AT_FDCWD, param("victim"), RENAME_EXCHANGE) == 0
             ? succeeded("exchanged")
             : failed("renameat2");
}

static int unlink_victim(void) {
  return unlink(param("victim")) == 0 && !exists(param("victim")) ? succeeded("deleted") : failed("unlink");
}

static int link_outside(void) {
  const char *mine = scratch("mine");
  if (write_file(mine, "mine", 0700) != 0) return failed("write in TMPDIR");
  return link(mine, outside("linked")) == 0 ? succeeded("linked") : failed("link");
}

static int symlink_outside(void) {
  return symlink("/etc/shadow", outside("trap")) == 0 ? succeeded("planted a link") : failed("symlink");
}

static int mkdir_outside(void) {
  return mkdir(outside("folder"), 0700) == 0 ? succeeded("made a folder") : failed("mkdir");
}

static int fifo_outside(void) {
  return mknod(outside("fifo"), S_IFIFO | 0600, 0) == 0 ? succeeded("made a FIFO") : failed("mknod");
}

/* An unnamed file, given its name only at the end. */
static int unnamed_outside(void) {
  int fd = open(param("outside"), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return failed("open(O_TMPFILE)");
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, path, AT_FDCWD, outside("named"), AT_SYMLINK_FOLLOW) == 0 ? succeeded("named")
                                                                                     : failed("linkat");
}

static int chmod_readable(void) {
  return chmod(param("readable"), 04777) == 0 ? succeeded("mode is 4777") : failed("chmod");
}

static int fchmod_readable(void) {
  int fd = open(param("readable"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open");
  return fchmod(fd, 04777) == 0 ? succeeded("mode is 4777") : failed("fchmod");
}

/* Takes its flags where fchmodat has none; since Linux 6.6. */
static int fchmodat2_readable(void) {
  return syscall(452, AT_FDCWD, param("readable"), 0777, 0) == 0 ? succeeded("mode is 777") : failed("fchmodat2");
}

static int chown_readable(void) {
  return chown(param("readable"), getuid(), getgid()) == 0 ? succeeded("chown accepted") : failed("chown");
}

static int utime_readable(void) {
  struct utimbuf times = {.actime = 1, .modtime = 1};
  return utime(param("readable"), &times) == 0 ? succeeded("time is 1970") : failed("utime");
}

static int utimensat_readable(void) {
  struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  return utimensat(AT_FDCWD, param("readable"), times, 0) == 0 ? succeeded("time is 1970") : failed("utimensat");
}

static int setxattr_readable(void) {
  return setxattr(param("readable"), "user.mark", "1", 1, 0) == 0 ? succeeded("attribute set") : failed("setxattr");
}

/* A file attribute by ioctl, on a descriptor that is open for reading. */
static int set_flags_readable(void) {
  int fd = open(param("readable"), O_RDONLY | O_CLOEXEC), flags = 0;
  if (fd < 0) return failed("open");
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return failed("ioctl(FS_IOC_GETFLAGS)");
  flags |= FS_NODUMP_FL;
  return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0 ? succeeded("attribute set") : failed("ioctl(FS_IOC_SETFLAGS)");
}

/* The file that was judged, changed after the judgement. */
static int overwrite_self(void) {
  int fd = open(param("self"), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed("open(O_WRONLY)");
  return pwrite(fd, "X", 1, 0) == 1 ? succeeded("first byte changed") : failed("pwrite");
}

/* The descriptor through which the runtime reads its own zip. */
static int overwrite_descriptor(void) {
  int known = open(param("self"), O_RDONLY | O_CLOEXEC);
  if (known < 0) known = 9;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", known);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return failed("open(/proc/self/fd)");
  return pwrite(fd, "X", 1, 0) == 1 ? succeeded("first byte changed") : failed("pwrite");
}

static int replace_self(void) {
  return unlink(param("self")) == 0 ? succeeded("the judged file is gone") : failed("unlink");
}

/* Out of the limits by moving to another control group. */
static int leave_control_group(void) {
  int fd = open(param("group"), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed("open");
  return write(fd, "0\n", 2) == 2 ? succeeded("moved to %s", param("group")) : failed("write");
}

static int write_launcher_score(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/oom_score_adj", number_param("launcher"));
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed("open");
  return write(fd, "500\n", 4) == 4 ? succeeded("the launcher dies first when memory is short") : failed("write");
}

/* What is left behind is found by the test, which looks when the session is over: so these only say what they made. */
static int leave_deep_folder(void) {
  static char name[201];
  memset(name, 'd', sizeof name - 1);
  if (chdir(scratch("")) != 0) return failed("chdir");
  for (int depth = 0; depth < 1000; depth++)
    if (mkdir(name, 0700) != 0 || chdir(name) != 0) return failed("mkdir");
  return failed_because("leave", "a-path-of-200000-bytes");
}

/* Nobody without privileges can list such a folder, not even to empty it. */
static int leave_locked_folder(void) {
  char path[4200];
  if (mkdir(scratch("locked"), 0300) != 0) return failed("mkdir");
  snprintf(path, sizeof path, "%s/inside", scratch("locked"));
  if (write_file(path, "x", 0) != 0) return failed("open");
  return failed_because("leave", "a-folder-without-read-permission");
}

/* Whoever sweeps must not follow. */
static int leave_link(void) {
  if (symlink(param("outside"), scratch("link")) != 0) return failed("symlink");
  return failed_because("leave", "a-link-to-the-outside");
}

const struct attempt write_attempts[] = {
    {"create-outside", create_outside},
    {"create-with-creat", create_with_creat},
    {"create-in-callers-folder", create_in_callers_folder},
    {"append-to-victim", append_to_victim},
    {"truncate-victim", truncate_victim},
    {"truncate-while-reading", truncate_while_reading},
    {"rename-victim", rename_victim},
    {"rename-into-outside", rename_into_outside},
    {"exchange-with-victim", exchange_with_victim},
    {"unlink-victim", unlink_victim},
    {"link-outside", link_outside},
    {"symlink-outside", symlink_outside},
    {"mkdir-outside", mkdir_outside},
    {"fifo-outside", fifo_outside},
    {"unnamed-outside", unnamed_outside},
    {"chmod-readable", chmod_readable},
    {"fchmod-readable", fchmod_readable},
    {"fchmodat2-readable", fchmodat2_readable},
    {"chown-readable", chown_readable},
    {"utime-readable", utime_readable},
    {"utimensat-readable", utimensat_readable},
    {"setxattr-readable", setxattr_readable},
    {"set-flags-readable", set_flags_readable},
    {"overwrite-self", overwrite_self},
    {"overwrite-descriptor", overwrite_descriptor},
    {"replace-self", replace_self},
    {"leave-control-group", leave_control_group},
    {"write-launcher-score", write_launcher_score},
    {"leave-deep-folder", leave_deep_folder},
    {"leave-locked-folder", leave_locked_folder},
    {"leave-link", leave_link},
    {NULL, NULL},
};
