#ifndef PADDOCK_SUPERVISOR_H
#define PADDOCK_SUPERVISOR_H

#include "events.h"
#include "stream.h"

/* Runs one session from the first operation to the last event. Returns the gate's exit code: 0 after a whole session,
 * 125 when the program was not started. */
int supervise(const struct plan *plan, struct events *events);

/* Says on the event descriptor why nothing was started. Returns 125. */
int refuse(struct events *events, const struct failure *why);

#endif
