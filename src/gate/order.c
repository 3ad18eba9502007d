#include "order.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

/* What has been said so far. */
struct said {
  bool forked, executed, no_new_privileges, landlock, notify, namespaces, dropped;
  bool slots[GATE_MAX_SLOTS];
  size_t strings[2], arguments, answers, addresses, places, grants, cgroups;
};

static const char *out_of_order(struct said *said, const struct operation *operation);
static const char *supervisor_value(struct said *said, const struct operation *operation);
static const char *child_value(struct said *said, const struct operation *operation);

int order_check(struct plan *plan, struct failure *why) {
  struct said said = {0};
  for (size_t i = 0; i < plan->count; i++) {
    const struct operation *operation = &plan->operations[i];
    const char *wrong = out_of_order(&said, operation);
    if (wrong == NULL && operation->opcode < OP_FORK) wrong = supervisor_value(&said, operation);
    if (wrong == NULL && operation->opcode > OP_FORK) wrong = child_value(&said, operation);
    if (wrong != NULL) return failed(why, operation_name(operation->opcode), EPROTO, "operation %zu: %s", i, wrong);
    if (operation->opcode == OP_FORK) plan->fork = i;
  }
  if (!said.executed) return failed(why, "stream", EPROTO, "nothing is executed");
  return 0;
}

static const char *out_of_order(struct said *said, const struct operation *operation) {
  if (said->executed) return "comes after exec";
  if (operation->opcode == OP_FORK) {
    if (said->forked) return "there is a second fork";
    said->forked = true;
    return NULL;
  }
  if (operation->opcode < OP_FORK) return said->forked ? "belongs before fork" : NULL;
  return said->forked ? NULL : "belongs after fork";
}

static const char *address_value(const struct operation *operation) {
  uint32_t family = operation->number[0], length = operation->rest_length;
  if (operation->number[1] > 65535) return "a port is at most 65535";
  if (family == AF_INET) return length == 4 ? NULL : "an IPv4 address has 4 bytes";
  if (family == AF_INET6) return length == 16 ? NULL : "an IPv6 address has 16 bytes";
  return "the address family is not IPv4 or IPv6";
}

static const char *answer_value(const struct operation *operation) {
  if (operation->number[1] > 1 || operation->number[4] > 1) return "a flag is 0 or 1";
  if (operation->number[2] > ANSWER_MAP) return "unknown answer";
  if (operation->number[3] > 4095) return "an error number is at most 4095";
  return strlen(operation->text) > MAX_LABEL ? "the label is too long" : NULL;
}

static const char *supervisor_value(struct said *said, const struct operation *operation) {
  const uint32_t first = operation->number[0];
  switch (operation->opcode) {
    case OP_MEMFD:
      if (first >= GATE_MAX_SLOTS || said->slots[first]) return "the slot is out of range or taken";
      said->slots[first] = true;
      return strlen(operation->text) > MAX_LABEL ? "the name is too long" : NULL;
    case OP_CGROUP:
      if (first > CGROUP_V1) return "unknown kind";
      return ++said->cgroups > MAX_CGROUPS ? "too many" : NULL;
    case OP_ANSWER:
      return ++said->answers > MAX_ANSWERS ? "too many" : answer_value(operation);
    case OP_ALLOW_BIND:
      return ++said->addresses > MAX_ADDRESSES ? "too many" : address_value(operation);
    case OP_ALLOW_CONNECT:
      if (operation->number[1] == 0) return "a port to connect to is not 0";
      return ++said->places > MAX_ADDRESSES ? "too many" : address_value(operation);
    case OP_GRANT:
      if (operation->text[0] != '/') return "the path is not absolute";
      return ++said->grants > MAX_GRANTS ? "too many" : NULL;
    case OP_HOLD:
      if (first != GATE_FILE && first != GATE_CONTAINER) return "the descriptor is not a judged file";
      return operation->number[1] > 1 ? "a flag is 0 or 1" : NULL;
    default:
      return NULL;
  }
}

static bool is_for_the_program(uint32_t fd) { return fd <= 2 || fd == GATE_FILE || fd == GATE_CONTAINER; }

/* Descriptors 3, 4 and 5 are the gate's own and never reach the program. */
static const char *handle_value(const struct said *said, uint32_t kind, uint32_t number) {
  if (kind == 0) return is_for_the_program(number) ? NULL : "the descriptor is not one for the program";
  if (kind == 1) return number < GATE_MAX_SLOTS && said->slots[number] ? NULL : "the slot is empty";
  return "unknown kind of handle";
}

static const char *landlock_value(struct said *said, const struct operation *operation) {
  if (operation->opcode == OP_LANDLOCK_CREATE) {
    if (said->landlock) return "the ruleset before it is not in force yet";
    said->landlock = true;
    return NULL;
  }
  if (!said->landlock) return "there is no ruleset";
  if (operation->opcode == OP_LANDLOCK_PATH && operation->number[0] > 1) return "a flag is 0 or 1";
  if (operation->opcode == OP_LANDLOCK_DESCRIPTOR) return handle_value(said, 0, operation->number[0]);
  if (operation->opcode == OP_LANDLOCK_RESTRICT) {
    if (!said->no_new_privileges) return "no-new-privileges must come first";
    said->landlock = false;
  }
  return NULL;
}

static const char *filter_value(struct said *said, const struct operation *operation) {
  const size_t size = sizeof(struct sock_filter), length = operation->rest_length;
  if (length == 0 || length % size != 0 || length / size > MAX_FILTER) return "not 1 to 4096 whole instructions";
  if (!said->no_new_privileges) return "no-new-privileges must come first";
  if (said->notify) return "comes after seccomp-notify"; /* it would be refused, or see the gate's own calls */
  said->notify = operation->opcode == OP_SECCOMP_NOTIFY;
  return NULL;
}

static const char *string_value(struct said *said, const struct operation *operation) {
  bool variable = operation->opcode == OP_ENVIRONMENT;
  if (++said->strings[variable] > MAX_STRINGS) return "too many";
  if (!variable) return NULL;
  const char *equals = strchr(operation->text, '=');
  return equals == NULL || equals == operation->text ? "not NAME=VALUE" : NULL;
}

/* The new user namespace gives every capability in it, and nothing may be executed with one of them. */
static const char *namespaces_value(struct said *said, uint32_t kinds) {
  if (said->namespaces) return "there are namespaces already";
  if (said->no_new_privileges) return "comes after no-new-privileges";
  if ((kinds & ~(uint32_t)NAMESPACE_ANY) != 0) return "unknown kind";
  if ((kinds & NAMESPACE_ALWAYS) != NAMESPACE_ALWAYS) return "user, mount and process namespaces go together";
  said->namespaces = true;
  said->dropped = false;
  return NULL;
}

static const char *child_value(struct said *said, const struct operation *operation) {
  const uint32_t first = operation->number[0];
  switch (operation->opcode) {
    case OP_DEATH_SIGNAL:
      return first >= 1 && first <= 64 ? NULL : "not a signal number";
    case OP_NICE:
      return first <= 19 ? NULL : "not 0 to 19";
    case OP_IO_PRIORITY:
      return first <= 7 ? NULL : "not 0 to 7";
    case OP_AFFINITY:
      return operation->rest_length >= 1 && operation->rest_length <= MAX_AFFINITY ? NULL : "not 1 to 1024 bytes";
    case OP_UMASK:
      return first <= 0777 ? NULL : "not a file mode mask";
    case OP_NAMESPACES:
      return namespaces_value(said, first);
    case OP_DROP_CAPABILITIES:
      said->dropped = true;
      return NULL;
    case OP_NO_NEW_PRIVILEGES:
      said->no_new_privileges = true;
      return NULL;
    case OP_LANDLOCK_CREATE:
    case OP_LANDLOCK_PATH:
    case OP_LANDLOCK_DESCRIPTOR:
    case OP_LANDLOCK_PORT:
    case OP_LANDLOCK_RESTRICT:
      return landlock_value(said, operation);
    case OP_SECCOMP:
    case OP_SECCOMP_NOTIFY:
      return filter_value(said, operation);
    case OP_PLACE:
      if (operation->number[2] >= MAX_PLACE) return "the number is 64 or higher";
      return handle_value(said, first, operation->number[1]);
    case OP_ENVIRONMENT:
    case OP_ARGUMENT:
      return string_value(said, operation);
    case OP_EXEC:
      if (said->landlock) return "a Landlock ruleset is not in force yet";
      if (said->strings[0] == 0) return "there is no argument 0";
      if (said->namespaces && !said->dropped) return "drop-capabilities must come between namespaces and exec";
      said->executed = true;
      return handle_value(said, first, operation->number[1]);
    default:
      return NULL;
  }
}
