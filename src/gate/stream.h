/* The operation stream: read whole, checked whole, and only then executed. */
#ifndef PADDOCK_STREAM_H
#define PADDOCK_STREAM_H

#include "protocol.h"
#include "util.h"

/* One decoded record. `text` ends with NUL; it and `rest` point into the plan's buffer. */
struct operation {
  uint32_t opcode;
  uint32_t number[5];
  uint64_t wide[5];
  const char *text;
  const uint8_t *rest;
  uint32_t rest_length;
};

/* The whole stream, checked. operations[0 … fork - 1] are the supervisor's, those after `fork` the child's. */
struct plan {
  uint8_t *buffer;
  struct operation *operations;
  size_t count, fork;
  char **arguments, **environment; /* ended by NULL, as execve wants them */
};

/* Reads `fd` to its end and checks every record. Returns 0, or -1 with the reason. Executes nothing. */
int plan_read(int fd, struct plan *plan, struct failure *why);

bool plan_has(const struct plan *plan, uint32_t opcode);

/* Wire name of an opcode that plan_read accepted. */
const char *operation_name(uint32_t opcode);

#endif
