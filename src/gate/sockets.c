#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static const struct address *read_address(const struct call_context *context, const struct addresses *addresses,
                                          struct outcome *outcome);
static const struct address *find_address(const struct addresses *addresses, const struct sockaddr_storage *address,
                                          socklen_t length);
static bool is_tcp(int fd, uint32_t family);
static int bind_to(struct sockets *sockets, const struct addresses *binds, int fd, const struct address *allowed);
static bool was_bound(const struct sockets *sockets, int fd);

static void refused(struct outcome *outcome, int error) {
  outcome->answer = DENIED;
  outcome->error = error;
}

static void emulated(struct outcome *outcome, int result) {
  outcome->answer = EMULATED;
  outcome->error = result < 0 ? errno : 0;
}

void answer_bind(const struct call_context *context, struct outcome *outcome) {
  const struct call *call = context->call;
  struct notifier *notifier = context->notifier;
  const struct addresses *binds = &notifier->table->binds;
  const struct address *allowed = read_address(context, binds, outcome);
  if (allowed == NULL || (notifier->closed & CLOSED_LISTEN) != 0) return;
  int fd = call_descriptor(call, (int)call->args[0]);
  if (fd < 0) return;
  if (is_tcp(fd, allowed->family) && still_valid(notifier, call->id))
    emulated(outcome, bind_to(&notifier->sockets, binds, fd, allowed));
  close(fd);
}

/* listen() on a socket that was not bound picks a port by itself, which Landlock does not see, and the name of a socket
 * can be older than its port. So it is a socket that was bound here, by the kernel's own number for it, that listens.
 * Whatever the caller does to its descriptors meanwhile: the duplicate is what is looked at and what listens. */
void answer_listen(const struct call_context *context, struct outcome *outcome) {
  const struct call *call = context->call;
  struct notifier *notifier = context->notifier;
  struct sockaddr_storage address = {0};
  socklen_t length = sizeof address;
  refused(outcome, EACCES);
  int fd = call_descriptor(call, (int)call->args[0]);
  if (fd < 0) return;
  if (getsockname(fd, (struct sockaddr *)&address, &length) == 0) {
    describe_address(&address, length, &outcome->target);
    outcome->has_target = true;
    if ((notifier->closed & CLOSED_LISTEN) == 0 && find_address(&notifier->table->binds, &address, length) != NULL && is_tcp(fd, address.ss_family) &&
        was_bound(&notifier->sockets, fd) && still_valid(notifier, call->id))
      emulated(outcome, listen(fd, (int)call->args[1]));
  }
  close(fd);
}

/* The call is answered when the connection stands, or has failed: connects.h. */
void answer_connect(const struct call_context *context, struct outcome *outcome) {
  const struct call *call = context->call;
  struct notifier *notifier = context->notifier;
  const struct address *allowed = read_address(context, &notifier->table->places, outcome);
  if (allowed == NULL) return;
  int fd = call_descriptor(call, (int)call->args[0]);
  if (fd < 0) return;
  if (is_tcp(fd, allowed->family) && still_valid(notifier, call->id)) {
    int error = connects_begin(&notifier->connects, call, context->answer, allowed, fd);
    if (error == 0) outcome->answer = ANSWERED_LATER;
    else refused(outcome, error);
  }
  close(fd);
}

/* The address of the plan that the call names, or NULL, and the call is refused. */
static const struct address *read_address(const struct call_context *context, const struct addresses *addresses,
                                          struct outcome *outcome) {
  const struct call *call = context->call;
  const struct call_shape *shape = call_shape(call);
  struct sockaddr_storage address;
  socklen_t length;
  refused(outcome, context->answer->error > 0 ? context->answer->error : EACCES);
  if (shape == NULL || shape->address < 0) return NULL;
  int error = call_address(call, shape, &address, &length);
  if (error != 0) {
    refused(outcome, error);
    return NULL;
  }
  describe_address(&address, length, &outcome->target);
  outcome->has_target = outcome->target.length > 0;
  return find_address(addresses, &address, length);
}

static const struct address *find_address(const struct addresses *addresses, const struct sockaddr_storage *address,
                                          socklen_t length) {
  struct sockaddr_in four;
  struct sockaddr_in6 six;
  memcpy(&four, address, sizeof four);
  memcpy(&six, address, sizeof six);
  for (size_t i = 0; i < addresses->count; i++) {
    const struct address *allowed = &addresses->list[i];
    if (allowed->family != address->ss_family) continue;
    if (allowed->family == AF_INET && length >= sizeof four && ntohs(four.sin_port) == allowed->port &&
        memcmp(&four.sin_addr, allowed->bytes, 4) == 0)
      return allowed;
    if (allowed->family == AF_INET6 && length >= sizeof six && ntohs(six.sin6_port) == allowed->port &&
        memcmp(&six.sin6_addr, allowed->bytes, 16) == 0)
      return allowed;
  }
  return NULL;
}

/* Others share the calls and not the behaviour: an MPTCP socket is SOCK_STREAM as well, and Landlock does not see it. */
static bool is_tcp(int fd, uint32_t family) {
  const struct {
    int option;
    uint32_t value;
  } WANTED[] = {{SO_DOMAIN, family}, {SO_TYPE, SOCK_STREAM}, {SO_PROTOCOL, IPPROTO_TCP}};
  for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
    uint32_t value = 0;
    socklen_t length = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, WANTED[i].option, &value, &length) < 0 || value != WANTED[i].value) return false;
  }
  return true;
}

socklen_t socket_address(const struct address *from, struct sockaddr_storage *into) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)from->port)};
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)from->port)};
  memcpy(&four.sin_addr, from->bytes, 4);
  memcpy(&six.sin6_addr, from->bytes, 16);
  memset(into, 0, sizeof *into);
  if (from->family == AF_INET) memcpy(into, &four, sizeof four);
  else memcpy(into, &six, sizeof six);
  return from->family == AF_INET ? sizeof four : sizeof six;
}

static bool option(int fd, int level, int name, int *value) {
  socklen_t length = sizeof *value;
  return getsockopt(fd, level, name, value, &length) == 0;
}

/* `::` takes connections over IPv4, too, unless it is told not to; once the socket is bound that cannot be changed. */
static bool only_six(const struct addresses *binds, const struct address *allowed) {
  const struct sockaddr_in every = {.sin_family = AF_INET, .sin_port = htons((uint16_t)allowed->port)};
  struct sockaddr_storage address = {0};
  memcpy(&address, &every, sizeof every);
  return allowed->family == AF_INET6 && find_address(binds, &address, sizeof every) == NULL;
}

static int bind_to(struct sockets *sockets, const struct addresses *binds, int fd, const struct address *allowed) {
  struct sockaddr_storage address;
  const socklen_t length = socket_address(allowed, &address);
  const bool six = only_six(binds, allowed);
  const int yes = 1, no = 0;
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  int value = 0;
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0) return -1;
  /* Fails on a socket that is bound already, and then so does the bind. */
  if (six) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
  (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &no, sizeof no);
  if (bind(fd, (struct sockaddr *)&address, length) < 0) return -1;
  /* Another thread may have changed it in between: then it is bound, and never listens. */
  if (six && (!option(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value) || value != 1)) {
    errno = EACCES;
    return -1;
  }
  sockets->bound[sockets->next++ % MAX_BOUND] = cookie;
  return 0;
}

static bool was_bound(const struct sockets *sockets, int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0 || cookie == 0) return false;
  for (size_t i = 0; i < MAX_BOUND; i++)
    if (sockets->bound[i] == cookie) return true;
  return false;
}
