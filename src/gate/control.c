#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol.h"

static struct command parse(const char *line);

int control_open(struct control *control, int fd) {
  memset(control, 0, sizeof *control);
  control->fd = fd;
  int flags = fcntl(fd, F_GETFL);
  return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

bool control_read(struct control *control, command_function *carry_out, void *context) {
  char bytes[256];
  ssize_t got = read(control->fd, bytes, sizeof bytes);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  for (ssize_t i = 0; i < got; i++) {
    if (bytes[i] != '\n') {
      if (control->length < sizeof control->line - 1) control->line[control->length++] = bytes[i];
      else control->skipping = true;
      continue;
    }
    control->line[control->length] = 0;
    struct command command = parse(control->line);
    if (!control->skipping && command.kind != COMMAND_NONE) carry_out(context, &command);
    control->length = 0;
    control->skipping = false;
  }
  return true;
}

static struct command parse(const char *line) {
  static const struct {
    const char *name;
    enum command_kind kind;
  } COMMANDS[] = {{"continue", COMMAND_CONTINUE}, {"kill", COMMAND_KILL}, {"freeze", COMMAND_FREEZE},
                  {"thaw", COMMAND_THAW},         {"drained", COMMAND_DRAINED}};
  for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
    if (strcmp(line, COMMANDS[i].name) == 0) return (struct command){COMMANDS[i].kind, 0};
  static const struct {
    const char *name;
    enum command_kind kind;
    long most;
  } NUMBERED[] = {{"signal ", COMMAND_SIGNAL, 64}, {"close ", COMMAND_CLOSE, CLOSED_ANY}};
  for (size_t i = 0; i < sizeof NUMBERED / sizeof *NUMBERED; i++) {
    const size_t length = strlen(NUMBERED[i].name);
    if (strncmp(line, NUMBERED[i].name, length) != 0) continue;
    char *end = NULL;
    long number = strtol(line + length, &end, 10);
    if (end == line + length || *end != 0 || number < 1 || number > NUMBERED[i].most) break;
    return (struct command){NUMBERED[i].kind, (int)number};
  }
  return (struct command){COMMAND_NONE, 0};
}
