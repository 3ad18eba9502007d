/* Leading what was granted elsewhere: sockets that were bound or connected in order, and options that turn them. `port` is
 * the granted port on 127.0.0.1, `other` is free, `tcp` is the test's listener. */
#include "attack.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* A socket that is bound to the granted address, which is in order. -1 with errno. */
static int granted(void) {
  struct sockaddr_in address = loopback(number_param("port"));
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

static int listening_at(int fd) {
  struct sockaddr_in address = {0};
  socklen_t length = sizeof address;
  if (listen(fd, 4) != 0) return failed("listen");
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return failed("getsockname");
  return succeeded("listening at %s:%d", inet_ntoa(address.sin_addr), ntohs(address.sin_port));
}

/* A listening socket is undone, and connects. */
static int reuse_listener(void) {
  struct sockaddr_in address = loopback(number_param("tcp"));
  struct sockaddr nobody = {.sa_family = AF_UNSPEC};
  struct timeval patience = {.tv_sec = 2};
  char buffer[40];
  int fd = granted();
  if (fd < 0) return failed("granted-bind");
  if (listen(fd, 4) != 0) return failed("granted-listen");
  int undone = connect(fd, &nobody, sizeof nobody);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return failed(undone == 0 ? "connect" : "undo");
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  send(fd, "secret", 6, 0);
  ssize_t length = recv(fd, buffer, sizeof buffer, 0);
  return length > 0 ? succeeded("reply: %s", printable(buffer, (size_t)length)) : failed("recv");
}

/* Two sockets at one port: the kernel deals connections out among them. */
static int share_port(void) {
  struct sockaddr_in address = loopback(number_param("port"));
  int fds[2], on = 1;
  for (int i = 0; i < 2; i++) {
    if ((fds[i] = socket(AF_INET, SOCK_STREAM, 0)) < 0) return failed("socket");
    setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fds[i], (struct sockaddr *)&address, sizeof address) != 0) return failed(i == 0 ? "first-bind" : "bind");
    setsockopt(fds[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (listen(fds[i], 4) != 0) return failed(i == 0 ? "first-listen" : "listen");
  }
  return succeeded("two sockets listen at one port");
}

/* The granted address is let go, and a socket without any listens. */
static int listen_after_close(void) {
  int fd = granted();
  if (fd < 0) return failed("granted-bind");
  if (listen(fd, 4) != 0) return failed("granted-listen");
  close(fd);
  int other = socket(AF_INET, SOCK_STREAM, 0);
  if (other < 0) return failed("socket");
  if (other != fd && dup2(other, fd) < 0) return failed("dup2");
  return listening_at(fd);
}

/* A child's socket takes the number of the one that was bound. */
static int listen_passed(void) {
  int pair[2], fd = granted();
  if (fd < 0) return failed("granted-bind");
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return failed("socketpair");
  char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    int own = socket(AF_INET, SOCK_STREAM, 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof own), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &own, sizeof own);
    _exit(sendmsg(pair[1], &message, 0) == 1 ? 0 : 1);
  }
  waitpid(child, NULL, 0);
  int passed = -1;
  if (recvmsg(pair[0], &message, MSG_DONTWAIT) != 1 || CMSG_FIRSTHDR(&message) == NULL) return failed("recvmsg");
  memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof passed);
  if (dup2(passed, fd) < 0) return failed("dup2");
  return listening_at(fd);
}

/* The kernel takes an address of no family for one of IPv4, as long as it is 0.0.0.0. */
static int bind_unspecified(void) {
  struct sockaddr_in address = {.sin_family = AF_UNSPEC, .sin_port = htons((uint16_t)number_param("port"))};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return failed("bind");
  return listening_at(fd);
}

/* `::` is granted, and IPv4 is not. */
static int dual_stack(void) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number_param("port"))};
  int no = 0, only = 1, fd = socket(AF_INET6, SOCK_STREAM, 0);
  socklen_t size = sizeof only;
  if (fd < 0) return failed("socket");
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return failed("bind");
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (listen(fd, 4) != 0) return failed("listen");
  if (getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) != 0) return failed("getsockopt");
  return only == 0 ? succeeded("IPv4 arrives at ::, too") : failed_because("listen", "IPv6-only");
}

static int bind_device(void) {
  char name[16] = "";
  socklen_t size = sizeof name;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) != 0) return failed("setsockopt");
  if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size) != 0) return failed("getsockopt");
  return strcmp(name, "lo") == 0 ? succeeded("bound to %s", name) : failed_because("getsockopt", "not-bound");
}

/* With a loose source route the packets go to a host of the program's choice first, whatever the address says. */
static int source_route(void) {
  const unsigned char route[] = {131, 7, 4, 192, 0, 2, 66, 0};
  unsigned char found[40] = {0};
  socklen_t size = sizeof found;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, route, sizeof route) != 0) return failed("setsockopt");
  if (getsockopt(fd, IPPROTO_IP, IP_OPTIONS, found, &size) != 0) return failed("getsockopt");
  return size >= 7 && found[0] == 131 ? succeeded("packets go by %d.%d.%d.%d", found[3], found[4], found[5], found[6])
                                      : failed_because("getsockopt", "no-route");
}

/* The same for IPv6, with a routing header of segments (type 4) or of mobility (type 2). */
static int source_route_ipv6(void) {
  unsigned char mobile[24] = {0, 2, 2, 1}, segments[40] = {0, 4, 4, 1, 1};
  inet_pton(AF_INET6, "2001:db8::66", mobile + 8);
  inet_pton(AF_INET6, "2001:db8::66", segments + 24);
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, segments, sizeof segments) == 0 ||
      setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, mobile, sizeof mobile) == 0)
    return succeeded("packets go by 2001:db8::66");
  return failed("setsockopt");
}

/* Shared memory over TCP: another family that speaks to the same hosts. */
static int smc_socket(void) {
  return socket(43 /* AF_SMC */, SOCK_STREAM, 0) >= 0 ? succeeded("an SMC socket") : failed("socket");
}

const struct attempt socket_attempts[] = {
    {"reuse-listener", reuse_listener},
    {"share-port", share_port},
    {"listen-after-close", listen_after_close},
    {"listen-passed", listen_passed},
    {"bind-unspecified", bind_unspecified},
    {"dual-stack", dual_stack},
    {"bind-device", bind_device},
    {"source-route", source_route},
    {"source-route-ipv6", source_route_ipv6},
    {"smc-socket", smc_socket},
    {NULL, NULL},
};
