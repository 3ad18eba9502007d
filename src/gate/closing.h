/* What the launcher closes once the program is ready. Nothing opens it again. */
#ifndef PADDOCK_CLOSING_H
#define PADDOCK_CLOSING_H

#include "notify.h"

/* Opens a file for writing in the program's place and gives it the descriptor, so that no argument can change between the
 * look at it and the call. `resolved` is where the path leads, links followed. */
void open_in_its_place(const struct call_context *context, uint64_t flags, const struct path *resolved,
                       struct outcome *outcome);

/* Whether a call that changes names is refused once writing is closed, whatever its names: it could carry content to where
 * nothing may be written any more, and its names lie in memory. */
bool moves_content(const struct call *call);

#endif
