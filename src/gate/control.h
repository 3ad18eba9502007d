/* Text commands of the launcher, one a line. */
#ifndef PADDOCK_CONTROL_H
#define PADDOCK_CONTROL_H

#include "util.h"

enum command_kind {
  COMMAND_NONE,
  COMMAND_SIGNAL,
  COMMAND_CONTINUE,
  COMMAND_KILL,
  COMMAND_FREEZE,
  COMMAND_THAW,
  COMMAND_DRAINED,
  COMMAND_CLOSE
};

struct command {
  enum command_kind kind;
  int number; /* of the signal, or what is closed */
};

struct control {
  int fd; /* -1 after its end */
  size_t length;
  bool skipping; /* inside a line that is too long to be a command */
  char line[64];
};

typedef void command_function(void *context, const struct command *command);

int control_open(struct control *control, int fd);

/* Reads what is there and carries out whole lines; an unknown one is ignored. Returns false at the end of the file or on an error: the
 * launcher is gone. */
bool control_read(struct control *control, command_function *carry_out, void *context);

#endif
