import { denied, EACCES, flag, type Rule, type SeccompOptions } from './rule.ts';

const MSG_FASTOPEN = 0x2000_0000;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_TYPE_MASK = 0xf;
const IPPROTO_TCP = 6;
const SOL_TCP = 6;
const TCP_ULP = 31;
// Joining a multicast group sends a packet: IP_ and IPV6_ADD_MEMBERSHIP, sources, MCAST_JOIN_*, JOIN_ANYCAST.
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const MULTICAST_JOINS = [20, 27, 35, 39, 42, 46];
const SOCK_SEQPACKET = 5;
// IP_OPTIONS, IP_TRANSPARENT, IP_UNICAST_IF.
const IP_ROUTES = [4, 19, 50];
// 2292PKTOPTIONS, FLOWLABEL_MGR, PKTINFO, HOPOPTS, RTHDRDSTOPTS, RTHDR, DSTOPTS, TRANSPARENT, UNICAST_IF.
const IPV6_ROUTES = [6, 32, 50, 54, 55, 57, 59, 75, 76];
const SOL_SOCKET = 1;
const SO_REUSEPORT = 15;
// SO_BINDTODEVICE, SO_MARK, SO_BINDTOIFINDEX.
const DEVICES = [25, 36, 62];

const hasSockets = ({ network, connects }: SeccompOptions): boolean =>
  network === 'serve' || connects === true;

/** Sockets, and other ways to speak to processes outside. */
export const SOCKET_RULES: readonly Rule[] = [
  {
    ...denied,
    calls: ['socket'],
    errno: EACCES,
    family: 'connect',
    label: 'socket',
    why: 'no network at all',
    applies: (options) => !hasSockets(options),
  },
  {
    ...denied,
    calls: ['socket'],
    unless: [
      { argument: 0, in: [AF_INET, AF_INET6] },
      { argument: 1, mask: SOCK_TYPE_MASK, in: [SOCK_STREAM] },
      { argument: 2, in: [0, IPPROTO_TCP] },
    ],
    errno: EACCES,
    family: 'connect',
    label: 'socket',
    why: 'TCP is what is granted; UDP, MPTCP, raw, netlink, vsock and Unix sockets lead around Landlock’s port rules',
    applies: hasSockets,
  },
  {
    ...denied,
    calls: ['socketpair'],
    unless: [
      { argument: 0, in: [AF_UNIX] },
      { argument: 1, mask: SOCK_TYPE_MASK, in: [SOCK_STREAM, SOCK_SEQPACKET] },
    ],
    errno: EACCES,
    family: 'connect',
    label: 'socket',
    why: 'connected pairs stay inside the session; a datagram one can still send to any Unix socket by its path',
  },
  {
    ...denied,
    calls: ['connect'],
    answer: 'connect',
    errno: EACCES,
    family: 'connect',
    label: 'connect',
    why: 'nothing goes out but to the addresses of the plan, which the supervisor connects on its own duplicate',
  },
  {
    ...denied,
    calls: ['sendto', 'sendmmsg'],
    when: [flag(3, MSG_FASTOPEN)],
    errno: EACCES,
    family: 'connect',
    label: 'fast-open',
    why: 'connects and sends in one call, past Landlock’s connect rule',
  },
  {
    ...denied,
    calls: ['sendmsg'],
    when: [flag(2, MSG_FASTOPEN)],
    errno: EACCES,
    family: 'connect',
    label: 'fast-open',
    why: 'connects and sends in one call, past Landlock’s connect rule',
  },
  {
    ...denied,
    calls: ['setsockopt'],
    when: [
      { argument: 1, in: [SOL_TCP] },
      { argument: 2, in: [TCP_ULP] },
    ],
    label: 'socket',
    why: 'puts another protocol (smc, tls) on a TCP socket',
  },
  {
    ...denied,
    calls: ['setsockopt'],
    when: [
      { argument: 1, in: [IPPROTO_IP, IPPROTO_IPV6] },
      { argument: 2, in: MULTICAST_JOINS },
    ],
    label: 'socket',
    why: 'a TCP socket, too, can join a group, and the network learns which',
  },
  {
    ...denied,
    calls: ['setsockopt'],
    when: [
      { argument: 1, in: [IPPROTO_IP] },
      { argument: 2, in: IP_ROUTES },
    ],
    label: 'socket',
    why: 'a source route, or another interface, leads packets elsewhere than to the address that was granted',
  },
  {
    ...denied,
    calls: ['setsockopt'],
    when: [
      { argument: 1, in: [IPPROTO_IPV6] },
      { argument: 2, in: IPV6_ROUTES },
    ],
    label: 'socket',
    why: 'a routing header, or another interface, leads packets elsewhere than to the address that was granted',
  },
  {
    ...denied,
    calls: ['setsockopt'],
    when: [
      { argument: 1, in: [SOL_SOCKET] },
      { argument: 2, in: DEVICES },
    ],
    label: 'socket',
    why: 'another interface, or other rules of routing, than the host’s own for that address',
  },
  {
    calls: ['setsockopt'],
    when: [
      { argument: 1, in: [SOL_SOCKET] },
      { argument: 2, in: [SO_REUSEPORT] },
    ],
    answer: 'deny',
    errno: 0,
    silent: true,
    alone: 'errno',
    family: 'none',
    label: 'socket',
    why: 'nobody else shares the granted port; servers ask for it as a matter of course, so that it seems to work and does nothing',
  },
  {
    calls: ['bind'],
    label: 'bind',
    why: 'the one address of the plan, bound by the supervisor on its own duplicate',
    answer: 'bind',
    errno: EACCES,
    family: 'connect',
    alone: 'allow', // Landlock still holds the port, though not the address
    applies: (options) => options.network === 'serve',
  },
  {
    ...denied,
    calls: ['bind'],
    answer: 'bind',
    errno: EACCES,
    family: 'connect',
    label: 'bind',
    why: 'no network: no address is on the list',
    applies: (options) => options.network === 'none',
  },
  {
    calls: ['listen'],
    label: 'listen',
    why: 'without a bind it would open a port of the kernel’s choice',
    answer: 'listen',
    errno: EACCES,
    family: 'connect',
    alone: 'allow',
    applies: (options) => options.network === 'serve',
  },
  {
    ...denied,
    calls: ['listen'],
    errno: EACCES,
    family: 'connect',
    label: 'listen',
    why: 'no network',
    applies: (options) => options.network === 'none',
  },
  {
    ...denied,
    calls: [
      'shmget',
      'shmat',
      'shmctl',
      'msgget',
      'msgsnd',
      'msgrcv',
      'msgctl',
      'semget',
      'semop',
      'semtimedop',
      'semctl',
      'mq_open',
      'mq_unlink',
    ],
    label: 'ipc',
    why: 'objects shared with every process of the user, which have no path for Landlock',
  },
];
