/* Kernel numbers that the C library's headers may lack (Debian 12 ships those of Linux 6.1), and thin wrappers.
 *
 * Where the header has a number too, the two are compared at compile time. Sources: include/uapi/linux/{landlock,
 * seccomp,pidfd,fcntl,memfd}.h of Linux 6.18.
 */
#ifndef PADDOCK_KERNEL_H
#define PADDOCK_KERNEL_H

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ── system calls: from 424 on the numbers are the same on every architecture ── */

enum {
  NR_PIDFD_SEND_SIGNAL = 424, /* Linux 5.1 */
  NR_PIDFD_OPEN = 434,        /* 5.3 */
  NR_CLOSE_RANGE = 436,       /* 5.9 */
  NR_OPENAT2 = 437,           /* 5.6 */
  NR_PIDFD_GETFD = 438,       /* 5.6 */
  NR_LANDLOCK_CREATE = 444,   /* 5.13 */
  NR_LANDLOCK_ADD_RULE = 445,
  NR_LANDLOCK_RESTRICT = 446,
  NR_FCHMODAT2 = 452 /* 6.6 */
};

#ifdef SYS_pidfd_send_signal
_Static_assert(SYS_pidfd_send_signal == NR_PIDFD_SEND_SIGNAL, "pidfd_send_signal");
#endif
#ifdef SYS_pidfd_open
_Static_assert(SYS_pidfd_open == NR_PIDFD_OPEN, "pidfd_open");
#endif
#ifdef SYS_close_range
_Static_assert(SYS_close_range == NR_CLOSE_RANGE, "close_range");
#endif
#ifdef SYS_openat2
_Static_assert(SYS_openat2 == NR_OPENAT2, "openat2");
#endif
#ifdef SYS_pidfd_getfd
_Static_assert(SYS_pidfd_getfd == NR_PIDFD_GETFD, "pidfd_getfd");
#endif
#ifdef SYS_landlock_create_ruleset
_Static_assert(SYS_landlock_create_ruleset == NR_LANDLOCK_CREATE, "landlock_create_ruleset");
_Static_assert(SYS_landlock_add_rule == NR_LANDLOCK_ADD_RULE, "landlock_add_rule");
_Static_assert(SYS_landlock_restrict_self == NR_LANDLOCK_RESTRICT, "landlock_restrict_self");
#endif

/* ── Landlock ── */

/* ABI 6. A kernel that knows fewer members accepts the whole struct as long as the rest is zero. */
struct landlock_ruleset_numbers {
  uint64_t fs, net, scoped;
};
_Static_assert(sizeof(struct landlock_ruleset_numbers) == 24, "struct landlock_ruleset_attr");

struct landlock_path_numbers {
  uint64_t access;
  int32_t fd;
} __attribute__((packed));
_Static_assert(sizeof(struct landlock_path_numbers) == 12, "struct landlock_path_beneath_attr");

struct landlock_port_numbers {
  uint64_t access, port;
};

enum { LANDLOCK_QUERY_VERSION = 1 << 0, LANDLOCK_QUERY_ERRATA = 1 << 1 };
enum { LANDLOCK_PATH_RULE = 1, LANDLOCK_PORT_RULE = 2 };

/* Rights that mean something for a file; the others are for directories, and a file rule with one of them is EINVAL. */
#define LANDLOCK_FILE_RIGHTS                                                                                   \
  (1ull << 0 /* execute */ | 1ull << 1 /* write */ | 1ull << 2 /* read */ | 1ull << 14 /* truncate, ABI 3 */ | \
   1ull << 15 /* ioctl on a device, ABI 5 */)

/* ── seccomp ── */

/* 5.19. The neighbour 1 << 4 is TSYNC_ESRCH, which is accepted in its place without a word. */
enum { FILTER_NEW_LISTENER = 1 << 3, FILTER_WAIT_KILLABLE = 1 << 5 };
#ifdef SECCOMP_FILTER_FLAG_NEW_LISTENER
_Static_assert(SECCOMP_FILTER_FLAG_NEW_LISTENER == FILTER_NEW_LISTENER, "NEW_LISTENER");
#endif
#ifdef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
_Static_assert(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV == FILTER_WAIT_KILLABLE, "WAIT_KILLABLE_RECV");
#endif

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define FOREIGN_BIT 0x40000000u /* x32: the same arch value, numbers with this bit */
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define FOREIGN_BIT 0u
#else
#error "paddock-gate knows x86-64 and aarch64"
#endif

/* linux/seccomp.h, 5.9. */
struct addfd_numbers {
  uint64_t id;
  uint32_t flags, source, target, new_flags;
};
_Static_assert(sizeof(struct addfd_numbers) == 24, "struct seccomp_notif_addfd");
#define NOTIFY_ADD_DESCRIPTOR _IOW('!', 3, struct addfd_numbers)

/* ── the rest ── */

/* linux/openat2.h, 5.6: RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS. */
struct open_how_numbers {
  uint64_t flags, mode, resolve;
};
enum { OPEN_WITHOUT_LINKS = 0x02 | 0x04 };

enum { CLOSE_RANGE_MARK = 1 << 2 /* CLOSE_RANGE_CLOEXEC, 5.11 */ };
enum { EXECVE_CHECK = 0x10000 /* AT_EXECVE_CHECK, 6.14 */ };
enum { MEMFD_EXECUTABLE = 0x10 /* MFD_EXEC, 6.3 */ };
enum { SEAL_EXECUTABLE = 0x20 /* F_SEAL_EXEC, 6.3 */ };

#ifdef CLOSE_RANGE_CLOEXEC
_Static_assert(CLOSE_RANGE_CLOEXEC == CLOSE_RANGE_MARK, "CLOSE_RANGE_CLOEXEC");
#endif
#ifdef MFD_EXEC
_Static_assert(MFD_EXEC == MEMFD_EXECUTABLE, "MFD_EXEC");
#endif
#ifdef F_SEAL_EXEC
_Static_assert(F_SEAL_EXEC == SEAL_EXECUTABLE, "F_SEAL_EXEC");
#endif

static inline int sys_pidfd_open(pid_t pid) { return (int)syscall(NR_PIDFD_OPEN, pid, 0); }

static inline int sys_pidfd_getfd(int pidfd, int fd) { return (int)syscall(NR_PIDFD_GETFD, pidfd, fd, 0); }

static inline int sys_pidfd_kill(int pidfd, int signal) {
  return (int)syscall(NR_PIDFD_SEND_SIGNAL, pidfd, signal, NULL, 0);
}

enum { SIGNAL_GROUP = 1 << 2 /* PIDFD_SIGNAL_PROCESS_GROUP, 6.9 */ };
#ifdef PIDFD_SIGNAL_PROCESS_GROUP
_Static_assert(PIDFD_SIGNAL_PROCESS_GROUP == SIGNAL_GROUP, "PIDFD_SIGNAL_PROCESS_GROUP");
#endif

/* The group that the process leads, also when it has ended. EINVAL before Linux 6.9. */
static inline int sys_pidfd_kill_group(int pidfd) {
  return (int)syscall(NR_PIDFD_SEND_SIGNAL, pidfd, SIGKILL, NULL, SIGNAL_GROUP);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int)syscall(NR_CLOSE_RANGE, first, last, flags);
}

static inline int sys_openat2(int directory, const char *path, const struct open_how_numbers *how) {
  return (int)syscall(NR_OPENAT2, directory, path, how, sizeof *how);
}

static inline int sys_seccomp(unsigned operation, unsigned flags, void *argument) {
  return (int)syscall(SYS_seccomp, operation, flags, argument);
}

static inline int sys_landlock_create(const struct landlock_ruleset_numbers *rights, size_t size, unsigned flags) {
  return (int)syscall(NR_LANDLOCK_CREATE, rights, size, flags);
}

static inline int sys_landlock_add_rule(int ruleset, int type, const void *rule) {
  return (int)syscall(NR_LANDLOCK_ADD_RULE, ruleset, type, rule, 0);
}

static inline int sys_landlock_restrict(int ruleset, unsigned flags) {
  return (int)syscall(NR_LANDLOCK_RESTRICT, ruleset, flags);
}

static inline int sys_execveat(int fd, const char *path, char *const *argv, char *const *envp, int flags) {
  return (int)syscall(SYS_execveat, fd, path, argv, envp, flags);
}

#endif
