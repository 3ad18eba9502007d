/* A world of one's own, in which one is root. */
#include "attack.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

static int unshare_what(int flags, const char *what) {
  return unshare(flags) == 0 ? succeeded("in a new %s namespace", what) : failed("unshare");
}

static int unshare_user(void) { return unshare_what(CLONE_NEWUSER, "user"); }
static int unshare_mount(void) { return unshare_what(CLONE_NEWNS, "mount"); }
static int unshare_network(void) { return unshare_what(CLONE_NEWUSER | CLONE_NEWNET, "network"); }

static int await(pid_t child, const char *call) {
  if (child < 0) return failed(call);
  int status = 0;
  waitpid(child, &status, 0);
  return succeeded("a child lived in its own user namespace");
}

static int clone_user(void) {
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return await(child, "clone");
}

/* clone3 keeps its flags in memory, out of a filter's sight. */
static int clone3_user(void) {
  struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child == 0) _exit(0);
  return await(child, "clone3");
}

/* Into a namespace of our parent; as the very same one it changes nothing, and shows whether it is allowed. */
static int enter_parent(void) {
  int process = (int)syscall(SYS_pidfd_open, keeper(), 0);
  if (process < 0) return failed("pidfd_open");
  return setns(process, CLONE_NEWUTS) == 0 ? succeeded("entered the parent's namespace") : failed("setns");
}

static int mount_tmpfs(void) {
  if (mount("none", scratch(""), "tmpfs", 0, "") != 0) return failed("mount");
  umount2(scratch(""), MNT_DETACH);
  return succeeded("mounted a tmpfs");
}

static int mount_new_interface(void) {
  int fd = (int)syscall(SYS_fsopen, "tmpfs", 0);
  return fd >= 0 ? succeeded("a filesystem context is open") : failed("fsopen");
}

static int copy_tree(void) {
  int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */);
  return fd >= 0 ? succeeded("a detached copy of / is open") : failed("open_tree");
}

/* The way out of a chroot is one too many chdir after another chroot. */
static int change_root(void) { return chroot("/proc") == 0 ? succeeded("the root is another") : failed("chroot"); }

static int pivot(void) {
  int result = (int)syscall(SYS_pivot_root, scratch(""), scratch(""));
  return result == 0 || errno == EINVAL || errno == EBUSY ? succeeded("the permission was given") : failed("pivot_root");
}

const struct attempt namespace_attempts[] = {
    {"unshare-user", unshare_user},
    {"unshare-mount", unshare_mount},
    {"unshare-network", unshare_network},
    {"clone-user", clone_user},
    {"clone3-user", clone3_user},
    {"enter-parent", enter_parent},
    {"mount-tmpfs", mount_tmpfs},
    {"mount-new-interface", mount_new_interface},
    {"copy-tree", copy_tree},
    {"change-root", change_root},
    {"pivot-root", pivot},
    {NULL, NULL},
};
