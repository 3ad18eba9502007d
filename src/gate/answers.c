/* What each kind of answer does. CONTINUE is given only where the kernel enforces the limit anyway (Landlock, a plain
 * filter), or where nothing but the report depends on what was read: the argument can change after it was read. What
 * must be decided on memory is done here, on the gate's own duplicate, and the program's call is never executed. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "namespaces.h"
#include "notify.h"
#include "process.h"

static void deny(struct outcome *outcome, int error, int otherwise);
static int decode_target(const struct call *call, struct outcome *outcome);
static void answer_exec(const struct call_context *context, struct outcome *outcome, bool once);
static void answer_open(const struct call_context *context, struct outcome *outcome);
static void answer_bind(const struct call_context *context, struct outcome *outcome);
static void answer_listen(const struct call_context *context, struct outcome *outcome);
static void answer_process(const struct call_context *context, struct outcome *outcome);

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
    case ANSWER_DENY:
    case ANSWER_CONNECT:
      (void)decode_target(context->call, outcome);
      deny(outcome, answer->error, answer->kind == ANSWER_CONNECT ? EACCES : EPERM);
      break;
  }
  /* What was read may have been another task's memory, if this one is gone and its number was used again. */
  if (outcome->answer != EMULATED && !still_valid(context->notifier, context->call->id)) outcome->silent = true;
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
  outcome->silent = is_launch(context) || ((wanted & RIGHT_WRITE) == 0 && (granted || !exists));
}

static const struct address *find_address(const struct table *table, const struct sockaddr_storage *address,
                                          socklen_t length) {
  struct sockaddr_in four;
  struct sockaddr_in6 six;
  memcpy(&four, address, sizeof four);
  memcpy(&six, address, sizeof six);
  for (size_t i = 0; i < table->address_count; i++) {
    const struct address *allowed = &table->addresses[i];
    if (allowed->family != address->ss_family) continue;
    if (allowed->family == AF_INET && length >= sizeof four && ntohs(four.sin_port) == allowed->port &&
        memcmp(&four.sin_addr, allowed->bytes, 4) == 0)
      return allowed;
    if (allowed->family == AF_INET6 && length >= sizeof six && ntohs(six.sin6_port) == allowed->port &&
        memcmp(&six.sin6_addr, allowed->bytes, 16) == 0)
      return allowed;
  }
  return NULL;
}

/* Others share the calls and not the behaviour: an MPTCP socket is SOCK_STREAM as well, and Landlock does not see it. */
static bool is_tcp(int fd, uint32_t family) {
  const struct {
    int option;
    uint32_t value;
  } WANTED[] = {{SO_DOMAIN, family}, {SO_TYPE, SOCK_STREAM}, {SO_PROTOCOL, IPPROTO_TCP}};
  for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
    uint32_t value = 0;
    socklen_t length = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, WANTED[i].option, &value, &length) < 0 || value != WANTED[i].value) return false;
  }
  return true;
}

/* Binds to the address of the table, not to the one that was read: flow labels and scopes are not for the program. */
static int bind_to(int fd, const struct address *allowed) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)allowed->port)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)allowed->port)};
  memcpy(&four.sin_addr, allowed->bytes, 4);
  memcpy(&six.sin6_addr, allowed->bytes, 16);
  if (allowed->family == AF_INET) return bind(fd, (struct sockaddr *)&four, sizeof four);
  return bind(fd, (struct sockaddr *)&six, sizeof six);
}

static void emulated(struct outcome *outcome, int result) {
  outcome->answer = EMULATED;
  outcome->error = result < 0 ? errno : 0;
}

static void answer_bind(const struct call_context *context, struct outcome *outcome) {
  const struct call *call = context->call;
  const struct call_shape *shape = call_shape(call);
  struct sockaddr_storage address;
  socklen_t length;
  deny(outcome, EACCES, EACCES);
  if (shape == NULL || shape->address < 0) return;
  int error = call_address(call, shape, &address, &length);
  if (error != 0) {
    deny(outcome, error, EPERM);
    return;
  }
  describe_address(&address, length, &outcome->target);
  outcome->has_target = true;
  const struct address *allowed = find_address(context->notifier->table, &address, length);
  if (allowed == NULL) return;
  int fd = call_descriptor(call, (int)call->args[0]);
  if (fd < 0) return;
  if (is_tcp(fd, allowed->family) && still_valid(context->notifier, call->id)) emulated(outcome, bind_to(fd, allowed));
  close(fd);
}

/* listen() on a socket that was not bound picks a port by itself, which Landlock does not see. Whatever the caller does
 * to its descriptors meanwhile: the duplicate is what is looked at and what listens. */
static void answer_listen(const struct call_context *context, struct outcome *outcome) {
  const struct call *call = context->call;
  struct sockaddr_storage address = {0};
  socklen_t length = sizeof address;
  deny(outcome, EACCES, EACCES);
  int fd = call_descriptor(call, (int)call->args[0]);
  if (fd < 0) return;
  if (getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
    describe_address(&address, length, &outcome->target);
    outcome->has_target = true;
    if (find_address(context->notifier->table, &address, length) != NULL && is_tcp(fd, address.ss_family) &&
        still_valid(context->notifier, call->id))
      emulated(outcome, listen(fd, (int)call->args[1]));
  }
  close(fd);
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
