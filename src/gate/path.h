/* Paths as text: joined, made plain, and compared with what the fence grants. For reports only; Landlock decides. */
#ifndef PADDOCK_PATH_H
#define PADDOCK_PATH_H

#include "call.h"
#include "order.h"

struct grants {
  struct {
    uint32_t rights;
    const char *path;
    size_t length;
  } list[MAX_GRANTS];
  size_t count;
};

void grants_add(struct grants *grants, uint32_t rights, const char *path);

/* base/text without ".", ".." and double slashes; `text` alone when it is absolute, unchanged when base is unknown. */
void path_join(struct path *path, const char *base, size_t base_length, const char *text);

/* Rights that all matching prefixes give together. */
uint32_t path_rights(const struct grants *grants, const struct path *path);

/* What the path leads to in the caller's eyes, symbolic links followed (in the last component: if `last`); a file that
 * is yet to be created is placed in its directory. Returns false when there is no such thing. */
bool path_resolve(const struct call *call, const struct path *path, bool last, struct path *resolved, bool *exists);

/* Whether what the path leads to is granted. A name inside a grant may be a link out of it, so that the text alone is
 * asked only when nothing can be found out. `resolved` is for the caller's use afterwards. */
bool path_granted(const struct call *call, const struct grants *grants, const struct path *path, uint32_t wanted,
                  bool last, struct path *resolved, bool *exists);

/* /proc/PID of the caller becomes /proc/self, as grants are written. */
void path_own_process(pid_t process, struct path *path);

#endif
