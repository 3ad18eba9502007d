/* The same kernel under other call numbers: a filter that knows only the native ones is blind to these. */
#include "attack.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#if defined(__x86_64__)

#define X32 0x40000000L

static int x32_getpid(void) {
  long pid = syscall(X32 | SYS_getpid);
  return pid > 0 ? succeeded("process id %ld", pid) : failed("x32-getpid");
}

static int x32_open(void) {
  long fd = syscall(X32 | SYS_open, param("canary"), O_RDONLY);
  char buffer[40];
  if (fd < 0) return failed("x32-open");
  ssize_t length = read((int)fd, buffer, sizeof buffer);
  return length > 0 ? succeeded("first bytes: %s", printable(buffer, (size_t)length)) : failed("read");
}

static sigjmp_buf no_such_gate;
static void on_fault(int number) { siglongjmp(no_such_gate, number); }

/* i386 calls through int 0x80; a kernel without them raises SIGSEGV. */
static long call_i386(long number, long first, long second, long third) {
  long result = 0;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(first), "c"(second), "d"(third)
                   : "memory", "r8", "r9", "r10", "r11");
  return result;
}

static int with_i386(int (*body)(void)) {
  signal(SIGSEGV, on_fault);
  if (sigsetjmp(no_such_gate, 1) != 0) return failed_because("int-0x80", "SIGSEGV");
  return body();
}

static int i386_open_body(void) {
  const char *path = param("canary");
  char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return failed("mmap");
  snprintf(low, 4096, "%s", path);
  long fd = call_i386(5 /* open */, (long)low, O_RDONLY, 0);
  if (fd < 0) return errno = (int)-fd, failed("i386-open");
  ssize_t length = read((int)fd, low + 4096, 40);
  return length > 0 ? succeeded("first bytes: %s", printable(low + 4096, (size_t)length)) : failed("read");
}

static int i386_getpid_body(void) {
  long pid = call_i386(20 /* getpid */, 0, 0, 0);
  if (pid > 0) return succeeded("process id %ld", pid);
  return errno = (int)-pid, failed("i386-getpid");
}

/* All socket calls in one, with the arguments in memory. */
static int i386_socketcall_body(void) {
  unsigned *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return failed("mmap");
  low[0] = 1 /* AF_UNIX */, low[1] = 1 /* SOCK_STREAM */, low[2] = 0;
  long fd = call_i386(102 /* socketcall */, 1 /* SYS_SOCKET */, (long)low, 0);
  if (fd >= 0) return succeeded("socket %ld", fd);
  return errno = (int)-fd, failed("i386-socketcall");
}

static int i386_open(void) { return with_i386(i386_open_body); }
static int i386_getpid(void) { return with_i386(i386_getpid_body); }
static int i386_socketcall(void) { return with_i386(i386_socketcall_body); }

#else

static int unknown_here(void) { return failed_because("call", "not-this-architecture"); }
#define x32_getpid unknown_here
#define x32_open unknown_here
#define i386_open unknown_here
#define i386_getpid unknown_here
#define i386_socketcall unknown_here

#endif

/* A number that no kernel has yet must be answered as such, so that libraries fall back. */
static int unknown_call(void) {
  errno = 0;
  long result = syscall(100000);
  return result >= 0 || errno != ENOSYS ? succeeded("answered %ld", result) : failed("syscall-100000");
}

const struct attempt foreign_attempts[] = {
    {"x32-getpid", x32_getpid},
    {"x32-open", x32_open},
    {"i386-open", i386_open},
    {"i386-getpid", i386_getpid},
    {"i386-socketcall", i386_socketcall},
    {"unknown-call", unknown_call},
    {NULL, NULL},
};
