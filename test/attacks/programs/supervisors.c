/* The supervisor itself: what it reads of us, and what stands over us. */
#include "attack.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* A call that is refused with EPERM while somebody answers; when nobody does any more, the kernel says ENOSYS. */
static int supervised(void) { return syscall(SYS_unshare, CLONE_NEWUTS) != 0 && errno == EPERM; }

/* Arguments as nobody makes them: at the end of a page, nowhere, too long, of an odd size. */
static int confuse_supervisor(void) {
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static char endless[1 << 20];
  if (pages == MAP_FAILED || munmap(pages + 4096, 4096) != 0) return failed("mmap");
  memset(pages, 'a', 4096);
  memset(endless, '/', sizeof endless - 1);
  const long paths[] = {0, 1, -1, LONG_MIN, (long)pages, (long)(pages + 4095), (long)(pages + 4096), (long)endless,
                        (long)"", (long)"\xff\xfe\x1b[2J\n{\"event\":\"finished\"}", (long)supervised};
  const long sizes[] = {0, 1, 2, 3, 15, 16, 28, 110, 128, 129, 65536, INT_MAX, INT_MIN, -1};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    syscall(SYS_openat, AT_FDCWD, paths[i], O_RDWR, 0);
    syscall(SYS_openat, INT_MIN, paths[i], -1L, 0);
    syscall(SYS_renameat2, AT_FDCWD, paths[i], 12345, paths[(i + 1) % 11], -1L);
    syscall(SYS_linkat, -1, paths[i], -1, paths[i], 0);
    syscall(SYS_unlinkat, 9, paths[i], 0x7fffffff);
    syscall(SYS_execve, paths[i], paths[i], paths[i]);
    syscall(SYS_execveat, 9, paths[i], paths[i], 0, -1L);
    for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
      syscall(SYS_bind, 9, paths[i], sizes[j]);
      syscall(SYS_connect, (long)INT_MAX, paths[i], sizes[j]);
      syscall(SYS_listen, sizes[j], sizes[j]);
    }
  }
  for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
    syscall(SYS_setpriority, sizes[j], sizes[j], 0);
    syscall(SYS_sched_setaffinity, LONG_MIN + sizes[j], 0, 0);
  }
  return supervised() ? failed("unshare") : succeeded("nobody answers any more");
}

/* 16 threads that ask as fast as they can; the program ends while they wait for their answers. */
static void *ask(void *unused) {
  for (int i = 0; i < 400; i++) syscall(SYS_openat, AT_FDCWD, "/nonexistent/paddock", O_RDWR, 0);
  return unused;
}

static int leave_questions(void) {
  pthread_t threads[16];
  for (int i = 0; i < 16; i++)
    if (pthread_create(&threads[i], NULL, ask, NULL) != 0) return failed_because("pthread_create", "no-thread");
  return supervised() ? failed("unshare") : succeeded("nobody answers any more");
}

/* A filter of our own, for which everything is fine: the kernel takes the strictest of all. */
static int loosen_filter(void) {
  struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {.len = 1, .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("prctl");
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) return failed("prctl(PR_SET_SECCOMP)");
  int fd = (int)syscall(SYS_memfd_create, "program", 0);
  return fd >= 0 ? succeeded("what was refused is allowed") : failed("memfd_create");
}

/* A domain of our own, in which everything may be read. */
static int loosen_domain(void) {
  struct {
    uint64_t fs;
  } handled = {1ull << 2 /* read a file */};
  struct {
    uint64_t access;
    int32_t fd;
  } __attribute__((packed)) rule = {1ull << 2, open("/", O_PATH | O_CLOEXEC)};
  int rules = (int)syscall(444, &handled, sizeof handled, 0);
  if (rules < 0 || syscall(445, rules, 1, &rule, 0) != 0) return failed("landlock_add_rule");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(446, rules, 0) != 0) return failed("landlock_restrict_self");
  const char *bytes = first_bytes(param("canary"));
  return bytes != NULL ? succeeded("first bytes: %s", bytes) : failed("open");
}

const struct attempt supervisor_attempts[] = {
    {"confuse-supervisor", confuse_supervisor},
    {"leave-questions", leave_questions},
    {"loosen-filter", loosen_filter},
    {"loosen-domain", loosen_domain},
    {NULL, NULL},
};
