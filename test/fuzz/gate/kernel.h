/* The kernel's end of the notifications: every ioctl of the gate on the listener comes here. */
#ifndef PADDOCK_FUZZ_KERNEL_H
#define PADDOCK_FUZZ_KERNEL_H

#include <linux/seccomp.h>

#include "fuzz.h"

enum { LISTENER = 900 }; /* no descriptor of this number is open */

/* One call, and what was answered. */
struct conversation {
  struct seccomp_notif request;
  int receive_error;       /* RECV fails with it */
  unsigned valid_asks;     /* so often the caller is still there */
  bool refuses_descriptor; /* as when the program has as many as it may */
  unsigned asks, sent, given;
  bool gone; /* the gate was told so */
  struct seccomp_notif_resp response;
};

extern struct conversation conversation;

#endif
