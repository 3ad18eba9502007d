/* bind, listen and connect, done by the gate on its own duplicate of the program's socket, at an address of the plan. */
#ifndef PADDOCK_SOCKETS_H
#define PADDOCK_SOCKETS_H

#include "notify.h"

void answer_bind(const struct call_context *context, struct outcome *outcome);
void answer_listen(const struct call_context *context, struct outcome *outcome);
void answer_connect(const struct call_context *context, struct outcome *outcome);

/* The address of the plan as the kernel takes it: no flow label, no scope. Returns its length. */
socklen_t socket_address(const struct address *from, struct sockaddr_storage *into);

#endif
