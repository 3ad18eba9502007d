#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int failed(struct failure *why, const char *operation, int error, const char *format, ...) {
  va_list arguments;
  why->operation = operation;
  why->error = error;
  va_start(arguments, format);
  (void)vsnprintf(why->detail, sizeof why->detail, format, arguments);
  va_end(arguments);
  return -1;
}

uint32_t read_u32(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t read_u64(const uint8_t *at) { return read_u32(at) | (uint64_t)read_u32(at + 4) << 32; }

static int64_t clock_ms(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t now_ms(void) { return clock_ms(CLOCK_MONOTONIC); }

int64_t wall_ms(void) { return clock_ms(CLOCK_REALTIME); }

void sleep_us(unsigned microseconds) {
  struct timespec time = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};
  (void)nanosleep(&time, NULL); /* every signal is blocked; waking early would do no harm */
}

void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

int write_all(int fd, const void *bytes, size_t length) {
  const char *from = bytes;
  while (length > 0) {
    ssize_t written = write(fd, from, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return -1;
    from += written;
    length -= (size_t)written;
  }
  return 0;
}

ssize_t read_small(const char *path, char *into, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t length = 0;
  while (length < size - 1) {
    ssize_t got = read(fd, into + length, size - 1 - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      int error = errno;
      close(fd);
      errno = error;
      return -1;
    }
    if (got == 0) break;
    length += (size_t)got;
  }
  close(fd);
  into[length] = 0;
  return (ssize_t)length;
}
