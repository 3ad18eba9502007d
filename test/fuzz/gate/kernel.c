#include "kernel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../../src/gate/kernel.h"
#include "guest.h"

enum { GIVEN_NUMBER = 77 };

struct conversation conversation;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

static int failing(int error) {
  errno = error;
  return -1;
}

static int receive(struct seccomp_notif *request) {
  static const struct seccomp_notif nothing;
  if (memcmp(request, &nothing, sizeof nothing) != 0) wrong("what is received into is not zero"); /* EINVAL since 5.9 */
  if (conversation.receive_error != 0) return failing(conversation.receive_error);
  *request = conversation.request;
  return 0;
}

static bool is_there(uint64_t id) {
  if (id != conversation.request.id) wrong("asked for another call");
  if (conversation.asks++ >= conversation.valid_asks) conversation.gone = true;
  return !conversation.gone;
}

static bool is_below(const char *path, const char *folder) {
  const size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* Whatever a call says, and whatever changes meanwhile: nothing is handed over but what may be written when writing is closed. */
static int add_descriptor(const struct addfd_numbers *given) {
  char link[40], path[4096];
  if (conversation.gone || conversation.asks == 0) wrong("something was opened for nobody, or nobody was asked before");
  if (!is_there(given->id)) return failing(ENOENT);
  if (given->flags != 0 || given->target != 0 || (given->new_flags & ~(uint32_t)O_CLOEXEC) != 0) wrong("flags of a given descriptor");
  (void)snprintf(link, sizeof link, "/proc/self/fd/%u", given->source);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) wrong("a given descriptor is none: %s", strerror(errno));
  path[length] = 0;
  if (!is_below(path, guest.kept) && strcmp(path, "/dev/null") != 0) wrong("%s is given for writing", path);
  conversation.given++;
  return conversation.refuses_descriptor ? failing(EMFILE) : GIVEN_NUMBER;
}

static int send(const struct seccomp_notif_resp *response) {
  if (conversation.sent++ > 0) wrong("answered twice");
  if (response->id != conversation.request.id) wrong("another call is answered");
  if (response->flags != 0 && (response->flags != SECCOMP_USER_NOTIF_FLAG_CONTINUE || response->error != 0 || response->val != 0))
    wrong("the kernel refuses this answer");
  if (response->error > 0 || response->error < -4095 || (response->error != 0 && response->val != 0)) wrong("error %d", response->error);
  conversation.response = *response;
  return conversation.gone ? failing(ENOENT) : 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  if (fd != LISTENER) return __real_ioctl(fd, request, argument);
  switch (request) {
    case SECCOMP_IOCTL_NOTIF_RECV: return receive(argument);
    case SECCOMP_IOCTL_NOTIF_ID_VALID: return is_there(*(const uint64_t *)argument) ? 0 : failing(ENOENT);
    case NOTIFY_ADD_DESCRIPTOR: return add_descriptor(argument);
    case SECCOMP_IOCTL_NOTIF_SEND: return send(argument);
    default: wrong("an unknown request, %#lx", request);
  }
}
