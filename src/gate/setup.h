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
  int leases[GATE_CONTAINER - GATE_FILE + 1]; /* on the judged files, or -1 */
};

/* Executes the operations before `fork`. Returns 0, or -1 with the reason; what was made until then stays in `setup`. */
int setup_run(const struct plan *plan, struct events *events, struct setup *setup, struct failure *why);

/* Whether somebody wants to write to a judged file that is held. */
bool setup_is_disturbed(const struct setup *setup);

/* Lets the judged files go: for when no process of the session is left. */
void setup_let_go(struct setup *setup);

#endif
