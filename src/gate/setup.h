/* The supervisor's half of the plan: what is done before the fork. */
#ifndef PADDOCK_SETUP_H
#define PADDOCK_SETUP_H

#include "cgroup.h"
#include "events.h"
#include "notify.h"
#include "stream.h"

struct setup {
  struct table table;
  struct cgroups cgroups;
  int slots[GATE_MAX_SLOTS]; /* memfds or -1 */
  bool terminal;
};

/* Executes the operations before `fork`. Returns 0, or -1 with the reason; what was made until then stays in `setup`. */
int setup_run(const struct plan *plan, struct events *events, struct setup *setup, struct failure *why);

#endif
