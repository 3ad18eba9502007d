/* What each kind of answer does. CONTINUE is given only where the kernel enforces the limit anyway (Landlock, a plain
 * filter), or where nothing but the report depends on what was read: the argument can change after it was read. What
 * must be decided on memory is done here, on the gate's own duplicate, and the program's call is never executed. */
#include <errno.h>
#include <string.h>

#include "closing.h"
#include "namespaces.h"
#include "notify.h"
#include "process.h"
#include "sockets.h"

static void deny(struct outcome *outcome, int error, int otherwise);
static int decode_target(const struct call *call, struct outcome *outcome);
static void answer_exec(const struct call_context *context, struct outcome *outcome, bool once);
static void answer_open(const struct call_context *context, struct outcome *outcome);
static void answer_process(const struct call_context *context, struct outcome *outcome);
static void answer_map(const struct call_context *context, struct outcome *outcome);

void answer_call(const struct call_context *context, struct outcome *outcome) {
  const struct answer *answer = context->answer;
  if (context->call->tid == 0) { /* in a process namespace that is not below ours: nothing can be found out about it */
    deny(outcome, EPERM, EPERM);
    return;
  }
  switch ((enum answer_kind)answer->kind) {
    case ANSWER_CONTINUE:
      (void)decode_target(context->call, outcome);
      outcome->answer = CONTINUED;
      break;
    case ANSWER_EXEC_ONCE:
    case ANSWER_EXEC:
      answer_exec(context, outcome, answer->kind == ANSWER_EXEC_ONCE);
      break;
    case ANSWER_OPEN:
      answer_open(context, outcome);
      break;
    case ANSWER_BIND:
      answer_bind(context, outcome);
      break;
    case ANSWER_LISTEN:
      answer_listen(context, outcome);
      break;
    case ANSWER_PROCESS:
      answer_process(context, outcome);
      break;
    case ANSWER_MAP:
      answer_map(context, outcome);
      break;
    case ANSWER_CONNECT:
      answer_connect(context, outcome);
      break;
    case ANSWER_DENY:
      (void)decode_target(context->call, outcome);
      deny(outcome, answer->error, EPERM);
      break;
  }
  /* What was read may have been another task's memory, if this one is gone and its number was used again. */
  if (outcome->answer != EMULATED && outcome->answer != ANSWERED_LATER &&
      !still_valid(context->notifier, context->call->id)) outcome->silent = true;
}

static void deny(struct outcome *outcome, int error, int otherwise) {
  outcome->answer = DENIED;
  outcome->error = error > 0 ? error : otherwise;
}

/* 0 when the call has no target, or it could be read. */
static int decode_target(const struct call *call, struct outcome *outcome) {
  const struct call_shape *shape = call_shape(call);
  if (shape == NULL) return 0;
  int error = 0;
  if (shape->path >= 0) {
    error = call_path(call, shape, &outcome->target);
  } else if (shape->address >= 0) {
    struct sockaddr_storage address;
    socklen_t length;
    error = call_address(call, shape, &address, &length);
    if (error == 0) describe_address(&address, length, &outcome->target);
  }
  outcome->has_target = error == 0 && outcome->target.length > 0;
  return error;
}

static bool is_closed(const struct call_context *context, enum closing what) {
  return (context->notifier->closed & (unsigned)what) != 0;
}

/* The child's own exec of the program comes first; `started` tells of it. */
static void answer_exec(const struct call_context *context, struct outcome *outcome, bool once) {
  if (context->call->tid == context->notifier->child && !context->notifier->executed) {
    outcome->answer = CONTINUED;
    outcome->silent = true;
    return;
  }
  int error = decode_target(context->call, outcome);
  outcome->answer = CONTINUED;
  if (once || error != 0) deny(outcome, once ? context->answer->error : error, EPERM);
  else if (is_closed(context, CLOSED_EXEC)) deny(outcome, EPERM, EPERM);
}

static uint32_t wanted_rights(uint64_t flags) {
  if ((flags & O_PATH) != 0) return 0;
  uint32_t rights = (flags & O_ACCMODE) == O_WRONLY ? 0 : RIGHT_READ;
  if ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0) rights |= RIGHT_WRITE;
  return rights;
}

/* Before the program is executed its process does what the plan says. */
static bool is_launch(const struct call_context *context) {
  return context->call->tid == context->notifier->child && !context->notifier->executed;
}

/* What carries content is refused whatever its names are, which can change after the look at them. That of the others was
 * looked at only: they leave nothing to read in a folder that may not be written any more. */
static void close_change(const struct call *call, struct outcome *outcome) {
  if (outcome->answer != CONTINUED || outcome->grant != GRANTED || (outcome->kept && !moves_content(call))) return;
  deny(outcome, EACCES, EACCES);
  outcome->silent = false;
}

/* Observation: Landlock refuses what is not granted. Reads inside the grants are too many to tell, and looking for a
 * file that is not there harms nobody. */
static void answer_open(const struct call_context *context, struct outcome *outcome) {
  static struct path resolved;
  const struct call *call = context->call;
  const struct grants *grants = &context->notifier->table->grants;
  const struct call_shape *shape = call_shape(call);
  const struct change *change = call_change(call);
  uint64_t flags = 0;
  bool exists = false;
  outcome->answer = CONTINUED;
  if (change != NULL) {
    answer_change(context, change, outcome);
    outcome->silent = outcome->silent || is_launch(context);
    if (is_closed(context, CLOSED_WRITE)) close_change(call, outcome);
    return;
  }
  if (shape == NULL || shape->opens == NOT_OPEN) { /* the table has `open` for a call that opens nothing */
    deny(outcome, ENOSYS, ENOSYS);
    return;
  }
  int error = call_open_flags(call, shape, &flags);
  if (error == 0) error = decode_target(call, outcome);
  const uint32_t wanted = wanted_rights(flags);
  outcome->label = (wanted & RIGHT_WRITE) != 0 ? "write" : "read";
  if (error != 0) {
    deny(outcome, error, EPERM);
    return;
  }
  const bool last = (flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
  const bool granted = path_granted(call, grants, &outcome->target, wanted, last, &resolved, &exists);
  outcome->grant = granted ? GRANTED : NOT_GRANTED;
  outcome->error = granted ? 0 : EACCES;
  outcome->kept = (path_rights(grants, &resolved) & RIGHT_KEPT) != 0;
  outcome->silent = is_launch(context) || ((wanted & RIGHT_WRITE) == 0 && (granted || !exists));
  if ((wanted & RIGHT_WRITE) == 0 || !granted || !is_closed(context, CLOSED_WRITE)) return;
  if (!outcome->kept) deny(outcome, EACCES, EACCES);
  else open_in_its_place(context, flags, &resolved, outcome);
}

/* Argument that names the process, and for some calls the one before it that says what kind of thing is named. */
static const struct {
  int nr;
  signed char process, kind; /* -1: always a process */
  uint32_t is_process;
} REACHES[] = {
    {SYS_setpriority, 1, 0, 0 /* PRIO_PROCESS */},
    {SYS_ioprio_set, 1, 0, 1 /* IOPRIO_WHO_PROCESS */},
};

enum reach { WITHIN, NOBODY, HIDDEN, FOREIGN };

/* In a namespace of its own a session can name nobody else than its processes and their init; the kernel keeps it to
 * that. That it tries the number of a process of the host is told all the same. */
static enum reach reach_of(const struct call_context *context, pid_t pid) {
  const bool namespaced = context->notifier->namespaced;
  if (pid == 0) return WITHIN;
  if (namespaced && pid == 1) return FOREIGN;
  if (namespaced ? namespaces_has(context->call->tid, pid) : process_is_below(pid)) return WITHIN;
  if (process_of_thread(pid) < 0 || process_is_below(pid)) return NOBODY;
  return namespaced ? HIDDEN : FOREIGN;
}

/* Decided on registers alone. A process of the session may do to another of the session what the kernel lets it; that a
 * number is used again for a process outside in between is left, and gains one call that is harmless in itself. */
static void answer_process(const struct call_context *context, struct outcome *outcome) {
  const struct call *call = context->call;
  size_t argument = 0;
  bool names_process = true;
  for (size_t i = 0; i < sizeof REACHES / sizeof *REACHES; i++) {
    if (REACHES[i].nr != call->nr) continue;
    argument = (size_t)REACHES[i].process;
    names_process = (uint32_t)call->args[REACHES[i].kind] == REACHES[i].is_process;
  }
  const pid_t pid = (pid_t)call->args[argument];
  outcome->answer = CONTINUED;
  if (call->nr == SYS_kill && pid <= 0) return; /* a group: Landlock goes through it and leaves out what is outside */
  const enum reach reach = names_process && pid >= 0 ? reach_of(context, pid) : FOREIGN;
  /* Of a process that is not there the kernel says so, and so does this of one that cannot be seen from there. */
  outcome->silent = reach == WITHIN || reach == NOBODY;
  if (!outcome->silent) deny(outcome, reach == HIDDEN ? ESRCH : context->answer->error, EPERM);
}

/* Decided on registers alone: the filter notifies executable mappings only. */
static void answer_map(const struct call_context *context, struct outcome *outcome) {
  outcome->answer = CONTINUED;
  outcome->silent = !is_closed(context, CLOSED_MAP);
  if (!outcome->silent) deny(outcome, context->answer->error, EACCES);
}
