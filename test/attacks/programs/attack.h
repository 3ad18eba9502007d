/* What every attempt uses. An attempt is a function that tries one thing, and tells the truth about how it ended:
 *
 *   return succeeded("first bytes: %s", ...);   one line `SUCCEEDED <evidence>`, exit code 0
 *   return failed("openat");                    one line `FAILED openat EACCES`, exit code 9
 *
 * `SUCCEEDED` is said only with the fruit of the attempt in hand: the bytes read, the reply received, the call's
 * effect looked at. Every loop and every allocation is bounded, since each attempt is also run with no fence around.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { EXIT_SUCCEEDED = 0, EXIT_FAILED = 9 };

struct attempt {
  const char *name;
  int (*run)(void);
};

/* One table a family, ended by a null name. */
extern const struct attempt file_attempts[], write_attempts[], network_attempts[], listen_attempts[],
    process_attempts[], namespace_attempts[], kernel_attempts[], foreign_attempts[], uring_attempts[],
    execute_attempts[], resource_attempts[], outlive_attempts[], terminal_attempts[], inherit_attempts[],
    race_attempts[], call_attempts[], path_attempts[], exchange_attempts[], supervisor_attempts[],
    limit_attempts[], socket_attempts[], ready_attempts[],
    outside_one_attempts[];

int succeeded(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Uses errno. */
int failed(const char *call);
/* For attempts that end without an errno. */
int failed_because(const char *call, const char *reason);

/* `key:HEX` or `key=TEXT` of the command line; ends the program when it is missing. Paths are passed in hex so that the
 * launcher does not take them for files that the user named and grants. */
const char *param(const char *key);
const char *optional_param(const char *key);
int number_param(const char *key);

/* The nearest process of the launcher's that can be named: our parent, or, in a process namespace of our own, its first
 * process. Of a parent outside getppid says 0. */
pid_t keeper(void);

/* $TMPDIR/name, in a static buffer (two of them, used in turn). */
const char *scratch(const char *name);
/* Reads up to 40 bytes for evidence, made printable. NULL and errno when the file cannot be opened or read. */
const char *first_bytes(const char *path);
const char *printable(const char *bytes, size_t length);
/* Writes text to a new file at path; 0 or -1. */
int write_file(const char *path, const char *text, int mode);
/* Copies a file; 0 or -1. */
int copy_file(const char *from, const char *to, int mode);

#endif
