// The file that the engine runs from, and the zip inside it.
#ifndef DEMO_CONTAINER_H
#define DEMO_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
  const uint8_t *data;
  size_t size;
};

// A whole file, mapped for reading, and where its zip directory lies in it (directory.size 0: no zip).
struct container {
  struct bytes file;
  struct bytes directory;
};

// Finds and maps the file that holds this program. argv0 counts only when it is /proc/self/fd/N: that is how a loader
// names the program that it runs. Returns false if no candidate carries a zip; the container is then empty.
bool container_open_own(struct container *container, const char *argv0);

// Maps a file by name. Returns NULL or the reason, with errno set when the file could not be opened.
const char *container_open(struct container *container, const char *path);

// Looks up a stored (uncompressed) member; a null name means the only *.gguf there is. Returns NULL or the reason.
const char *container_find(const struct container *container, const char *name, struct bytes *content);

#endif
