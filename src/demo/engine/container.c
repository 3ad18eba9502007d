#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  END_SIZE = 22,
  END64_SIZE = 56,
  LOCATOR_SIZE = 20,
  CENTRAL_SIZE = 46,
  LOCAL_SIZE = 30,
  SEARCH_WINDOW = 0x11000, // how far from its end a zip's end record is looked for
  MAX_MEMBERS = 65536,
};

static bool is_descriptor_name(const char *name);
static void find_directory(struct container *container);
static bool is_end64(struct bytes file, uint64_t at, struct bytes *directory);
static bool is_end32(struct bytes file, size_t at, struct bytes *directory);
static bool member_content(struct bytes file, struct bytes record, struct bytes *content);
static bool wanted(struct bytes name, const char *asked);
static uint16_t u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t u32(const uint8_t *p) { return (uint32_t)u16(p) | (uint32_t)u16(p + 2) << 16; }
static uint64_t u64(const uint8_t *p) { return (uint64_t)u32(p) | (uint64_t)u32(p + 4) << 32; }

bool container_open_own(struct container *container, const char *argv0) {
  const char *exec_name = (const char *)getauxval(AT_EXECFN);
  const char *candidates[] = {
      argv0 != NULL && is_descriptor_name(argv0) ? argv0 : NULL,
      exec_name != NULL && is_descriptor_name(exec_name) ? exec_name : NULL,
      "/proc/self/exe",
      exec_name, // a loader's own file carries no zip, and it leaves the program's name here
  };
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
    if (candidates[i] == NULL || container_open(container, candidates[i]) != NULL) continue;
    if (container->directory.size > 0) return true;
    munmap((void *)container->file.data, container->file.size);
  }
  *container = (struct container){0};
  return false;
}

const char *container_open(struct container *container, const char *path) {
  *container = (struct container){0};
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return "it cannot be opened";
  struct stat st;
  bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
  void *map = regular ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
  close(fd);
  errno = 0;
  if (!regular) return "it is not a regular file with content";
  if (map == MAP_FAILED) return "it cannot be mapped";
  container->file = (struct bytes){map, (size_t)st.st_size};
  find_directory(container);
  return NULL;
}

const char *container_find(const struct container *container, const char *name, struct bytes *content) {
  const uint8_t *at = container->directory.data;
  size_t left = container->directory.size;
  int found = 0;
  for (int i = 0; i < MAX_MEMBERS && left >= CENTRAL_SIZE; i++) {
    if (memcmp(at, "PK\1\2", 4) != 0) return "the zip directory is malformed";
    size_t length = CENTRAL_SIZE + (size_t)u16(at + 28) + u16(at + 30) + u16(at + 32);
    if (length > left) return "the zip directory is malformed";
    if (wanted((struct bytes){at + CENTRAL_SIZE, u16(at + 28)}, name)) {
      if (!member_content(container->file, (struct bytes){at, length}, content)) {
        return "the zip member is compressed or points outside the file";
      }
      found++;
    }
    at += length;
    left -= length;
  }
  if (found > 1) return "more than one zip member fits";
  return found == 1 ? NULL : "there is no such zip member";
}

static bool is_descriptor_name(const char *name) {
  static const char prefix[] = "/proc/self/fd/";
  if (strncmp(name, prefix, sizeof prefix - 1) != 0) return false;
  const char *digits = name + sizeof prefix - 1;
  return *digits != '\0' && strspn(digits, "0123456789") == strlen(digits);
}

// Looks backwards for the end record. A 64-bit one wins over the 32-bit one that follows it.
static void find_directory(struct container *container) {
  struct bytes file = container->file;
  if (file.size < END_SIZE) return;
  size_t stop = file.size > SEARCH_WINDOW ? file.size - SEARCH_WINDOW : 0;
  for (size_t at = file.size - END_SIZE + 1; at-- > stop;) {
    if (!is_end32(file, at, &container->directory)) continue;
    struct bytes directory;
    size_t before = at >= LOCATOR_SIZE ? at - LOCATOR_SIZE : at;
    bool located = before < at && memcmp(file.data + before, "PK\6\7", 4) == 0;
    if (located && is_end64(file, u64(file.data + before + 8), &directory)) {
      container->directory = directory;
      return;
    }
    if (u32(file.data + at + 16) != UINT32_MAX) return;
    container->directory = (struct bytes){0};
  }
}

static bool is_end64(struct bytes file, uint64_t at, struct bytes *directory) {
  if (at > file.size || file.size - at < END64_SIZE || memcmp(file.data + at, "PK\6\6", 4) != 0) return false;
  uint64_t size = u64(file.data + at + 40), offset = u64(file.data + at + 48);
  if (offset > at || size > at - offset) return false;
  *directory = (struct bytes){file.data + offset, (size_t)size};
  return true;
}

static bool is_end32(struct bytes file, size_t at, struct bytes *directory) {
  const uint8_t *p = file.data + at;
  if (memcmp(p, "PK\5\6", 4) != 0 || (size_t)u16(p + 20) > file.size - at - END_SIZE) return false;
  uint32_t size = u32(p + 12), offset = u32(p + 16);
  if (offset == UINT32_MAX) return true; // only a 64-bit record can say where the directory is
  if (offset > at || size > at - offset) return false;
  *directory = (struct bytes){file.data + offset, size};
  return true;
}

// Sizes and offset come from the 64-bit extra field where the record's own fields are all ones.
static bool member_content(struct bytes file, struct bytes record, struct bytes *content) {
  const uint8_t *p = record.data;
  uint64_t packed = u32(p + 20), size = u32(p + 24), offset = u32(p + 42);
  const uint8_t *extra = p + CENTRAL_SIZE + u16(p + 28);
  size_t left = u16(p + 30);
  while (left >= 4) {
    size_t length = u16(extra + 2);
    if (length > left - 4) return false;
    if (u16(extra) == 1) {
      const uint8_t *field = extra + 4, *end = field + length;
      uint64_t *slots[] = {&size, &packed, &offset};
      for (int i = 0; i < 3; i++) {
        if (*slots[i] != UINT32_MAX) continue;
        if (end - field < 8) return false;
        *slots[i] = u64(field);
        field += 8;
      }
    }
    extra += 4 + length;
    left -= 4 + length;
  }
  if (u16(p + 10) != 0 || packed != size) return false;
  if (offset > file.size || file.size - offset < LOCAL_SIZE) return false;
  const uint8_t *local = file.data + offset;
  if (memcmp(local, "PK\3\4", 4) != 0 || u16(local + 8) != 0) return false;
  uint64_t start = offset + LOCAL_SIZE + u16(local + 26) + u16(local + 28);
  if (start > file.size || size > file.size - start) return false;
  *content = (struct bytes){file.data + start, (size_t)size};
  return true;
}

static bool wanted(struct bytes name, const char *asked) {
  if (asked != NULL) return strlen(asked) == name.size && memcmp(asked, name.data, name.size) == 0;
  return name.size > 5 && strncasecmp((const char *)name.data + name.size - 5, ".gguf", 5) == 0;
}
