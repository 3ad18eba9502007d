/* The child: raises the fence around itself, and becomes the program. */
#ifndef PADDOCK_CHILD_H
#define PADDOCK_CHILD_H

#include <signal.h>

#include "stream.h"

/* What the child tells the supervisor, in one write each. An end of file without a message is the exec. */
struct child_message {
  enum { CHILD_FAILED, CHILD_LISTENER, CHILD_MOVED } kind;
  uint32_t opcode; /* CHILD_FAILED: of what failed */
  int value;       /* CHILD_FAILED: errno; CHILD_LISTENER: the descriptor's number in the child; CHILD_MOVED: the process
                    * that goes on in the child's place */
  pid_t init;      /* CHILD_MOVED: number 1 of its process namespace */
  char detail[200];
};

struct child_start {
  const struct plan *plan;
  int status; /* messages go here */
  int ack;    /* one byte comes from here when the supervisor has the listener, or the child in its new place */
  int life;   /* at its end when the supervisor is gone; or -1 */
  const int *slots; /* GATE_MAX_SLOTS memfds or -1 */
  pid_t parent;
  bool terminal;
  sigset_t mask; /* that the gate was started with */
};

/* Never returns. When anything fails it says so and ends; no ack, no program. */
_Noreturn void child_run(const struct child_start *start);

#endif
