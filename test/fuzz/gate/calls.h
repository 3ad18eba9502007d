/* System calls as a hostile program makes them. */
#ifndef PADDOCK_FUZZ_CALLS_H
#define PADDOCK_FUZZ_CALLS_H

#include "../../../src/gate/notify.h"
#include "fuzz.h"

/* The calls that a launcher's filter notifies, and how each is answered by rights. */
struct known_call {
  int nr;
  enum answer_kind answer;
};
extern const struct known_call KNOWN_CALLS[];
extern const size_t KNOWN_CALL_COUNT;

/* Fills conversation.request, and the guest's memory with what it points to. */
void make_call(struct random *random);

#endif
