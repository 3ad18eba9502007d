/* What a well-formed stream may say: which values, and in which order. */
#ifndef PADDOCK_ORDER_H
#define PADDOCK_ORDER_H

#include "stream.h"

enum {
  MAX_STRINGS = 64 << 10, /* arguments, and variables */
  MAX_ANSWERS = 1024,
  MAX_ADDRESSES = 64, /* to bind, and to connect to */
  MAX_CONNECTING = 32, /* connections that are being made at one time */
  MAX_GRANTS = 4096,
  MAX_CGROUPS = 16,
  MAX_LABEL = 64,
  MAX_AFFINITY = 1024, /* bytes: 8192 CPUs, the most that Linux is built for */
  MAX_PLACE = 64, /* the gate's own descriptors live at this number and above while the child is set up */
  MAX_FILTER = 4096 /* BPF_MAXINSNS */
};

/* Checks values and order of decoded operations and sets plan->fork. Returns 0, or -1 with the reason. */
int order_check(struct plan *plan, struct failure *why);

#endif
