#include "setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel.h"
#include "lease.h"

enum { LEASES = sizeof((struct setup *)0)->leases / sizeof *((struct setup *)0)->leases };

static int perform(const struct operation *operation, struct events *events, struct setup *setup);

int setup_run(const struct plan *plan, struct events *events, struct setup *setup, struct failure *why) {
  memset(setup, 0, sizeof *setup);
  for (int i = 0; i < GATE_MAX_SLOTS; i++) setup->slots[i] = -1;
  for (size_t i = 0; i < LEASES; i++) setup->leases[i] = -1;
  for (size_t i = 0; i < plan->fork; i++) {
    const struct operation *operation = &plan->operations[i];
    if (perform(operation, events, setup) < 0)
      return failed(why, operation_name(operation->opcode), errno, "%s",
                    operation->text != NULL ? operation->text : "");
  }
  return 0;
}

/* Seals it and opens it again for reading only: what is executed has no writable descriptor anywhere. */
static int seal(int fd) {
  const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  char path[32];
  if (fchmod(fd, 0500) < 0) return -1;
  if (fcntl(fd, F_ADD_SEALS, seals | SEAL_EXECUTABLE) < 0 && /* before Linux 6.3 */
      (errno != EINVAL || fcntl(fd, F_ADD_SEALS, seals) < 0))
    return -1;
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_RDONLY | O_CLOEXEC);
}

static int make_memfd(const struct operation *operation) {
  int fd = memfd_create(operation->text, MFD_CLOEXEC | MFD_ALLOW_SEALING | MEMFD_EXECUTABLE);
  if (fd < 0 && errno == EINVAL) fd = memfd_create(operation->text, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  int sealed = write_all(fd, operation->rest, operation->rest_length) < 0 ? -1 : seal(fd);
  int error = errno;
  close(fd);
  errno = error;
  return sealed;
}

static int add_answer(const struct operation *operation, struct table *table) {
  const uint32_t *number = operation->number;
  table->answers[table->answer_count++] = (struct answer){.nr = (int32_t)number[0],
                                                          .foreign = number[1] == 1,
                                                          .kind = number[2],
                                                          .error = (int)number[3],
                                                          .kill = number[4] == 1,
                                                          .label = operation->text};
  return 0;
}

static int add_address(const struct operation *operation, struct addresses *addresses) {
  struct address *address = &addresses->list[addresses->count++];
  address->family = operation->number[0];
  address->port = operation->number[1];
  memcpy(address->bytes, operation->rest, operation->rest_length);
  return 0;
}

/* First the lease, then the look: what is seen then is what stays. */
static int hold_file(const struct operation *operation, struct setup *setup) {
  const int fd = (int)operation->number[0];
  const uint64_t *wide = operation->wide;
  const struct file_identity identity = {wide[0], wide[1], wide[2], wide[3], wide[4]};
  int *lease = &setup->leases[fd - GATE_FILE];
  close_fd(lease); /* named twice: the last word counts */
  if (operation->number[1] == 1 && (*lease = lease_take(fd)) < 0) return -1;
  if (is_the_same_file(fd, &identity)) return 0;
  errno = ESTALE;
  return -1;
}

bool setup_is_disturbed(const struct setup *setup) {
  for (size_t i = 0; i < LEASES; i++)
    if (setup->leases[i] >= 0 && lease_broken(setup->leases[i])) return true;
  return false;
}

void setup_let_go(struct setup *setup) {
  for (size_t i = 0; i < LEASES; i++) close_fd(&setup->leases[i]);
}

/* The gate leads the session and stays in the background of its terminal; the child gets the foreground. A leader
 * already (of a terminal that was made for it) is as good. */
static int take_terminal(void) {
  if (getsid(0) != getpid() && setsid() < 0) return -1;
  return ioctl(0, TIOCSCTTY, 0);
}

static int perform(const struct operation *operation, struct events *events, struct setup *setup) {
  switch (operation->opcode) {
    case OP_SUBREAPER:
      return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    case OP_MEMFD: {
      int *slot = &setup->slots[operation->number[0]];
      *slot = make_memfd(operation);
      return *slot < 0 ? -1 : 0;
    }
    case OP_CGROUP:
      return cgroup_add(&setup->cgroups, operation->number[0], operation->text);
    case OP_ANSWER:
      return add_answer(operation, &setup->table);
    case OP_ALLOW_BIND:
      return add_address(operation, &setup->table.binds);
    case OP_ALLOW_CONNECT:
      return add_address(operation, &setup->table.places);
    case OP_GRANT:
      grants_add(&setup->table.grants, operation->number[0], operation->text);
      return 0;
    case OP_EVENT_RATE:
      events_rate(events, operation->number[0], operation->number[1]);
      return 0;
    case OP_HOLD:
      return hold_file(operation, setup);
    default: /* OP_TERMINAL; order_check has refused everything else */
      setup->terminal = true;
      return take_terminal();
  }
}
