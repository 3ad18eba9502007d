/* Small things without a side effect on the session. */
#ifndef PADDOCK_UTIL_H
#define PADDOCK_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Why something did not work: the operation's wire name, the errno, and what it was about. */
struct failure {
  const char *operation;
  int error;
  char detail[200];
};

/* Fills `why` and returns -1, so that a caller can `return failed(…)`. */
int failed(struct failure *why, const char *operation, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Little-endian numbers at any address. */
uint32_t read_u32(const uint8_t *at);
uint64_t read_u64(const uint8_t *at);

/* CLOCK_MONOTONIC and CLOCK_REALTIME in milliseconds. */
int64_t now_ms(void);
int64_t wall_ms(void);

void sleep_us(unsigned microseconds);

/* Closes *fd if it is one, and sets it to -1. */
void close_fd(int *fd);

/* write() until everything is written. Returns 0, or -1 with errno. */
int write_all(int fd, const void *bytes, size_t length);

/* At most size - 1 bytes of a small file, with a NUL behind them. Returns the length, or -1 with errno. */
ssize_t read_small(const char *path, char *into, size_t size);

#endif
