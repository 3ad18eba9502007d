#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int log_file = -1;
static bool started;

void log_start(const char *path) {
  started = true;
  log_file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

void log_line(const char *format, ...) {
  if (!started) return;
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  if ((size_t)length > sizeof line - 2) length = sizeof line - 2;
  line[length++] = '\n';
  // One write a line, so that lines of several threads do not mix. A closed standard error is no reason to stop.
  if (write(STDERR_FILENO, line, (size_t)length) < 0) started = log_file >= 0;
  if (log_file >= 0 && write(log_file, line, (size_t)length) < 0) log_file = -1;
}
