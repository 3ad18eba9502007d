#include "limits.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "order.h"

/* linux/ioprio.h, which the C library does not wrap. A process that never set any has class 0 and is treated as
 * best effort. */
enum { IO_WHO_PROCESS = 1, IO_CLASS_SHIFT = 13, IO_BEST_EFFORT = 2, IO_IDLE = 3, IO_LEVELS = 8 };

static int mismatch(void);
static int resource_limit(unsigned resource, const uint64_t *limit);
static int nice_value(int value);
static int io_priority(int level);
static int affinity(const uint8_t *mask, size_t length);

int limit_self(const struct operation *operation) {
  switch (operation->opcode) {
    case OP_RLIMIT:
      return resource_limit(operation->number[0], operation->wide);
    case OP_NICE:
      return nice_value((int)operation->number[0]);
    case OP_IO_PRIORITY:
      return io_priority((int)operation->number[0]);
    default:
      return affinity(operation->rest, operation->rest_length);
  }
}

static int mismatch(void) {
  errno = ERANGE;
  return -1;
}

static int resource_limit(unsigned resource, const uint64_t *limit) {
  const uint64_t wanted[2] = {limit[0], limit[1]}; /* struct rlimit64 */
  uint64_t found[2] = {0, 0};
  if (syscall(SYS_prlimit64, 0, resource, wanted, NULL) < 0 || syscall(SYS_prlimit64, 0, resource, NULL, found) < 0)
    return -1;
  return memcmp(wanted, found, sizeof found) == 0 ? 0 : mismatch();
}

static int nice_value(int value) {
  if (setpriority(PRIO_PROCESS, 0, value) < 0) return -1;
  return getpriority(PRIO_PROCESS, 0) == value ? 0 : mismatch();
}

/* Best effort of that level, 0 to 7. Whoever stands back further already stays there: starting a program never moves
 * it forward. */
static int io_priority(int level) {
  const long before = syscall(SYS_ioprio_get, IO_WHO_PROCESS, 0);
  if (before < 0) return -1;
  const long class = before >> IO_CLASS_SHIFT, present = before & (IO_LEVELS - 1);
  if (class == IO_IDLE || (class == IO_BEST_EFFORT && present >= level)) return 0;
  const long wanted = ((long)IO_BEST_EFFORT << IO_CLASS_SHIFT) | level;
  if (syscall(SYS_ioprio_set, IO_WHO_PROCESS, 0, wanted) < 0) return -1;
  return syscall(SYS_ioprio_get, IO_WHO_PROCESS, 0) == wanted ? 0 : mismatch();
}

/* Bit n of the mask stands for CPU n. The kernel leaves out CPUs that are offline or not ours: that is a mismatch. */
static int affinity(const uint8_t *mask, size_t length) {
  uint8_t wanted[MAX_AFFINITY] = {0}, found[MAX_AFFINITY] = {0};
  memcpy(wanted, mask, length);
  if (syscall(SYS_sched_setaffinity, 0, sizeof wanted, wanted) < 0) return -1;
  if (syscall(SYS_sched_getaffinity, 0, sizeof found, found) < 0) return -1;
  return memcmp(wanted, found, sizeof found) == 0 ? 0 : mismatch();
}
