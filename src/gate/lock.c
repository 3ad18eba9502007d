#include "lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events.h"
#include "protocol.h"

enum { LOCKED = GATE_OPERATIONS, WAIT_TRIES = 1000, WAIT_US = 10000, MAX_ENTRIES = 1 << 16 };

static int take(bool waits);
static int tell_entries(void);

int lock(void) {
  struct stat status;
  struct line line;
  if (fstat(LOCKED, &status) < 0) return 2;
  const bool is_folder = S_ISDIR(status.st_mode);
  int result = take(is_folder);
  if (result == 0 && is_folder) result = tell_entries();
  line_begin(&line, "lock");
  line_number(&line, "errno", result < 0 ? errno : 0);
  return printf("%.*s}\n", (int)line.length, line.text) < 0 ? 125 : 0;
}

static int take(bool waits) {
  for (int tries = 0; flock(LOCKED, LOCK_EX | LOCK_NB) < 0; tries++) {
    if (errno != EINTR && (errno != EWOULDBLOCK || !waits || tries >= WAIT_TRIES)) return -1;
    sleep_us(WAIT_US);
  }
  return 0;
}

/* Anybody may have put anything here: nothing is followed, and nothing is waited for. */
static int tell_entry(int folder, const char *name) {
  struct line line;
  struct stat status;
  int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) {
    /* Gone, a link or a socket: nothing that a session leaves. What may not be read is told as held: it counts. */
    if (errno != EACCES || fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  } else if (fstat(fd, &status) < 0) {
    close_fd(&fd);
    return -1;
  }
  const bool held = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0;
  close_fd(&fd);
  if (!S_ISREG(status.st_mode)) return 0;
  line_begin(&line, "entry");
  line_text(&line, "name", name, strlen(name));
  line_number(&line, "uid", status.st_uid);
  line_number(&line, "inode", (int64_t)status.st_ino);
  line_flag(&line, "held", held);
  return printf("%.*s}\n", (int)line.length, line.text) < 0 ? -1 : 0;
}

static int tell_entries(void) {
  int copy = openat(LOCKED, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = copy < 0 ? NULL : fdopendir(copy);
  int result = folder == NULL ? -1 : 0;
  if (folder == NULL) close_fd(&copy);
  for (int count = 0; result == 0; count++) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    if (entry == NULL) {
      if (errno != 0) result = -1;
      break;
    }
    if (count >= MAX_ENTRIES) {
      errno = E2BIG; /* what was not counted might hold */
      result = -1;
    } else if (entry->d_name[0] != '.') {
      result = tell_entry(dirfd(folder), entry->d_name);
    }
  }
  const int error = errno;
  if (folder != NULL) (void)closedir(folder);
  errno = error;
  return result;
}
