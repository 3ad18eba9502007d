#include "closing.h"

#include <errno.h>
#include <sys/ioctl.h>

enum { PERMISSIONS = 0777, PRIVATE_MASK = 077 };
/* openat2 refuses flags that it does not know, which openat leaves out without a word. */
enum {
  KNOWN = O_ACCMODE | O_CREAT | O_EXCL | O_TRUNC | O_APPEND | O_SYNC | O_DSYNC | O_DIRECT | O_DIRECTORY | O_TMPFILE | O_NOATIME
};

static int open_resolved(const struct call *call, uint64_t flags, const struct path *resolved);
static int give(const struct notifier *notifier, uint64_t id, int fd, bool close_on_exec);

/* No link on the way: what was resolved has none, and one that is put there meanwhile is not followed. Neither a FIFO nor a
 * device may hold up the supervisor, which is why opening never waits. */
void open_in_its_place(const struct call_context *context, uint64_t flags, const struct path *resolved,
                       struct outcome *outcome) {
  const struct call *call = context->call;
  outcome->answer = DENIED;
  outcome->error = EACCES;
  if (!still_valid(context->notifier, call->id)) return;
  int fd = open_resolved(call, flags, resolved);
  if (fd < 0) {
    outcome->error = errno;
    return;
  }
  outcome->error = EIO;
  if ((flags & O_NONBLOCK) != 0 || fcntl(fd, F_SETFL, (int)flags & (O_APPEND | O_DIRECT | O_NOATIME)) == 0) {
    outcome->result = give(context->notifier, call->id, fd, (flags & O_CLOEXEC) != 0);
    outcome->error = outcome->result < 0 ? errno : 0;
    if (outcome->result >= 0) outcome->answer = EMULATED;
  }
  close(fd);
}

/* The mode stands behind the flags. The umask of the plan is in force in the program, which cannot be asked for its own. */
static int open_resolved(const struct call *call, uint64_t flags, const struct path *resolved) {
  const struct call_shape *shape = call_shape(call);
  const bool creates = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  const size_t mode = shape->opens == OPEN_CREATES ? 1 : (size_t)shape->flags + 1;
  const struct open_how_numbers how = {
      .flags = (flags & KNOWN) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
      .mode = creates ? call->args[mode] & PERMISSIONS & ~(uint64_t)PRIVATE_MASK : 0,
      .resolve = OPEN_WITHOUT_LINKS,
  };
  return sys_openat2(AT_FDCWD, resolved->text, &how);
}

static int give(const struct notifier *notifier, uint64_t id, int fd, bool close_on_exec) {
  struct addfd_numbers given = {.id = id, .source = (uint32_t)fd, .new_flags = close_on_exec ? O_CLOEXEC : 0};
  return ioctl(notifier->listener, NOTIFY_ADD_DESCRIPTOR, &given);
}

bool moves_content(const struct call *call) {
  static const int MOVES[] = {
#ifdef SYS_rename
      SYS_rename,
      SYS_link,
#endif
#ifdef SYS_renameat
      SYS_renameat,
#endif
      SYS_renameat2,
      SYS_linkat,
      SYS_truncate,
  };
  for (size_t i = 0; i < sizeof MOVES / sizeof *MOVES; i++)
    if (call->nr == MOVES[i]) return true;
  return false;
}
