/* The session's cgroup directories: made by the launcher, used here to kill and freeze, and removed at the end. */
#ifndef PADDOCK_CGROUP_H
#define PADDOCK_CGROUP_H

#include "order.h"

struct cgroups {
  struct cgroup {
    uint32_t kind;
    const char *path;
    int fd;
  } list[MAX_CGROUPS];
  size_t count;
};

/* Opens the directory. Returns 0, or -1 with errno; EXDEV when it is not on a cgroup file system of that kind. */
int cgroup_add(struct cgroups *groups, uint32_t kind, const char *path);

/* Living processes in the first group. */
size_t cgroups_members(const struct cgroups *groups);

/* SIGKILL to every member, as far as the kinds allow: at once with v2, one by one while frozen with the v1 freezer. */
void cgroups_kill(const struct cgroups *groups);

/* Freezes or thaws. Returns false when no directory can do that. */
bool cgroups_freeze(const struct cgroups *groups, bool frozen);

/* Removes the directories, which are empty now; waits at most a second for the kernel to agree. */
void cgroups_remove(struct cgroups *groups);

#endif
