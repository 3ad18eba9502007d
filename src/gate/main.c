/* paddock-gate: executes the launcher's operations, and stays as the supervisor of what it started.
 *
 * No defaults, no policy, no environment variable: everything comes in on descriptor 3 (protocol.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hold.h"
#include "kernel.h"
#include "lock.h"
#include "probe.h"
#include "stream.h"
#include "supervisor.h"

#define VERSION "0.1.0"

static int usage(void);
static int run(void);
static int check(void);
static bool claim_descriptors(void);

int main(int count, char **arguments) {
  int code;
  if (count == 1) code = run();
  else if (count == 2 && strcmp(arguments[1], "--probe") == 0) code = probe();
  else if (count == 2 && strcmp(arguments[1], "--check") == 0) code = check();
  else if (count == 2 && strcmp(arguments[1], "--hold") == 0) code = hold();
  else if (count == 2 && strcmp(arguments[1], "--lock") == 0) code = lock();
  else if (count == 2 && strcmp(arguments[1], "--version") == 0) code = puts("paddock-gate " VERSION) < 0;
  else code = usage();
  if (fflush(stdout) != 0 && code == 0) code = 125;
  _exit(code); /* nothing is registered with atexit, and nothing may be added behind the last event */
}

static int usage(void) {
  (void)fputs("usage: paddock-gate            the launcher's plan on descriptor 3 (see src/gate/protocol.h)\n"
              "       paddock-gate --probe    what this kernel can enforce, as JSON\n"
              "       paddock-gate --check    checks the plan on descriptor 3 and executes nothing\n"
              "       paddock-gate --hold     holds descriptor 3 still until standard input ends (see src/gate/hold.h)\n"
              "       paddock-gate --lock     locks descriptor 3 for whoever gave it (see src/gate/lock.h)\n"
              "       paddock-gate --version\n",
              stderr);
  return 2;
}

static int run(void) {
  static struct plan plan;
  static struct events events;
  struct failure why;
  if (!claim_descriptors()) return usage();
  signal(SIGPIPE, SIG_IGN); /* a launcher that reads no events is no reason to end */
  if (events_open(&events, GATE_EVENTS) < 0) return 125;
  int result = plan_read(GATE_OPERATIONS, &plan, &why);
  close(GATE_OPERATIONS);
  return result < 0 ? refuse(&events, &why) : supervise(&plan, &events);
}

static int check(void) {
  static struct plan plan;
  struct failure why;
  if (fcntl(GATE_OPERATIONS, F_GETFD) < 0) return usage();
  if (plan_read(GATE_OPERATIONS, &plan, &why) == 0) return 0;
  (void)fprintf(stderr, "%s: %s: %s\n", why.operation, strerror(why.error), why.detail);
  return 125;
}

/* Nothing above the entry in the register is kept, nothing of the gate's own survives an exec, and no number below is
 * left free: a file that is opened later must not take the place of a stream or of a judged file. */
static bool claim_descriptors(void) {
  if (fcntl(GATE_OPERATIONS, F_GETFD) < 0 || fcntl(GATE_EVENTS, F_GETFD) < 0 || fcntl(GATE_CONTROL, F_GETFD) < 0)
    return false;
  if (sys_close_range(GATE_ENTRY + 1, ~0u, 0) < 0) return false;
  if (fcntl(GATE_ENTRY, F_SETFD, FD_CLOEXEC) < 0 && errno != EBADF) return false;
  for (int fd = 0; fd <= GATE_CONTAINER; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && (errno != EBADF || open("/dev/null", O_RDWR) != fd)) return false;
    if (fd > 2 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return false;
  }
  return true;
}
