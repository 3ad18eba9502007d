/* Being reachable elsewhere than at the one granted address. `port` is the granted port on 127.0.0.1, `other` is free. */
#include "attack.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int listen_ipv4(const char *host, int port, int protocol) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, protocol);
  if (fd < 0) return failed("socket");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return failed("bind");
  return listen(fd, 4) == 0 ? succeeded("listening at %s:%d", host, port) : failed("listen");
}

static int listen_ipv6(const char *host, int port) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  inet_pton(AF_INET6, host, &address.sin6_addr);
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return failed("bind");
  return listen(fd, 4) == 0 ? succeeded("listening at [%s]:%d", host, port) : failed("listen");
}

static int bind_other_port(void) { return listen_ipv4("127.0.0.1", number_param("other"), 0); }
static int bind_any_address(void) { return listen_ipv4("0.0.0.0", number_param("port"), 0); }
static int bind_other_loopback(void) { return listen_ipv4("127.0.0.2", number_param("port"), 0); }
static int bind_any_ipv6(void) { return listen_ipv6("::", number_param("port")); }
static int bind_loopback_ipv6(void) { return listen_ipv6("::1", number_param("port")); }
static int bind_mapped(void) { return listen_ipv6("::ffff:127.0.0.1", number_param("port")); }
static int bind_ephemeral(void) { return listen_ipv4("127.0.0.1", 0, 0); }
static int bind_mptcp(void) { return listen_ipv4("127.0.0.1", number_param("port"), 262); }

/* listen() on a socket that was never bound takes a port of the kernel's choice, on every interface. */
static int listen_unbound(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (listen(fd, 4) != 0) return failed("listen");
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return failed("getsockname");
  return succeeded("listening at port %d of every interface", ntohs(address.sin_port));
}

/* The granted address first, which is in order; then one more. */
static int second_listener(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number_param("port"))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return failed("first-bind");
  if (listen(fd, 4) != 0) return failed("first-listen");
  return bind_other_port();
}

static int udp_bind(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number_param("port"))};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) return failed("socket");
  return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? succeeded("a UDP port is open") : failed("bind");
}

/* A length that ends inside the address, or far beyond it, must not confuse whoever copies it. */
static int bind_odd_length(void) {
  char storage[sizeof(struct sockaddr_storage) * 2] = {0};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number_param("other"))};
  memcpy(storage, &address, sizeof address);
  const socklen_t lengths[] = {0, 1, 2, 4, 8, 15, 17, 28, 64, sizeof(struct sockaddr_storage), sizeof storage, 0x7fffffff};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return failed("socket");
    if (bind(fd, (struct sockaddr *)storage, lengths[i]) == 0 && listen(fd, 1) == 0)
      return succeeded("listening after bind with length %u", (unsigned)lengths[i]);
    close(fd);
  }
  return failed("bind");
}

const struct attempt listen_attempts[] = {
    {"bind-other-port", bind_other_port},
    {"bind-any-address", bind_any_address},
    {"bind-other-loopback", bind_other_loopback},
    {"bind-any-ipv6", bind_any_ipv6},
    {"bind-loopback-ipv6", bind_loopback_ipv6},
    {"bind-mapped", bind_mapped},
    {"bind-ephemeral", bind_ephemeral},
    {"bind-mptcp", bind_mptcp},
    {"bind-odd-length", bind_odd_length},
    {"listen-unbound", listen_unbound},
    {"second-listener", second_listener},
    {"udp-bind", udp_bind},
    {NULL, NULL},
};
