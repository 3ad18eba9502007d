/* Landlock rulesets, as the launcher computed them. */
#ifndef PADDOCK_LANDLOCK_H
#define PADDOCK_LANDLOCK_H

#include "util.h"

/* Each returns 0, or -1 with errno; landlock_create returns the ruleset's descriptor. */
int landlock_create(uint64_t fs, uint64_t net, uint64_t scoped);

/* A rule for what lies at and below the path. An optional path that cannot be opened is left out: nothing is granted. */
int landlock_path(int ruleset, uint64_t access, bool optional, const char *path);
int landlock_descriptor(int ruleset, uint64_t access, int fd);
int landlock_port(int ruleset, uint64_t access, uint64_t port);
int landlock_restrict(int ruleset, unsigned flags);

#endif
