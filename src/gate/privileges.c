#include "privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* NOROOT, NO_SETUID_FIXUP, no KEEP_CAPS, NO_CAP_AMBIENT_RAISE, each locked (linux/securebits.h). */
enum { LOCKED_BITS = 0x01 | 0x02 | 0x04 | 0x08 | 0x20 | 0x40 | 0x80 };
enum { HIGHEST_CAPABILITY = 63 };

/* The bounding set and the secure bits need CAP_SETPCAP. Who lacks it has nothing there that matters: an unprivileged
 * process gets no capability by exec once no_new_privs is set. So EPERM is no failure for them. */
int drop_capabilities(void) {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL) return -1;
  for (int capability = 0; capability <= HIGHEST_CAPABILITY; capability++) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL || errno == EPERM) break; /* EINVAL: one more than the kernel knows */
    return -1;
  }
  if (prctl(PR_SET_SECUREBITS, LOCKED_BITS, 0, 0, 0) < 0 && errno != EPERM) return -1;
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2], now[2];
  memset(none, 0, sizeof none);
  if (syscall(SYS_capset, &header, none) < 0 || syscall(SYS_capget, &header, now) < 0) return -1;
  if (memcmp(none, now, sizeof none) == 0) return 0;
  errno = EPERM;
  return -1;
}
