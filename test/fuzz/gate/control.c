/* Lines of commands in pieces of any size: only known ones are carried out, with numbers in their range, and what is closed
 * stays closed. */
#include "../../../src/gate/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "../../../src/gate/session.h"

static const char *run_control(uint64_t number, struct random *random);
const struct target CONTROL = {"control", run_control, NULL, NULL};

static struct session session;
static size_t carried_out;
static unsigned closed; /* as the lines say, read a second time */

static void carry_out(void *context, const struct command *command) {
  carried_out++;
  if (command->kind == COMMAND_SIGNAL && (command->number < 1 || command->number > 64)) wrong("signal %d", command->number);
  if (command->kind == COMMAND_CLOSE && (command->number < 1 || command->number > 15)) wrong("close %d", command->number);
  const unsigned before = session.notifier.closed;
  session_command(context, command);
  if ((before & ~session.notifier.closed) != 0) wrong("something was opened again");
}

/* What one line closes, if it is written as the launcher writes it. */
static unsigned plain_close(const char *line) {
  unsigned number = 0;
  int length = 0;
  if (strncmp(line, "close ", 6) != 0 || line[6] < '1' || line[6] > '9') return 0;
  if (sscanf(line + 6, "%2u%n", &number, &length) != 1 || line[6 + length] != 0) return 0;
  return number <= 15 ? number : 0;
}

static size_t make_line(struct random *random, char *line, size_t size) {
  static const char *const WORDS[] = {"continue", "kill", "freeze", "thaw", "drained", "signal ", "close ", "Close ", "", "close"};
  int length = snprintf(line, size, "%s", PICK(random, WORDS));
  if (!chance(random, 3)) length += snprintf(line + length, size - (size_t)length, "%lld", (long long)(chance(random, 4) ? interesting(random) : below(random, 70)));
  while (chance(random, 6) && (size_t)length + 2 < size) line[length++] = (char)(1 + below(random, 255));
  if (chance(random, 20)) while ((size_t)length < 40 + below(random, 60) && (size_t)length + 2 < size) line[length++] = 'a';
  for (int i = 0; i < length; i++)
    if (line[i] == '\n') line[i] = ' ';
  line[length] = 0;
  closed |= length < 64 ? plain_close(line) : 0;
  line[length++] = '\n';
  return (size_t)length;
}

static const char *run_control(uint64_t number, struct random *random) {
  char text[2048], line[160];
  size_t length = 0, lines = 0;
  int ends[2];
  (void)number;
  memset(&session, 0, sizeof session);
  carried_out = closed = 0;
  if (pipe(ends) < 0 || control_open(&session.control, ends[0]) < 0) wrong("no pipe: %s", strerror(errno));
  for (uint64_t left = below(random, 12); left > 0; left--, lines++) {
    const size_t size = make_line(random, line, sizeof line);
    memcpy(text + length, line, size);
    length += size;
  }
  for (size_t at = 0; at < length;) {
    const size_t most = length - at < 300 ? length - at : 300, size = 1 + below(random, most);
    if (write(ends[1], text + at, size) != (ssize_t)size) wrong("writing: %s", strerror(errno));
    at += size;
    for (size_t reads = 0; reads < 3; reads++)
      if (!control_read(&session.control, carry_out, &session)) wrong("an end before the end");
  }
  close(ends[1]);
  if (control_read(&session.control, carry_out, &session)) wrong("no end at the end");
  close(ends[0]);
  if (carried_out > lines) wrong("%zu commands in %zu lines", carried_out, lines);
  if ((closed & ~session.notifier.closed) != 0) wrong("%#x was to be closed, %#x is", closed, session.notifier.closed);
  return carried_out == 0 ? "nothing carried out" : carried_out == lines ? "every line carried out" : "some carried out";
}
