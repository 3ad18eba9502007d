/* What must hold after each call. */
#ifndef PADDOCK_FUZZ_CHECKS_H
#define PADDOCK_FUZZ_CHECKS_H

#include "../../../src/gate/notify.h"

struct situation {
  const struct notifier *notifier;
  const struct answer *answer; /* of the table to the call; NULL: none */
  bool racing;   /* names change while they are read */
  bool executed; /* the program was executed before this call */
};

/* The answer of the table to conversation.request. */
const struct answer *check_answer_of(const struct table *table);

/* One answer, of a kind that may be given to this call now. */
void check_answer(const struct situation *situation);

/* Not one descriptor more than before. */
void check_descriptors(void);

/* Reads what was told: whole lines of JSON in printable ASCII. */
void check_events(int fd);

#endif
