/* The process whose calls are made up: it waits, and has memory, descriptors and folders to be named in them. */
#ifndef PADDOCK_FUZZ_GUEST_H
#define PADDOCK_FUZZ_GUEST_H

#include <limits.h>
#include <sys/types.h>

#include "fuzz.h"

enum { GUEST_PAGES = 8, LONGEST_SWAPPED = 256, FIRST_DESCRIPTOR = 10, FIRST_SOCKET = 16, GUEST_DESCRIPTORS = 64 };

struct guest {
  pid_t process, thread, zombie, dead;
  int pidfd;
  uint8_t *memory;    /* GUEST_PAGES that both can read and write, with one before and one behind that nobody can */
  uint8_t *past_end;  /* of a file: mapped, and not there */
  size_t used;        /* of `memory` by this case */
  char root[64], kept[80], other[80], outside[80];
  int port;           /* where this process listens on the loopback interface */
  int free_port;      /* where nobody did */
  int listener;
};

extern struct guest guest;

/* `racing`: its second thread writes two names in turn to one place, guest_swapped(). */
void guest_begin(bool racing);
void guest_end(void);

/* Copies bytes to the guest's memory; sometimes so that they end where the memory does. Returns their address there. */
uint64_t guest_put(struct random *random, const void *bytes, size_t length);
uint64_t guest_swapped(void);

/* An address at which there is nothing, or nothing that can be read. */
uint64_t guest_bad_address(struct random *random);

#endif
