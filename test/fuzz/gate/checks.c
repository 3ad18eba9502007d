#include "checks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "kernel.h"

static void check_open(const struct situation *situation);
static void check_bound(const struct situation *situation);

const struct answer *check_answer_of(const struct table *table) {
  const struct seccomp_data *data = &conversation.request.data;
  const bool native = data->arch == NATIVE_ARCH && ((uint32_t)data->nr & FOREIGN_BIT) == 0;
  for (size_t i = 0; i < table->answer_count; i++)
    if (table->answers[i].nr == data->nr && table->answers[i].foreign == !native) return &table->answers[i];
  return NULL;
}

static bool is_exec(int nr) { return nr == SYS_execve || nr == SYS_execveat; }

static bool may_continue(const struct situation *situation) {
  const struct notifier *notifier = situation->notifier;
  const struct answer *answer = situation->answer;
  const bool launch = (pid_t)conversation.request.pid == notifier->child && !situation->executed;
  if (answer == NULL || conversation.request.pid == 0) return false;
  switch ((enum answer_kind)answer->kind) {
    case ANSWER_CONTINUE:
    case ANSWER_OPEN:
    case ANSWER_PROCESS: return true;
    case ANSWER_EXEC: return launch || (notifier->closed & CLOSED_EXEC) == 0;
    case ANSWER_EXEC_ONCE: return launch;
    case ANSWER_MAP: return (notifier->closed & CLOSED_MAP) == 0;
    default: return false;
  }
}

void check_answer(const struct situation *situation) {
  const struct seccomp_notif_resp *response = &conversation.response;
  const struct answer *answer = situation->answer;
  if (conversation.sent != 1) wrong("answered %u times", conversation.sent);
  const bool continued = response->flags != 0, done = !continued && response->error == 0;
  if (continued && !may_continue(situation)) wrong("let through: call %d", conversation.request.data.nr);
  if (done && (answer == NULL || (answer->kind < ANSWER_OPEN || answer->kind > ANSWER_CONNECT))) wrong("done in its place: call %d", conversation.request.data.nr);
  if (done && answer->kind == ANSWER_OPEN && (situation->notifier->closed & CLOSED_WRITE) == 0) wrong("opened in its place without a need");
  if (done && (answer->kind == ANSWER_OPEN) != (conversation.given == 1)) wrong("a descriptor too many, or none");
  if (conversation.given > 1 || (conversation.given == 0 && response->val != 0)) wrong("a result that nobody gave");
  if (done && (answer->kind == ANSWER_BIND || answer->kind == ANSWER_LISTEN) && (situation->notifier->closed & CLOSED_LISTEN) != 0) wrong("a port is opened");
  if (is_exec(conversation.request.data.nr) && done) wrong("an exec in its place");
  if (done && answer->kind == ANSWER_BIND) check_bound(situation);
  if (continued && answer->kind == ANSWER_OPEN) check_open(situation);
  if (!continued && !done && answer != NULL && answer->kill && !situation->notifier->kill && response->error != 0 && answer->kind == ANSWER_DENY)
    wrong("refused, and the session goes on");
}

static int duplicate(int fd) { return sys_pidfd_getfd(guest.pidfd, fd); }

static void check_bound(const struct situation *situation) {
  struct sockaddr_storage address = {0};
  socklen_t length = sizeof address;
  const int fd = duplicate((int)conversation.request.data.args[0]);
  if (fd < 0 || getsockname(fd, (struct sockaddr *)&address, &length) < 0) wrong("a socket that was bound is none");
  close(fd);
  const bool four = address.ss_family == AF_INET;
  const void *bytes = four ? (const void *)&((struct sockaddr_in *)&address)->sin_addr : (const void *)&((struct sockaddr_in6 *)&address)->sin6_addr;
  const struct addresses *binds = &situation->notifier->table->binds;
  for (size_t i = 0; i < binds->count; i++)
    if (binds->list[i].family == address.ss_family && memcmp(binds->list[i].bytes, bytes, four ? 4 : 16) == 0) return;
  wrong("bound to an address that is not in the plan");
}

static bool read_guest(uint64_t address, void *into, size_t length) {
  const uint64_t memory = (uint64_t)(uintptr_t)guest.memory;
  if (address < memory || address > memory + GUEST_PAGES * 4096 - length) return false;
  memcpy(into, guest.memory + (address - memory), length);
  return true;
}

static bool is_below(const char *path, const char *folder) {
  const size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* Where the kernel would open it, asked a second time, in another way. 0 when there is no such place. */
static ssize_t place_of(int directory, const char *path, bool follows, char *into, size_t size) {
  char link[40], parent[4096];
  int fd = openat(directory, path, O_PATH | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW));
  if (fd < 0) {
    (void)snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) (void)snprintf(parent, sizeof parent, ".");
    else slash[1] = 0;
    fd = openat(directory, parent, O_PATH | O_CLOEXEC | O_DIRECTORY);
  }
  if (fd < 0) return 0;
  (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, into, size - 1);
  close(fd);
  into[length < 0 ? 0 : length] = 0;
  return length;
}

/* Only what this process resolves like the guest: no name that depends on who asks. */
static void check_open(const struct situation *situation) {
  const struct seccomp_data *data = &conversation.request.data;
  const struct call call = {.nr = data->nr, .native = true};
  const struct call_shape *shape = call_shape(&call);
  char text[4096] = "", place[4096];
  uint64_t flags = O_WRONLY | O_CREAT | O_TRUNC;
  if (shape == NULL || shape->opens == NOT_OPEN || situation->racing || (situation->notifier->closed & CLOSED_WRITE) == 0) return;
  if (shape->opens == OPEN_FLAGS_IN_REGISTER) flags = data->args[shape->flags];
  if (shape->opens == OPEN_FLAGS_IN_MEMORY && !read_guest(data->args[shape->flags], &flags, sizeof flags)) wrong("let through without flags");
  if ((flags & O_PATH) != 0 || ((flags & O_ACCMODE) == 0 && (flags & (O_CREAT | O_TRUNC)) == 0)) return;
  const uint64_t at = data->args[shape->path], end = (uint64_t)(uintptr_t)guest.memory + GUEST_PAGES * 4096;
  if (!read_guest(at, text, end - at < sizeof text ? (size_t)(end - at) : sizeof text) || memchr(text, 0, sizeof text) == NULL) return;
  static const char *const OWN[] = {"proc", "dev", "own", "top", "mtab"};
  for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++)
    if (strstr(text, OWN[i]) != NULL) return;
  const pid_t caller = (pid_t)conversation.request.pid;
  if (caller != guest.process && caller != guest.thread) return;
  const int from = shape->directory < 0 ? AT_FDCWD : (int)data->args[shape->directory];
  const int directory = from == AT_FDCWD ? open(guest.kept, O_PATH | O_CLOEXEC) : duplicate(from);
  if (directory < 0) return;
  const bool follows = (flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
  const ssize_t length = place_of(directory, text, follows, place, sizeof place);
  close(directory);
  if (length > 0 && (is_below(place, guest.kept) || is_below(place, guest.other))) wrong("writing to %s is let through: %s", place, text);
}

void check_descriptors(void) {
  static int lowest = -1;
  const int fd = dup(0);
  if (fd < 0) wrong("no descriptor is left");
  close(fd);
  if (lowest < 0) lowest = fd;
  if (fd != lowest) wrong("descriptor %d was left open", lowest);
}

static void check_line(const char *line, size_t length) {
  bool quoted = false;
  int braces = 0, brackets = 0;
  if (length < 12 || strncmp(line, "{\"event\":\"", 10) != 0 || line[length - 1] != '}') wrong("no event: %.*s", (int)length, line);
  for (size_t i = 0; i < length; i++) {
    if (line[i] < 0x20 || line[i] > 0x7e) wrong("a byte %#x in an event", (unsigned char)line[i]);
    if (quoted && line[i] == '\\') i++;
    else if (line[i] == '"') quoted = !quoted;
    else if (!quoted) braces += (line[i] == '{') - (line[i] == '}'), brackets += (line[i] == '[') - (line[i] == ']');
  }
  if (quoted || braces != 0 || brackets != 0) wrong("an event that does not close: %.*s", (int)length, line);
}

void check_events(int fd) {
  static char text[1 << 16];
  const ssize_t got = read(fd, text, sizeof text);
  if (got < 0 && errno != EAGAIN) wrong("events: %s", strerror(errno));
  for (ssize_t at = 0; at < got;) {
    const char *line = text + at, *end = memchr(line, '\n', (size_t)(got - at));
    if (end == NULL) wrong("half an event");
    check_line(line, (size_t)(end - line));
    at += end - line + 1;
  }
}
