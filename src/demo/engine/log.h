// main.log and llama.log in the working directory, and progress on standard error.
#ifndef DEMO_LOG_H
#define DEMO_LOG_H

#include <stdbool.h>

// Opens the log file; a refusal is survived. Without this call nothing is logged.
void log_start(const char *path);
// One line to standard error and to the log file.
__attribute__((format(printf, 1, 2))) void log_line(const char *format, ...);

#endif
