/* Connecting for the program, to addresses of the plan.
 *
 * connect() may wait for minutes, and whether it waits is a flag of the socket that the program can change at any moment.
 * So none is called in the supervisor: each is called by a process that was forked for it, has nothing but the duplicate
 * of the socket, and tells by its exit code how it ended. A socket that blocks blocks its caller, one that does not gets
 * EINPROGRESS, and the supervisor goes on. Such a process lives no longer than the call that it stands for.
 */
#ifndef PADDOCK_CONNECTS_H
#define PADDOCK_CONNECTS_H

#include "call.h"
#include "order.h"

struct answer;
struct address;
struct notifier;

struct connecting {
  pid_t worker; /* a child of this process that was not collected yet: the number is its own */
  struct call call;
  const struct answer *answer;
  const struct address *to;
};

struct connects {
  struct connecting running[MAX_CONNECTING];
  size_t count;
};

/* How often it is looked whether the callers are still there, while somebody connects. */
enum { CONNECTS_LOOK_MS = 250 };

/* Starts to connect `fd`, which stays the caller's. Returns 0, or the errno to refuse the call with. */
int connects_begin(struct connects *connects, const struct call *call, const struct answer *answer,
                   const struct address *to, int fd);

/* Takes note of a child that was collected, and answers the call that it stood for. False when it was none of these. */
bool connects_collected(struct notifier *notifier, const siginfo_t *info);

/* Ends what stands for a call whose caller is gone. */
void connects_look(const struct notifier *notifier);

/* Ends and collects all of them. No call is answered. */
void connects_end(struct connects *connects);

#endif
