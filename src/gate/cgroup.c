#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { V1_MAGIC = 0x27e0eb, V2_MAGIC = 0x63677270 };
enum { FREEZE_TRIES = 200, REMOVE_TRIES = 100 };

static int put(int directory, const char *file, const char *value);
static size_t for_members(int directory, int signal);
static void wait_frozen(int directory);

int cgroup_add(struct cgroups *groups, uint32_t kind, const char *path) {
  struct statfs system;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  if (fstatfs(fd, &system) < 0 || system.f_type != (kind == CGROUP_V2 ? V2_MAGIC : V1_MAGIC)) {
    close(fd);
    errno = EXDEV;
    return -1;
  }
  groups->list[groups->count++] = (struct cgroup){kind, path, fd};
  return 0;
}

size_t cgroups_members(const struct cgroups *groups) {
  return groups->count == 0 ? 0 : for_members(groups->list[0].fd, 0);
}

void cgroups_kill(const struct cgroups *groups) {
  for (size_t i = 0; i < groups->count; i++) {
    const struct cgroup *group = &groups->list[i];
    if (group->kind == CGROUP_V2 && put(group->fd, "cgroup.kill", "1") == 0) continue; /* Linux 5.14 */
    if (group->kind == CGROUP_V1_FREEZER) {
      /* Frozen tasks cannot fork, so the list is complete; the signal takes effect when they are thawed. */
      if (put(group->fd, "freezer.state", "FROZEN") == 0) wait_frozen(group->fd);
      (void)for_members(group->fd, SIGKILL);
      (void)put(group->fd, "freezer.state", "THAWED");
    } else {
      (void)for_members(group->fd, SIGKILL);
    }
  }
}

bool cgroups_freeze(const struct cgroups *groups, bool frozen) {
  bool done = false;
  for (size_t i = 0; i < groups->count; i++) {
    const struct cgroup *group = &groups->list[i];
    if (group->kind == CGROUP_V2) done |= put(group->fd, "cgroup.freeze", frozen ? "1" : "0") == 0;
    if (group->kind == CGROUP_V1_FREEZER) done |= put(group->fd, "freezer.state", frozen ? "FROZEN" : "THAWED") == 0;
    if (done && frozen) return true; /* one of them is enough, and thawing undoes all */
  }
  return done;
}

void cgroups_remove(struct cgroups *groups) {
  for (size_t i = 0; i < groups->count; i++) {
    close_fd(&groups->list[i].fd);
    for (int tries = 0; tries < REMOVE_TRIES; tries++) {
      if (rmdir(groups->list[i].path) == 0 || errno != EBUSY) break;
      sleep_us(10000);
    }
  }
  groups->count = 0;
}

static int put(int directory, const char *file, const char *value) {
  int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  int result = write_all(fd, value, strlen(value));
  close(fd);
  return result;
}

/* cgroup.procs has one process id a line. Signal 0 only counts. */
static size_t for_members(int directory, int signal) {
  int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
  size_t members = 0;
  if (file == NULL) {
    if (fd >= 0) close(fd);
    return 0;
  }
  char text[32];
  while (fgets(text, sizeof text, file) != NULL) {
    long pid = strtol(text, NULL, 10);
    if (pid > 1 && pid != (long)getpid() && kill((pid_t)pid, signal) == 0) members++;
  }
  (void)fclose(file);
  return members;
}

/* A task in an uninterruptible sleep holds the state at FREEZING: the wait is bounded, and killing goes on without. */
static void wait_frozen(int directory) {
  for (int tries = 0; tries < FREEZE_TRIES; tries++) {
    char state[32];
    int fd = openat(directory, "freezer.state", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, state, sizeof state);
    close_fd(&fd);
    if (length < 0 || (length >= 6 && memcmp(state, "FROZEN", 6) == 0)) return;
    sleep_us(1000);
  }
}
