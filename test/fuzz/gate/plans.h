/* Operation streams: mostly well-formed ones, put together as the launcher does it, and then changed. */
#ifndef PADDOCK_FUZZ_PLANS_H
#define PADDOCK_FUZZ_PLANS_H

#include "fuzz.h"

struct bytes {
  uint8_t *at;
  size_t length, capacity;
};

/* The stream of one case, in place of what `into` has. */
void make_plan(struct random *random, struct bytes *into);

/* The payload of an operation as protocol.h tells it, written a second time: u number, q 64-bit number, s string,
 * * the rest. NULL: no such operation. */
const char *payload_form(uint32_t opcode);

#endif
