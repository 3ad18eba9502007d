/* Getting bytes out. Each attempt talks to a listener of the test on the loopback and shows the reply. */
#include "attack.h"

#include <arpa/inet.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <net/ethernet.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define PROTOCOL_MPTCP 262

static struct sockaddr_in ipv4(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* Waits at most two seconds for the listener's answer. */
static int exchange(int fd, const char *sent) {
  struct timeval patience = {.tv_sec = 2};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (sent != NULL && send(fd, sent, strlen(sent), 0) < 0) return failed("send");
  char buffer[40];
  ssize_t length = recv(fd, buffer, sizeof buffer, 0);
  return length > 0 ? succeeded("reply: %s", printable(buffer, (size_t)length)) : failed("recv");
}

static int connect_and_exchange(int family, int type, int protocol, const void *address, socklen_t length) {
  int fd = socket(family, type, protocol);
  if (fd < 0) return failed("socket");
  if (connect(fd, address, length) != 0) return failed("connect");
  return exchange(fd, "secret");
}

static int connect_ipv4(void) {
  struct sockaddr_in address = ipv4(number_param("tcp"));
  return connect_and_exchange(AF_INET, SOCK_STREAM, 0, &address, sizeof address);
}

static int connect_ipv6(void) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number_param("tcp6"))};
  address.sin6_addr = in6addr_loopback;
  return connect_and_exchange(AF_INET6, SOCK_STREAM, 0, &address, sizeof address);
}

/* An IPv4 address in IPv6 clothing. */
static int connect_mapped(void) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number_param("tcp"))};
  inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr);
  return connect_and_exchange(AF_INET6, SOCK_STREAM, 0, &address, sizeof address);
}

static int connect_nonblocking(void) {
  struct sockaddr_in address = ipv4(number_param("tcp"));
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return failed("socket");
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) return failed("connect");
  for (int i = 0; i < 40; i++) {
    char buffer[40];
    send(fd, "secret", 6, 0); /* fails until the connection stands */
    ssize_t length = recv(fd, buffer, sizeof buffer, 0);
    if (length > 0) return succeeded("reply: %s", printable(buffer, (size_t)length));
    usleep(50000);
  }
  return failed("recv");
}

/* MPTCP is another protocol to the kernel's checks, and falls back to TCP on the wire. */
static int connect_mptcp(void) {
  struct sockaddr_in address = ipv4(number_param("tcp"));
  return connect_and_exchange(AF_INET, SOCK_STREAM, PROTOCOL_MPTCP, &address, sizeof address);
}

/* Connects without connect(): the first data carry the SYN. */
static int fast_open_sendto(void) {
  struct sockaddr_in address = ipv4(number_param("tcp"));
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (sendto(fd, "secret", 6, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof address) < 0) return failed("sendto");
  return exchange(fd, NULL);
}

static struct msghdr message_to(struct sockaddr_in *address, struct iovec *data) {
  return (struct msghdr){
      .msg_name = address, .msg_namelen = sizeof *address, .msg_iov = data, .msg_iovlen = 1};
}

static int fast_open_sendmsg(void) {
  struct sockaddr_in address = ipv4(number_param("tcp"));
  struct iovec data = {.iov_base = "secret", .iov_len = 6};
  struct msghdr message = message_to(&address, &data);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  return sendmsg(fd, &message, MSG_FASTOPEN) < 0 ? failed("sendmsg") : exchange(fd, NULL);
}

static int fast_open_sendmmsg(void) {
  struct sockaddr_in address = ipv4(number_param("tcp"));
  struct iovec data = {.iov_base = "secret", .iov_len = 6};
  struct mmsghdr messages = {.msg_hdr = message_to(&address, &data)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  return sendmmsg(fd, &messages, 1, MSG_FASTOPEN) < 1 ? failed("sendmmsg") : exchange(fd, NULL);
}

static int fast_open_option(void) {
  struct sockaddr_in address = ipv4(number_param("tcp"));
  int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return failed("connect");
  return exchange(fd, "secret");
}

/* A supervisor that cannot read the caller's memory must not wave it through. */
static int connect_undumpable(void) {
  struct sockaddr_in address = ipv4(number_param("tcp"));
  if (prctl(PR_SET_DUMPABLE, 0) != 0) return failed("prctl");
  return connect_and_exchange(AF_INET, SOCK_STREAM, 0, &address, sizeof address);
}

static int udp_sendto(void) {
  struct sockaddr_in address = ipv4(number_param("udp"));
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) return failed("socket");
  if (sendto(fd, "secret", 6, 0, (struct sockaddr *)&address, sizeof address) < 0) return failed("sendto");
  return exchange(fd, NULL);
}

static int udp_connect(void) {
  struct sockaddr_in address = ipv4(number_param("udp"));
  return connect_and_exchange(AF_INET, SOCK_DGRAM, 0, &address, sizeof address);
}

static int unix_path(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", param("unix"));
  return connect_and_exchange(AF_UNIX, SOCK_STREAM, 0, &address, sizeof address);
}

static int unix_abstract(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *name = param("abstract");
  snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", name);
  /* Trailing zeros are part of an abstract name, and whoever listens may have bound it with them or without. */
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (connect(fd, (struct sockaddr *)&address, length) != 0 &&
      connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    return failed("connect");
  return exchange(fd, "secret");
}

/* A descriptor of our own, handed to whoever listens there: out with data, in with rights. */
static int unix_abstract_listen(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "paddock-attack-%d", (int)getpid());
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return failed("bind");
  return listen(fd, 1) == 0 ? succeeded("listening on an abstract name") : failed("listen");
}

/* One end of a socketpair is AF_UNIX; it must not become a way to connect elsewhere. */
static int unix_pair_sendto(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0) return failed("socketpair");
  struct sockaddr_un own = {.sun_family = AF_UNIX}, address = {.sun_family = AF_UNIX};
  snprintf(own.sun_path + 1, sizeof own.sun_path - 1, "paddock-attack-%d", (int)getpid());
  snprintf(address.sun_path, sizeof address.sun_path, "%s", param("datagram"));
  if (sendto(pair[0], "secret", 6, 0, (struct sockaddr *)&address, sizeof address) == 6)
    return succeeded("6 bytes were accepted by %s", address.sun_path);
  return failed("sendto");
}

/* Any TCP socket can join a group, and says so to the network. */
static int join_group(void) {
  struct ip_mreq request = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
  inet_pton(AF_INET, "239.255.0.1", &request.imr_multiaddr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return failed("socket");
  return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) == 0 ? succeeded("joined 239.255.0.1")
                                                                                      : failed("setsockopt");
}

/* For the test, with no fence: takes datagrams at a path, one line of output for each. */
static int take_datagrams(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", param("datagram"));
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return failed("bind");
  puts("READY");
  char buffer[40];
  while (recv(fd, buffer, sizeof buffer, 0) >= 0) puts("HEARD");
  return failed("recv");
}

static int netlink_routes(void) {
  struct {
    struct nlmsghdr header;
    struct rtgenmsg body;
  } request = {
      .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
                 .nlmsg_type = RTM_GETLINK,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
      .body = {.rtgen_family = AF_PACKET},
  };
  char reply[8192];
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (fd < 0) return failed("socket");
  if (send(fd, &request, request.header.nlmsg_len, 0) < 0) return failed("send");
  ssize_t length = recv(fd, reply, sizeof reply, 0);
  return length > 0 ? succeeded("%zd bytes about the interfaces", length) : failed("recv");
}

static int make_socket(int family, int type, int protocol, const char *what) {
  int fd = socket(family, type, protocol);
  return fd >= 0 ? succeeded("%s socket is open", what) : failed("socket");
}

static int packet_socket(void) { return make_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL), "packet"); }
static int raw_socket(void) { return make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP, "raw"); }
static int crypto_socket(void) { return make_socket(AF_ALG, SOCK_SEQPACKET, 0, "kernel crypto"); }
static int vsock_socket(void) { return make_socket(AF_VSOCK, SOCK_STREAM, 0, "vsock"); }
static int sctp_socket(void) { return make_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP, "SCTP"); }
static int xdp_socket(void) { return make_socket(AF_XDP, SOCK_RAW, 0, "XDP"); }

const struct attempt network_attempts[] = {
    {"connect-ipv4", connect_ipv4},
    {"connect-ipv6", connect_ipv6},
    {"connect-mapped", connect_mapped},
    {"connect-nonblocking", connect_nonblocking},
    {"connect-mptcp", connect_mptcp},
    {"connect-undumpable", connect_undumpable},
    {"fast-open-sendto", fast_open_sendto},
    {"fast-open-sendmsg", fast_open_sendmsg},
    {"fast-open-sendmmsg", fast_open_sendmmsg},
    {"fast-open-option", fast_open_option},
    {"udp-sendto", udp_sendto},
    {"udp-connect", udp_connect},
    {"unix-path", unix_path},
    {"unix-abstract", unix_abstract},
    {"unix-abstract-listen", unix_abstract_listen},
    {"unix-pair-sendto", unix_pair_sendto},
    {"join-group", join_group},
    {"take-datagrams", take_datagrams},
    {"netlink-routes", netlink_routes},
    {"packet-socket", packet_socket},
    {"raw-socket", raw_socket},
    {"crypto-socket", crypto_socket},
    {"vsock-socket", vsock_socket},
    {"sctp-socket", sctp_socket},
    {"xdp-socket", xdp_socket},
    {NULL, NULL},
};
