/* Doors of the kernel, one call each. The arguments are such that nothing changes where the call is let in: what is tried
 * is whether it gets there. EPERM, EACCES and ENOSYS mean that it did not; anything else is the kernel's own word. */
#include "attack.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/timex.h>

#define NOBODY (-1L)
#define NOWHERE ((long)"/nonexistent/paddock")

static struct timex asked; /* no mode: nothing is set */

static const struct {
  const char *name;
  long nr, arguments[6];
} CALLS[] = {
    {"process_vm_readv", SYS_process_vm_readv, {1}},
    {"process_vm_writev", SYS_process_vm_writev, {1}},
    {"kcmp", SYS_kcmp, {1, 1, 99}},
    {"pidfd_getfd", 438, {NOBODY, NOBODY, 0}},
    {"process_madvise", 440, {NOBODY, 0, 0, 99, 0}},
    {"process_mrelease", 448, {NOBODY, 0}},
    {"swapon", SYS_swapon, {NOWHERE, 0}},
    {"swapoff", SYS_swapoff, {NOWHERE}},
    {"reboot", SYS_reboot, {0, 0, 0, 0}}, /* without its magic numbers */
    {"kexec_load", SYS_kexec_load, {0, 0, 0, 0x7fff}},
    {"kexec_file_load", 294, {NOBODY, NOBODY, 0, 0, 0x7fff}},
    {"init_module", SYS_init_module, {0, 0, 0}},
    {"delete_module", SYS_delete_module, {0, 0}},
    {"quotactl", SYS_quotactl, {NOBODY, 0, 0, 0}},
    {"quotactl_fd", 443, {NOBODY, NOBODY, 0, 0}},
    {"open_by_handle_at", SYS_open_by_handle_at, {NOBODY, 0, 0}},
    {"name_to_handle_at", SYS_name_to_handle_at, {AT_FDCWD, NOWHERE, 0, 0, 0}},
    {"lookup_dcookie", SYS_lookup_dcookie, {0, 0, 0}},
    {"keyctl", SYS_keyctl, {999}},
    {"request_key", SYS_request_key, {0, 0, 0, 0}},
    {"umount2", SYS_umount2, {NOWHERE, 0}},
    {"fsconfig", 431, {NOBODY, 99, 0, 0, 0}},
    {"fsmount", 432, {NOBODY, 0, 0}},
    {"fspick", 433, {AT_FDCWD, NOWHERE, 0}},
    {"move_mount", 429, {NOBODY, (long)"", NOBODY, (long)"", 0}},
    {"mount_setattr", 442, {NOBODY, (long)"", 0, 0, 0}},
    {"io_uring_enter", 426, {NOBODY, 0, 0, 0, 0, 0}},
    {"io_uring_register", 427, {NOBODY, 0, 0, 0}},
    {"acct", SYS_acct, {NOWHERE}},
    {"settimeofday", SYS_settimeofday, {0, 0}},
    {"clock_settime", SYS_clock_settime, {99, 0}},
    {"adjtimex", SYS_adjtimex, {(long)&asked}},
    {"clock_adjtime", SYS_clock_adjtime, {0, (long)&asked}},
    {"setdomainname", SYS_setdomainname, {0, NOBODY}},
    {"fanotify_mark", SYS_fanotify_mark, {NOBODY, 0, 0, 0, 0}},
    {"semget", SYS_semget, {0x7061646b, 0, 0}},
    {"shmat", SYS_shmat, {NOBODY, 0, 0}},
    {"msgsnd", SYS_msgsnd, {NOBODY, 0, 0, 0}},
    {"lsm_set_self_attr", 460, {99, 0, 0, 99}},
    {"migrate_pages", SYS_migrate_pages, {1, 0, 0, 0}},
#ifdef __x86_64__
    {"ioperm", SYS_ioperm, {0x378, 1, 0}},
    {"modify_ldt", SYS_modify_ldt, {0, 0, 0}},
    {"ustat", SYS_ustat, {NOBODY, 0}},
    {"uselib", SYS_uselib, {NOWHERE}},
    {"inotify_init", SYS_inotify_init, {0}},
#endif
};

/* The two numbers that differ and that headers of Debian 12 have on both machines. */
static long number_of(size_t i) {
#ifdef SYS_kexec_file_load
  if (strcmp(CALLS[i].name, "kexec_file_load") == 0) return SYS_kexec_file_load;
#endif
  return CALLS[i].nr;
}

static int reach_call(void) {
  const char *name = param("call");
  for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
    if (strcmp(CALLS[i].name, name) != 0) continue;
    const long *a = CALLS[i].arguments;
    long result = syscall(number_of(i), a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result >= 0) return succeeded("%s returned %ld", name, result);
    if (errno == EPERM || errno == EACCES || errno == ENOSYS) return failed(name);
    return succeeded("%s was let in: %s", name, strerrorname_np(errno));
  }
  return failed_because(name, "not-on-this-machine");
}

/* Joining another session: its descriptors of namespaces, which only a process itself should have. */
static int unshare_kind(void) {
  int flags = number_param("flags");
  return syscall(SYS_unshare, flags) == 0 ? succeeded("in a new namespace of kind 0x%x", flags) : failed("unshare");
}

/* A child in one, made by clone with the namespace among its flags. */
static int clone_kind(void) {
  int flags = number_param("flags");
  pid_t child = (pid_t)syscall(SYS_clone, (long)flags | 17 /* SIGCHLD */, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child > 0 ? succeeded("a child in a new namespace of kind 0x%x", flags) : failed("clone");
}

const struct attempt call_attempts[] = {
    {"reach-call", reach_call},
    {"unshare-kind", unshare_kind},
    {"clone-kind", clone_kind},
    {NULL, NULL},
};
