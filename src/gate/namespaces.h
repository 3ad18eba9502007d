/* Namespaces around the session: an extra layer beneath which everything else stands as it does without.
 *
 * The process that asks for them (the guide) leaves its user namespace and is used up: a process never enters a new
 * process namespace itself. It makes two siblings of its own, children of the supervisor like itself, and ends:
 *
 *   the init    number 1 in there. It has no descriptor but one pipe, no capability, and may do nothing but wait.
 *               Orphans fall to it. When it ends, for whatever reason, the kernel kills everybody in the namespace
 *               at once, and nobody can be forked there any more.
 *   the child   number 2, which goes on with the plan and becomes the program. An ordinary process: the kernel
 *               treats signals to number 1 in another way, and a program would notice.
 *
 * The supervisor stays outside, in the parent of the new user namespace and as its owner: so it keeps every right over
 * what is inside.
 */
#ifndef PADDOCK_NAMESPACES_H
#define PADDOCK_NAMESPACES_H

#include "util.h"

struct entrance {
  uint32_t kinds; /* enum namespace_kind of protocol.h */
  int status;     /* a struct child_message with the siblings' numbers goes here */
  int ack;        /* one byte comes from here when the supervisor holds the child */
  int life;       /* never readable, at its end when the supervisor is gone */
  const char *step; /* what failed */
};

/* Returns 0 in the child, which has capabilities over its new namespaces until it drops them; or -1 with errno and
 * `step`, in the guide or in the child. The guide ends in here when all is well, the init stays in here. */
int namespaces_enter(struct entrance *entrance);

/* Whether a process has this number in the process namespace that `caller` is in, and the file system shows it. */
bool namespaces_has(pid_t caller, pid_t number);

#endif
