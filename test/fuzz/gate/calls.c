#include "calls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "guest.h"
#include "kernel.h"

#define CALL(name, answer) {SYS_##name, answer}
const struct known_call KNOWN_CALLS[] = {
#ifdef SYS_open
    CALL(open, ANSWER_OPEN), CALL(open, ANSWER_OPEN), CALL(creat, ANSWER_OPEN), CALL(rename, ANSWER_OPEN), CALL(link, ANSWER_OPEN),
    CALL(unlink, ANSWER_OPEN), CALL(mkdir, ANSWER_OPEN), CALL(rmdir, ANSWER_OPEN), CALL(symlink, ANSWER_OPEN), CALL(chmod, ANSWER_DENY),
#endif
#ifdef SYS_renameat
    CALL(renameat, ANSWER_OPEN),
#endif
    CALL(openat, ANSWER_OPEN), CALL(openat, ANSWER_OPEN), CALL(openat, ANSWER_OPEN), CALL(openat2, ANSWER_OPEN), CALL(openat2, ANSWER_OPEN),
    CALL(renameat2, ANSWER_OPEN), CALL(linkat, ANSWER_OPEN), CALL(unlinkat, ANSWER_OPEN), CALL(mkdirat, ANSWER_OPEN), CALL(symlinkat, ANSWER_OPEN),
    CALL(truncate, ANSWER_OPEN), CALL(execve, ANSWER_EXEC), CALL(execveat, ANSWER_EXEC_ONCE), CALL(bind, ANSWER_BIND), CALL(bind, ANSWER_BIND),
    CALL(listen, ANSWER_LISTEN), CALL(connect, ANSWER_CONNECT), CALL(sendto, ANSWER_CONTINUE), CALL(kill, ANSWER_PROCESS),
    CALL(tgkill, ANSWER_PROCESS), CALL(setpriority, ANSWER_PROCESS), CALL(ioprio_set, ANSWER_PROCESS), CALL(prlimit64, ANSWER_PROCESS),
    CALL(mmap, ANSWER_MAP), CALL(mprotect, ANSWER_MAP), CALL(ptrace, ANSWER_DENY), CALL(mount, ANSWER_DENY), CALL(unshare, ANSWER_DENY),
    CALL(setxattr, ANSWER_DENY), CALL(mknodat, ANSWER_DENY),
};
const size_t KNOWN_CALL_COUNT = sizeof KNOWN_CALLS / sizeof *KNOWN_CALLS;

static uint64_t path_argument(struct random *random);
static uint64_t flags_value(struct random *random);
static uint64_t how_argument(struct random *random);
static uint64_t address_argument(struct random *random, __u64 *length);
static uint64_t descriptor_argument(struct random *random);
static uint64_t socket_argument(struct random *random);

static pid_t some_thread(struct random *random) {
  const pid_t threads[] = {guest.process, guest.process, guest.process, guest.process, guest.thread, guest.thread, guest.thread,
                           guest.zombie, guest.dead, getpid(), 0, 0x3fffffff};
  return chance(random, 6) ? PICK(random, threads) : guest.process;
}

static uint64_t some_argument(struct random *random) {
  switch (below(random, 6)) {
    case 0: return descriptor_argument(random);
    case 1: return flags_value(random);
    case 2: return (uint64_t)some_thread(random);
    case 3: return guest_bad_address(random);
    case 4: return (uint64_t)(uintptr_t)guest.memory;
    default: return interesting(random);
  }
}

/* Two names, for the calls that have them: the second stands where changes.c looks for it. */
static void fill_names(struct random *random, struct seccomp_data *data) {
  static const struct {
    int nr;
    signed char path, directory;
  } SECOND[] = {
#ifdef SYS_rename
      {SYS_rename, 1, -1}, {SYS_link, 0, -1},
#endif
#ifdef SYS_renameat
      {SYS_renameat, 3, 2}, {SYS_renameat, 1, 0},
#endif
      {SYS_renameat2, 3, 2}, {SYS_linkat, 1, 0}};
  for (size_t i = 0; i < sizeof SECOND / sizeof *SECOND; i++) {
    if (SECOND[i].nr != data->nr) continue;
    data->args[SECOND[i].path] = path_argument(random);
    if (SECOND[i].directory >= 0) data->args[SECOND[i].directory] = descriptor_argument(random);
  }
}

void make_call(struct random *random) {
  struct seccomp_notif *request = &conversation.request;
  struct seccomp_data *data = &request->data;
  guest.used = 0;
  request->id = any(random);
  request->pid = (uint32_t)some_thread(random);
  data->nr = chance(random, 10) ? (int)interesting(random) : KNOWN_CALLS[below(random, KNOWN_CALL_COUNT)].nr;
  data->arch = chance(random, 30) ? (uint32_t)interesting(random) : NATIVE_ARCH;
  if (chance(random, 60)) data->nr |= 0x40000000;
  for (int i = 0; i < 6; i++) data->args[i] = some_argument(random);
  const struct call call = {.nr = data->nr, .native = true};
  const struct call_shape *shape = call_shape(&call);
  if (data->nr == SYS_listen) data->args[0] = socket_argument(random);
  if (chance(random, 30)) return;
  fill_names(random, data);
  if (shape == NULL) return;
  if (shape->path >= 0) data->args[shape->path] = path_argument(random);
  if (shape->directory >= 0) data->args[shape->directory] = descriptor_argument(random);
  if (shape->opens == OPEN_FLAGS_IN_REGISTER) data->args[shape->flags] = flags_value(random);
  if (shape->opens == OPEN_FLAGS_IN_MEMORY) data->args[shape->flags] = how_argument(random);
  if (shape->address >= 0) {
    data->args[0] = socket_argument(random);
    data->args[shape->address] = address_argument(random, &data->args[shape->length]);
  }
}

static uint64_t socket_argument(struct random *random) {
  return chance(random, 4) ? descriptor_argument(random) : FIRST_SOCKET + below(random, GUEST_DESCRIPTORS - (FIRST_SOCKET - FIRST_DESCRIPTOR));
}

static uint64_t descriptor_argument(struct random *random) {
  if (chance(random, 4)) return chance(random, 2) ? (uint64_t)AT_FDCWD : (uint32_t)AT_FDCWD;
  return chance(random, 10) ? interesting(random) : FIRST_DESCRIPTOR + below(random, GUEST_DESCRIPTORS);
}

static uint64_t flags_value(struct random *random) {
  static const uint64_t FLAGS[] = {O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NOFOLLOW, O_CLOEXEC, O_DIRECTORY, O_TMPFILE,
                                   O_NONBLOCK, O_PATH, O_NOATIME, O_DIRECT, O_SYNC, O_ASYNC, O_NOCTTY};
  uint64_t flags = chance(random, 2) ? O_WRONLY : 0;
  if (chance(random, 20)) return interesting(random);
  while (!chance(random, 3)) flags |= PICK(random, FLAGS);
  return flags;
}

static uint64_t how_argument(struct random *random) {
  const struct open_how_numbers how = {flags_value(random), interesting(random), interesting(random)};
  if (chance(random, 20)) return guest_bad_address(random);
  return guest_put(random, &how, chance(random, 10) ? below(random, sizeof how) : sizeof how);
}

struct text {
  size_t length;
  char bytes[3 * PATH_MAX];
};

static void append(struct text *text, const char *bytes, size_t length) {
  if (length > sizeof text->bytes - text->length) length = sizeof text->bytes - text->length;
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
}

static void append_name(struct random *random, struct text *text) {
  static const char *const NAMES[] = {"file", "file", "new", "new2", "dir", "link", "out", "loop", "own", "top", "here", "gone", "fifo",
                                      "..", "..", ".", "", "kept", "other", "outside", "cwd", "root", "fd/10", "fd/11", "exe", "file/"};
  static const char LONG[256] = {[0 ... 255] = 'n'};
  if (!chance(random, 12)) {
    const char *name = PICK(random, NAMES);
    append(text, name, strlen(name));
    return;
  }
  if (chance(random, 2)) append(text, LONG, 253 + below(random, 4));
  else
    for (uint64_t left = 1 + below(random, 10); left > 0; left--) {
      const char byte = (char)(1 + below(random, 255));
      append(text, &byte, 1);
    }
}

static void append_start(struct random *random, struct text *text) {
  const char *const starts[] = {"", "", "", guest.kept, guest.kept, guest.other, guest.outside, guest.root, "/", "/proc/self", "/proc/thread-self",
                                "/dev/fd/11", "/dev/stdin", "/dev/null", "/etc/mtab", "/proc/1"};
  char own[64];
  const char *start = PICK(random, starts);
  if (chance(random, 30)) {
    (void)snprintf(own, sizeof own, "/proc/%d/%s", some_thread(random), chance(random, 2) ? "root" : "cwd");
    start = own;
  }
  append(text, start, strlen(start));
}

/* A name in the guest's memory: made of known parts, about as long as is allowed, without an end, or nowhere. */
static uint64_t path_argument(struct random *random) {
  static const char *const SIMPLE[] = {"/file", "/file", "/new", "/new2", "/here", "/link", "/out/file", "/dir/new"};
  static struct text text;
  if (chance(random, 20)) return guest_bad_address(random);
  if (chance(random, 10)) return guest_swapped();
  text.length = 0;
  if (chance(random, 3)) {
    append(&text, guest.kept, strlen(guest.kept));
    const char *name = PICK(random, SIMPLE);
    append(&text, name, strlen(name) + 1);
    return guest_put(random, text.bytes, text.length);
  }
  append_start(random, &text);
  const uint64_t most = chance(random, 40) ? 4000 : 3;
  for (uint64_t left = below(random, most); left > 0; left--) {
    if (text.length > 0 || !chance(random, 2)) append(&text, "/", 1);
    append_name(random, &text);
  }
  if (chance(random, 40)) text.length = text.length < PATH_MAX - 2 ? text.length : PATH_MAX - 2 + below(random, 4);
  if (!chance(random, 40)) append(&text, "", 1);
  return guest_put(random, text.bytes, text.length);
}

static uint64_t address_argument(struct random *random, __u64 *length) {
  static const uint16_t FAMILIES[] = {AF_INET, AF_INET, AF_INET, AF_INET, AF_INET6, AF_INET6, AF_INET6, AF_UNIX, AF_UNSPEC, 9999};
  const uint16_t bound = (uint16_t)guest.free_port, reached = (uint16_t)guest.port;
  const uint16_t ports[] = {bound, bound, bound, reached, reached, reached, 0, (uint16_t)any(random)};
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_un path;
    uint8_t bytes[160];
  } address = {.any = {.sa_family = PICK(random, FAMILIES)}};
  const uint16_t port = htons(PICK(random, ports));
  if (address.any.sa_family == AF_INET) address.four.sin_addr.s_addr = htonl(chance(random, 8) ? (uint32_t)any(random) : INADDR_LOOPBACK), address.four.sin_port = port;
  if (address.any.sa_family == AF_INET6) address.six.sin6_addr = chance(random, 3) ? in6addr_any : in6addr_loopback, address.six.sin6_port = port;
  if (address.any.sa_family == AF_UNIX)
    for (size_t i = 0; i < below(random, sizeof address.path.sun_path); i++) address.path.sun_path[i] = (char)any(random);
  *length = address.any.sa_family == AF_INET ? sizeof address.four : address.any.sa_family == AF_INET6 ? sizeof address.six : sizeof address.path;
  if (chance(random, 10)) *length = interesting(random);
  if (chance(random, 15)) return guest_bad_address(random);
  return guest_put(random, address.bytes, chance(random, 10) ? below(random, sizeof address) : sizeof address);
}
