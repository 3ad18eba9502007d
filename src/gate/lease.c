#include "lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "util.h"

enum { TRIES = 50, TRY_AGAIN_US = 10000 };

int lease_take(int file) {
  char path[32];
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  int lease = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (lease < 0) return -1;
  int error = fcntl(lease, F_SETLEASE, F_RDLCK) < 0 ? errno : 0;
  if (error == 0 && !lease_broken(lease)) return lease; /* what was asked for is what is in force: read back */
  if (error == 0) error = EAGAIN;
  close_fd(&lease);
  errno = error;
  return -1;
}

int lease_take_patiently(int file) {
  for (int i = 0; i < TRIES; i++) {
    int lease = lease_take(file);
    if (lease >= 0 || errno != EAGAIN) return lease;
    sleep_us(TRY_AGAIN_US);
  }
  errno = EAGAIN;
  return -1;
}

/* A lease that is being broken says what it is to become. */
bool lease_broken(int lease) { return fcntl(lease, F_GETLEASE) != F_RDLCK; }

static uint64_t nanoseconds(const struct timespec *time) {
  return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
}

bool is_the_same_file(int file, const struct file_identity *identity) {
  struct stat now;
  return fstat(file, &now) == 0 && now.st_dev == identity->device && now.st_ino == identity->inode &&
         (uint64_t)now.st_size == identity->size && nanoseconds(&now.st_mtim) == identity->modified &&
         nanoseconds(&now.st_ctim) == identity->changed;
}
