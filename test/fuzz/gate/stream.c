/* Streams of operations: each is refused with a reason, or what the gate makes of it is what stands in it, byte for byte,
 * and may be executed without looking again. */
#include "../../../src/gate/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "../../../src/gate/order.h"
#include "plans.h"
#include "../../../src/gate/setup.h"

static const char *run_stream(uint64_t number, struct random *random);
const struct target STREAM = {"stream", run_stream, NULL, NULL};

static void expect_same(const struct bytes *given, const struct plan *plan);
static void expect_order(const struct plan *plan);
static void expect_values(const struct plan *plan);
static void expect_strings(const struct plan *plan);
static void expect_bounds(const struct plan *plan);
static void set_up(const struct plan *plan);

static void keep(const struct bytes *bytes, int *fd) {
  if (*fd < 0) *fd = memfd_create("stream", MFD_CLOEXEC);
  if (ftruncate(*fd, 0) < 0 || pwrite(*fd, bytes->at, bytes->length, 0) != (ssize_t)bytes->length || lseek(*fd, 0, SEEK_SET) < 0)
    wrong("the stream cannot be kept: %s", strerror(errno));
}

/* The reason without its numbers; from a table, so that the text stays. */
static const char *kind_of(const struct failure *why) {
  static char *known[256];
  char text[sizeof why->detail + 64];
  size_t length = 0, i = 0;
  const char *detail = strncmp(why->detail, "operation ", 10) == 0 ? strchr(why->detail, ':') + 2 : why->detail;
  for (const char *from = why->operation; *from != 0; from++) text[length++] = *from;
  text[length++] = ':';
  text[length++] = ' ';
  for (const char *from = detail; *from != 0; from++) {
    const bool digit = *from >= '0' && *from <= '9';
    if (!digit) text[length++] = *from;
    else if (text[length - 1] != '#') text[length++] = '#';
  }
  text[length] = 0;
  while (i < 256 && known[i] != NULL && strcmp(known[i], text) != 0) i++;
  if (i == 256) wrong("more than 256 reasons, the last: %s", text);
  if (known[i] == NULL) known[i] = strdup(text);
  return known[i];
}

static const char *run_stream(uint64_t number, struct random *random) {
  static struct bytes bytes;
  static int fd = -1;
  struct plan plan;
  struct failure why;
  (void)number;
  memset(&why, 0xa5, sizeof why);
  make_plan(random, &bytes);
  keep(&bytes, &fd);
  const char *result = "accepted";
  if (plan_read(fd, &plan, &why) == 0) {
    expect_same(&bytes, &plan);
    expect_order(&plan);
    expect_values(&plan);
    expect_strings(&plan);
    expect_bounds(&plan);
    set_up(&plan);
  } else {
    if (why.error <= 0 || memchr(why.detail, 0, sizeof why.detail) == NULL || why.detail[0] == 0) wrong("refused without a reason");
    result = kind_of(&why);
  }
  free(plan.buffer);
  free(plan.operations);
  free(plan.arguments);
  free(plan.environment);
  return result;
}

static uint32_t u32_at(const uint8_t *at) { return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24; }

static uint64_t u64_at(const uint8_t *at) { return u32_at(at) | (uint64_t)u32_at(at + 4) << 32; }

/* One payload, read a second time. Returns what is left of it. */
static size_t expect_payload(const struct operation *operation, const char *form, const uint8_t *at, size_t left) {
  size_t numbers = 0, wides = 0;
  for (; *form != 0; form++) {
    if (*form == '*') {
      if (operation->rest_length != left || memcmp(operation->rest, at, left) != 0) wrong("the rest is another");
      return 0;
    }
    size_t size = *form == 'q' ? 8 : 4;
    if (left < size) wrong("a field is cut off");
    if (*form == 'u' && operation->number[numbers++] != u32_at(at)) wrong("a number is another");
    if (*form == 'q' && operation->wide[wides++] != u64_at(at)) wrong("a wide number is another");
    if (*form == 's') {
      const size_t length = u32_at(at);
      size += length;
      if (size > left || strlen(operation->text) != length || memcmp(operation->text, at + 4, length) != 0) wrong("a string is another");
    }
    at += size;
    left -= size;
  }
  return left;
}

static void expect_same(const struct bytes *given, const struct plan *plan) {
  size_t at = 8;
  if (given->length < 16 || memcmp(given->at, "PDKGATE1", 8) != 0) wrong("accepted without the magic");
  for (size_t i = 0; i <= plan->count; i++) {
    if (given->length - at < 8) wrong("accepted without an end record");
    const uint32_t opcode = u32_at(given->at + at), length = u32_at(given->at + at + 4);
    if (length > given->length - at - 8) wrong("accepted a payload behind the end");
    if (i == plan->count) {
      if (opcode != 0 || length != 0 || at + 8 != given->length) wrong("accepted with another end");
      return;
    }
    const char *form = payload_form(opcode);
    if (form == NULL || opcode == 0 || plan->operations[i].opcode != opcode) wrong("operation %zu is another", i);
    if (expect_payload(&plan->operations[i], form, given->at + at + 8, length) != 0) wrong("operation %zu is too long", i);
    at += 8 + length;
  }
}

static void expect_order(const struct plan *plan) {
  bool privileges = false, notify = false, landlock = false, namespaces = false, dropped = false;
  if (plan->fork >= plan->count || plan->operations[plan->fork].opcode != OP_FORK) wrong("there is no fork");
  for (size_t i = 0; i < plan->count; i++) {
    const uint32_t opcode = plan->operations[i].opcode;
    if (i != plan->fork && (i < plan->fork) != (opcode < OP_FORK)) wrong("operation %u on the wrong side of the fork", opcode);
    if ((opcode == OP_EXEC) != (i == plan->count - 1)) wrong("exec is not the last, and the last alone");
    const bool filter = opcode == OP_SECCOMP || opcode == OP_SECCOMP_NOTIFY;
    if ((filter || opcode == OP_LANDLOCK_RESTRICT) && !privileges) wrong("before no-new-privileges");
    if (filter && notify) wrong("a filter after the one that notifies");
    if (opcode >= OP_LANDLOCK_PATH && opcode <= OP_LANDLOCK_RESTRICT && !landlock) wrong("no ruleset");
    if (opcode == OP_NAMESPACES && (namespaces || privileges)) wrong("namespaces too late or twice");
    if (opcode == OP_LANDLOCK_CREATE) landlock = true;
    if (opcode == OP_LANDLOCK_RESTRICT) landlock = false;
    if (opcode == OP_NO_NEW_PRIVILEGES) privileges = true;
    if (opcode == OP_SECCOMP_NOTIFY) notify = true;
    if (opcode == OP_DROP_CAPABILITIES) dropped = true;
    if (opcode == OP_NAMESPACES) namespaces = true, dropped = false;
  }
  if (landlock) wrong("a ruleset is never in force");
  if (namespaces && !dropped) wrong("executed with the capabilities of a namespace");
}

static void expect(bool holds, const struct operation *operation) {
  if (!holds) wrong("accepted %s with %u, %u, %u", operation_name(operation->opcode), operation->number[0], operation->number[1], operation->number[2]);
}

/* By the bits of 0, 1, 2, 6 and 7. */
static bool given(uint32_t fd) { return fd < 8 && (0xc7u >> fd & 1) != 0; }

static void expect_values(const struct plan *plan) {
  unsigned slots = 0;
  for (size_t i = 0; i < plan->count; i++) {
    const struct operation *operation = &plan->operations[i];
    const uint32_t *number = operation->number, rest = operation->rest_length;
    const bool handle = number[0] == 0 ? given(number[1]) : number[0] == 1 && number[1] < 8 && (slots >> number[1] & 1) != 0;
    switch (operation->opcode) {
      case OP_MEMFD:
        expect(number[0] < 8 && (slots >> number[0] & 1) == 0, operation);
        slots |= 1u << number[0];
        break;
      case OP_CGROUP: expect(number[0] <= 2, operation); break;
      case OP_ANSWER: expect(number[1] <= 1 && number[2] <= 9 && number[3] <= 4095 && number[4] <= 1, operation); break;
      case OP_ALLOW_CONNECT:
      case OP_ALLOW_BIND:
        expect((number[0] == AF_INET && rest == 4) || (number[0] == AF_INET6 && rest == 16), operation);
        expect(number[1] <= 65535 && (number[1] > 0 || operation->opcode == OP_ALLOW_BIND), operation);
        break;
      case OP_GRANT: expect(operation->text[0] == '/', operation); break;
      case OP_HOLD: expect((number[0] == 6 || number[0] == 7) && number[1] <= 1, operation); break;
      case OP_DEATH_SIGNAL: expect(number[0] >= 1 && number[0] <= 64, operation); break;
      case OP_NICE: expect(number[0] <= 19, operation); break;
      case OP_IO_PRIORITY: expect(number[0] <= 7, operation); break;
      case OP_UMASK: expect(number[0] <= 0777, operation); break;
      case OP_AFFINITY: expect(rest >= 1 && rest <= 1024, operation); break;
      case OP_NAMESPACES: expect(number[0] < 64 && (number[0] & 7) == 7, operation); break;
      case OP_SECCOMP:
      case OP_SECCOMP_NOTIFY: expect(rest >= 8 && rest % 8 == 0 && rest <= 4096 * 8, operation); break;
      case OP_LANDLOCK_PATH: expect(number[0] <= 1, operation); break;
      case OP_LANDLOCK_DESCRIPTOR: expect(given(number[0]), operation); break;
      case OP_PLACE: expect(handle && number[2] < 64, operation); break;
      case OP_EXEC: expect(handle, operation); break;
      default: break;
    }
  }
}

static void expect_strings(const struct plan *plan) {
  size_t arguments = 0, variables = 0;
  for (size_t i = 0; i < plan->count; i++) {
    const struct operation *operation = &plan->operations[i];
    if (operation->opcode == OP_ARGUMENT && plan->arguments[arguments++] != operation->text) wrong("an argument is another");
    if (operation->opcode != OP_ENVIRONMENT) continue;
    if (plan->environment[variables++] != operation->text) wrong("a variable is another");
    if (operation->text[0] == '=' || strchr(operation->text, '=') == NULL) wrong("a variable without a name");
  }
  if (arguments == 0 || plan->arguments[arguments] != NULL || plan->environment[variables] != NULL) wrong("a list without an end");
}

/* For each there is a list of fixed length. */
static void expect_bounds(const struct plan *plan) {
  static const uint32_t BOUNDS[][2] = {{OP_ANSWER, 1024}, {OP_ALLOW_BIND, 64}, {OP_ALLOW_CONNECT, 64}, {OP_GRANT, 4096},
                                       {OP_CGROUP, 16}, {OP_ARGUMENT, 65536}, {OP_ENVIRONMENT, 65536}};
  for (size_t bound = 0; bound < sizeof BOUNDS / sizeof *BOUNDS; bound++) {
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++) count += plan->operations[i].opcode == BOUNDS[bound][0];
    if (count > BOUNDS[bound][1]) wrong("%zu times %s", count, operation_name(BOUNDS[bound][0]));
  }
}

/* What the supervisor keeps of it. A control group would be written to, and a terminal taken. */
static void set_up(const struct plan *plan) {
  static struct setup setup;
  static struct events events;
  struct failure why;
  if (plan_has(plan, OP_CGROUP) || plan_has(plan, OP_TERMINAL)) return;
  if (setup_run(plan, &events, &setup, &why) < 0 && why.error <= 0) wrong("set up without a reason");
  setup_let_go(&setup);
  for (int i = 0; i < GATE_MAX_SLOTS; i++) close_fd(&setup.slots[i]);
}
