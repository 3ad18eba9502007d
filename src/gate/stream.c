#include "stream.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "order.h"

enum { FIRST_READ = 64 << 10, MAX_OPERATIONS = 1 << 18 };

/* The payload of each record: u number, q 64-bit number, s string, * everything that is left. */
static const struct {
  uint32_t opcode;
  const char *name, *payload;
} SHAPES[] = {
    {OP_END, "end", ""},
    {OP_SUBREAPER, "subreaper", ""},
    {OP_MEMFD, "memfd", "us*"},
    {OP_CGROUP, "cgroup", "us"},
    {OP_ANSWER, "answer", "uuuuus"},
    {OP_ALLOW_BIND, "allow-bind", "uu*"},
    {OP_GRANT, "grant", "us"},
    {OP_EVENT_RATE, "event-rate", "uu"},
    {OP_TERMINAL, "terminal", ""},
    {OP_ALLOW_CONNECT, "allow-connect", "uu*"},
    {OP_HOLD, "hold", "uuqqqqq"},
    {OP_FORK, "fork", ""},
    {OP_DEATH_SIGNAL, "death-signal", "u"},
    {OP_RLIMIT, "rlimit", "uqq"},
    {OP_JOIN, "join", "s"},
    {OP_CHDIR, "chdir", "s"},
    {OP_UMASK, "umask", "u"},
    {OP_DROP_CAPABILITIES, "drop-capabilities", ""},
    {OP_NO_NEW_PRIVILEGES, "no-new-privileges", ""},
    {OP_LANDLOCK_CREATE, "landlock-create", "qqq"},
    {OP_LANDLOCK_PATH, "landlock-path", "qus"},
    {OP_LANDLOCK_DESCRIPTOR, "landlock-descriptor", "qu"},
    {OP_LANDLOCK_PORT, "landlock-port", "qq"},
    {OP_LANDLOCK_RESTRICT, "landlock-restrict", "u"},
    {OP_SECCOMP, "seccomp", "*"},
    {OP_SECCOMP_NOTIFY, "seccomp-notify", "*"},
    {OP_PLACE, "place", "uuu"},
    {OP_CLOSE_FROM, "close-from", "u"},
    {OP_ENVIRONMENT, "environment", "s"},
    {OP_ARGUMENT, "argument", "s"},
    {OP_SIGNALS, "signals", ""},
    {OP_NICE, "nice", "u"},
    {OP_IO_PRIORITY, "io-priority", "u"},
    {OP_AFFINITY, "affinity", "*"},
    {OP_EXEC, "exec", "uu"},
    {OP_NAMESPACES, "namespaces", "u"},
};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES };

static int read_stream(int fd, uint8_t **buffer, size_t *length, struct failure *why);
static int split(struct plan *plan, size_t length, struct failure *why);
static int decode(struct operation *operation, const char *payload, uint8_t *bytes, size_t length);
static int collect_strings(struct plan *plan, struct failure *why);

int plan_read(int fd, struct plan *plan, struct failure *why) {
  size_t length = 0;
  memset(plan, 0, sizeof *plan);
  if (read_stream(fd, &plan->buffer, &length, why) < 0) return -1;
  if (split(plan, length, why) < 0) return -1;
  if (order_check(plan, why) < 0) return -1;
  return collect_strings(plan, why);
}

bool plan_has(const struct plan *plan, uint32_t opcode) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->operations[i].opcode == opcode) return true;
  return false;
}

const char *operation_name(uint32_t opcode) {
  for (size_t i = 0; i < SHAPE_COUNT; i++)
    if (SHAPES[i].opcode == opcode) return SHAPES[i].name;
  return "unknown";
}

/* The buffer grows with what was really read, never with a length that the stream claims. */
static int read_stream(int fd, uint8_t **buffer, size_t *length, struct failure *why) {
  size_t capacity = 0;
  for (;;) {
    if (*length == capacity) {
      if (*length > GATE_MAX_STREAM) return failed(why, "stream", E2BIG, "longer than %u bytes", GATE_MAX_STREAM);
      capacity = capacity == 0 ? FIRST_READ : capacity * 2;
      if (capacity > GATE_MAX_STREAM) capacity = GATE_MAX_STREAM + 1;
      uint8_t *grown = realloc(*buffer, capacity);
      if (grown == NULL) return failed(why, "stream", ENOMEM, "no memory for %zu bytes", capacity);
      *buffer = grown;
    }
    ssize_t got = read(fd, *buffer + *length, capacity - *length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(why, "stream", errno, "reading after byte %zu", *length);
    if (got == 0) return 0;
    *length += (size_t)got;
  }
}

static struct operation *next_operation(struct plan *plan, size_t *capacity) {
  if (plan->count == *capacity) {
    if (*capacity >= MAX_OPERATIONS) return NULL;
    *capacity = *capacity == 0 ? 256 : *capacity * 2;
    struct operation *grown = realloc(plan->operations, *capacity * sizeof *grown);
    if (grown == NULL) return NULL;
    plan->operations = grown;
  }
  struct operation *operation = &plan->operations[plan->count++];
  memset(operation, 0, sizeof *operation);
  return operation;
}

/* The end record is checked and not kept. */
static int split(struct plan *plan, size_t length, struct failure *why) {
  size_t at = sizeof GATE_MAGIC - 1, capacity = 0;
  if (length < at || memcmp(plan->buffer, GATE_MAGIC, at) != 0)
    return failed(why, "stream", EPROTO, "does not begin with " GATE_MAGIC);
  for (;;) {
    if (length - at < 8) return failed(why, "stream", EPROTO, "ends at byte %zu without an end record", at);
    uint32_t opcode = read_u32(plan->buffer + at), size = read_u32(plan->buffer + at + 4);
    size_t shape = 0;
    while (shape < SHAPE_COUNT && SHAPES[shape].opcode != opcode) shape++;
    if (shape == SHAPE_COUNT) return failed(why, "stream", EPROTO, "unknown operation %u at byte %zu", opcode, at);
    if (size > length - at - 8)
      return failed(why, SHAPES[shape].name, EPROTO, "payload of %u bytes at byte %zu passes the end", size, at);
    struct operation *operation = next_operation(plan, &capacity);
    if (operation == NULL) return failed(why, "stream", E2BIG, "more than %d operations", MAX_OPERATIONS);
    operation->opcode = opcode;
    if (decode(operation, SHAPES[shape].payload, plan->buffer + at + 8, size) < 0)
      return failed(why, SHAPES[shape].name, EPROTO, "payload of %u bytes at byte %zu has another form", size, at);
    at += 8 + (size_t)size;
    if (opcode == OP_END) break;
  }
  plan->count--;
  if (at != length) return failed(why, "stream", EPROTO, "%zu bytes behind the end record", length - at);
  return 0;
}

/* A string is moved over its own length, which makes room for the NUL. */
static int decode(struct operation *operation, const char *payload, uint8_t *bytes, size_t length) {
  int numbers = 0, wides = 0;
  for (; *payload != 0; payload++) {
    if (*payload == '*') {
      operation->rest = bytes;
      operation->rest_length = (uint32_t)length;
      return 0;
    }
    size_t need = *payload == 'q' ? 8 : 4;
    if (length < need) return -1;
    if (*payload == 'u') operation->number[numbers++] = read_u32(bytes);
    if (*payload == 'q') operation->wide[wides++] = read_u64(bytes);
    if (*payload == 's') {
      uint32_t size = read_u32(bytes);
      if (size > length - 4 || memchr(bytes + 4, 0, size) != NULL) return -1;
      memmove(bytes, bytes + 4, size);
      bytes[size] = 0;
      operation->text = (const char *)bytes;
      need += size;
    }
    bytes += need;
    length -= need;
  }
  return length == 0 ? 0 : -1;
}

static int collect_strings(struct plan *plan, struct failure *why) {
  size_t arguments = 0, variables = 0;
  for (size_t i = 0; i < plan->count; i++) {
    arguments += plan->operations[i].opcode == OP_ARGUMENT;
    variables += plan->operations[i].opcode == OP_ENVIRONMENT;
  }
  plan->arguments = calloc(arguments + 1, sizeof *plan->arguments);
  plan->environment = calloc(variables + 1, sizeof *plan->environment);
  if (plan->arguments == NULL || plan->environment == NULL) return failed(why, "stream", ENOMEM, "no memory");
  arguments = variables = 0;
  for (size_t i = 0; i < plan->count; i++) {
    char *text = (char *)(uintptr_t)plan->operations[i].text;
    if (plan->operations[i].opcode == OP_ARGUMENT) plan->arguments[arguments++] = text;
    if (plan->operations[i].opcode == OP_ENVIRONMENT) plan->environment[variables++] = text;
  }
  return 0;
}
