#include "path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "process.h"

void grants_add(struct grants *grants, uint32_t rights, const char *path) {
  size_t length = strlen(path);
  while (length > 0 && path[length - 1] == '/') length--; /* "/" has length 0 and matches everything */
  grants->list[grants->count].rights = rights;
  grants->list[grants->count].path = path;
  grants->list[grants->count++].length = length;
}

/* Takes the last component away; the root stays. */
static void up(struct path *path) {
  while (path->length > 0 && path->text[path->length - 1] != '/') path->length--;
  while (path->length > 0 && path->text[path->length - 1] == '/') path->length--;
}

static void add(struct path *path, const char *text, size_t length) {
  const char *end = text + length;
  while (text < end) {
    const char *slash = memchr(text, '/', (size_t)(end - text));
    size_t size = (size_t)((slash == NULL ? end : slash) - text);
    if (size == 2 && text[0] == '.' && text[1] == '.') {
      up(path);
    } else if (size > 0 && !(size == 1 && text[0] == '.') && path->length + 1 + size < sizeof path->text) {
      path->text[path->length++] = '/';
      memcpy(path->text + path->length, text, size);
      path->length += size;
    }
    text += size + 1;
  }
}

void path_join(struct path *path, const char *base, size_t base_length, const char *text) {
  const size_t length = strlen(text);
  path->length = 0;
  if (text[0] != '/' && (base_length == 0 || base[0] != '/')) { /* "pipe:[1]", or unknown */
    if (base_length > 0 && length == 0) text = base;
    path->length = text == base ? base_length : length;
    memcpy(path->text, text, path->length);
  } else {
    if (text[0] != '/') add(path, base, base_length);
    add(path, text, length);
    if (path->length == 0) path->text[path->length++] = '/';
  }
  path->text[path->length] = 0;
}

uint32_t path_rights(const struct grants *grants, const struct path *path) {
  uint32_t rights = 0;
  for (size_t i = 0; i < grants->count; i++) {
    const size_t length = grants->list[i].length;
    if (path->length < length || memcmp(path->text, grants->list[i].path, length) != 0) continue;
    if (path->length == length || path->text[length] == '/') rights |= grants->list[i].rights;
  }
  return rights;
}

/* Replaces the first `length` bytes. */
static void replace(struct path *path, size_t length, const char *with) {
  const size_t size = strlen(with);
  if (path->length - length + size >= sizeof path->text) return;
  memmove(path->text + size, path->text + length, path->length - length + 1);
  memcpy(path->text, with, size);
  path->length += size - length;
}

static bool begins(const struct path *path, const char *with, size_t *length) {
  *length = strlen(with);
  return path->length >= *length && memcmp(path->text, with, *length) == 0 &&
         (path->length == *length || path->text[*length] == '/');
}

/* What /proc/self and the links to it mean depends on who follows them: they are replaced before this process does. */
static void in_callers_eyes(const struct own_numbers *own, struct path *path) {
  static const struct {
    const char *from, *to;
  } LINKS[] = {{"/dev/fd", "/fd"},         {"/dev/stdin", "/fd/0"}, {"/dev/stdout", "/fd/1"},
               {"/dev/stderr", "/fd/2"},   {"/proc/self", ""},      {"/proc/mounts", "/mounts"},
               {"/etc/mtab", "/mounts"},   {"/proc/net", "/net"}};
  char with[64];
  size_t length;
  if (begins(path, "/proc/thread-self", &length)) {
    (void)snprintf(with, sizeof with, "/proc/%d/task/%d", own->process, own->thread);
    replace(path, length, with);
  }
  for (size_t i = 0; i < sizeof LINKS / sizeof *LINKS; i++) {
    if (!begins(path, LINKS[i].from, &length)) continue;
    (void)snprintf(with, sizeof with, "/proc/%d%s", own->process, LINKS[i].to);
    replace(path, length, with);
    return;
  }
}

void path_own_process(pid_t process, struct path *path) {
  char own[32];
  size_t length;
  (void)snprintf(own, sizeof own, "/proc/%d", process);
  if (begins(path, own, &length)) replace(path, length, "/proc/self");
}

/* O_PATH opens nothing: no permission is needed, no device is touched, no FIFO waits. */
static bool follow(pid_t process, const struct path *path, bool last, struct path *resolved) {
  static char through[sizeof path->text + 32];
  char link[32];
  (void)snprintf(through, sizeof through, "/proc/%d/root%s", process, path->text);
  int fd = open(through, O_PATH | O_CLOEXEC | (last ? 0 : O_NOFOLLOW));
  if (fd < 0) return false;
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, resolved->text, sizeof resolved->text - 1);
  close(fd);
  if (length < 0) return false;
  resolved->length = (size_t)length;
  resolved->text[length] = 0;
  return true;
}

bool path_resolve(const struct call *call, const struct path *path, bool last, struct path *resolved, bool *exists) {
  static struct path asked, parent;
  const pid_t process = process_of_thread(call->tid);
  struct own_numbers own;
  if (process <= 0 || process_own_numbers(call->tid, &own) < 0 || path->length == 0 || path->text[0] != '/') return false;
  asked = *path;
  in_callers_eyes(&own, &asked);
  *exists = follow(process, &asked, last, resolved);
  if (!*exists) {
    parent = asked;
    up(&parent);
    parent.text[parent.length] = 0;
    if (!follow(process, &parent, true, resolved)) return false;
    const char *name = asked.text + parent.length;
    if (resolved->length == 1) resolved->length = 0;
    add(resolved, name, strlen(name));
    resolved->text[resolved->length] = 0;
  }
  path_own_process(own.process, resolved);
  return true;
}

/* Pipes, sockets and memory files have no place in the tree; Landlock has nothing to say about them. */
static bool outside_the_tree(const struct path *path) {
  static const char MEMORY[] = "/memfd:";
  return path->text[0] != '/' || strncmp(path->text, MEMORY, sizeof MEMORY - 1) == 0;
}

bool path_granted(const struct call *call, const struct grants *grants, const struct path *path, uint32_t wanted,
                  bool last, struct path *resolved, bool *exists) {
  if (path_resolve(call, path, last, resolved, exists)) {
    if (outside_the_tree(resolved)) return true;
  } else {
    struct own_numbers own;
    *resolved = *path;
    if (process_own_numbers(call->tid, &own) == 0) path_own_process(own.process, resolved);
  }
  return (path_rights(grants, resolved) & wanted) == wanted;
}
