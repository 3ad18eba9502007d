/* What limits one process by the kernel's older means. Each is read back: a value that did not take is a failure. */
#ifndef PADDOCK_LIMITS_H
#define PADDOCK_LIMITS_H

#include "stream.h"

/* OP_RLIMIT, OP_NICE, OP_IO_PRIORITY and OP_AFFINITY, on the calling process. Returns 0, or -1 with errno: ERANGE when
 * the kernel took another value than was asked for. */
int limit_self(const struct operation *operation);

#endif
