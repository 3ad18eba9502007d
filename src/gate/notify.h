/* Answers to notified system calls, from a table that is fixed before the program starts. */
#ifndef PADDOCK_NOTIFY_H
#define PADDOCK_NOTIFY_H

#include "call.h"
#include "connects.h"
#include "events.h"
#include "order.h"
#include "path.h"

struct answer {
  int32_t nr;
  bool foreign, kill;
  uint32_t kind; /* enum answer_kind */
  int error;
  const char *label;
};

struct address {
  uint32_t family, port;
  uint8_t bytes[16];
};

struct addresses {
  struct address list[MAX_ADDRESSES];
  size_t count;
};

struct table {
  struct answer answers[MAX_ANSWERS];
  size_t answer_count;
  struct addresses binds, places; /* where it may listen, and where it may connect to */
  struct grants grants;
};

/* Refusals that nobody but the launcher acts on: told in any case, a few of each kind. */
struct told {
  unsigned count;
  struct path last;
};

/* Sockets that were bound for the program, by the kernel's own numbers for them (SO_COOKIE), which are never used twice.
 * One that was pushed out by later ones cannot listen any more. */
enum { MAX_BOUND = 64 };
struct sockets {
  uint64_t bound[MAX_BOUND];
  size_t next;
};

struct notifier {
  int listener;
  struct seccomp_notif *request;
  struct seccomp_notif_resp *response;
  size_t request_size, response_size; /* the kernel's, which may be larger than the header's */
  const struct table *table;
  struct events *events;
  pid_t child;
  bool executed; /* the gate's own exec of the program was let through */
  bool kill;     /* a denied call ends the session */
  unsigned closed; /* enum closing; only ever more */
  bool namespaced; /* the session is in a process namespace of its own: it counts processes in another way */
  struct told reads, writes;
  struct sockets sockets;
  struct connects connects;
};

/* What one call is answered, and what is said about it. */
struct outcome {
  enum { CONTINUED, EMULATED, DENIED, ANSWERED_LATER } answer; /* later: by notifier_finish */
  int error;
  int result; /* what an emulated call returns; at least 0 */
  const char *label;
  bool has_target, silent;
  bool kept; /* granted with RIGHT_KEPT */
  enum { NO_GRANT, GRANTED, NOT_GRANTED } grant;
  struct path target;
};

/* Takes over the listener. Returns 0, or -1 with errno. */
int notifier_open(struct notifier *notifier, int listener);

/* Takes one notification and answers it. Returns false when no filtered task is left, or the listener is broken. */
bool notifier_serve(struct notifier *notifier);

/* Answers a call that was left for later, and tells of it. */
void notifier_finish(struct notifier *notifier, const struct call *call, const struct answer *answer,
                     const struct outcome *outcome);

/* answers.c: the answer to one call. Everything that is read from the caller is read before `still_valid` is asked, and
 * nothing is done on its behalf when that says no. */
struct call_context {
  struct notifier *notifier;
  const struct answer *answer;
  const struct call *call;
};
void answer_call(const struct call_context *context, struct outcome *outcome);

/* changes.c: calls that change names. NULL for any other call. */
struct change;
const struct change *call_change(const struct call *call);
void answer_change(const struct call_context *context, const struct change *change, struct outcome *outcome);
bool still_valid(const struct notifier *notifier, uint64_t id);

#endif
