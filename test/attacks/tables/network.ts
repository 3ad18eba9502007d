import { type Attack, call, type Place, serving } from '../attack.ts';

const targets = ({ listeners }: Place) => ({
  tcp: listeners.tcp,
  tcp6: listeners.tcp6 ?? 0,
  udp: listeners.udp,
  unix: listeners.unix,
  datagram: listeners.datagram,
  abstract: listeners.abstract,
});
const ports = ({ port, other }: Place) => ({ port, other });
const DEPENDS = { control: 'depends' } as const;
/** A port that may be connected to, and where nobody listens. */
const LISTED = 1;
const policy = (key: string, value: string): string =>
  `apiVersion: paddock/v1\nnetwork:\n  ${key}: ${value}\n`;
const CONNECT = policy('connect', `["127.0.0.1:${LISTED}"]`);
const servingEverySix = ({ port }: Place): string[] => ['--server', '--host', '::', '--port', String(port)];
type Mode = 'none' | 'serve' | 'listed';
const MODES: Readonly<Record<Mode, string>> = {
  none: 'no network',
  serve: 'serving',
  listed: 'another address listed',
};

/** Reaching out, and being reached elsewhere than at the granted address. */
export const NETWORK_ATTACKS: readonly Attack[] = [
  ...(['none', 'serve', 'listed'] as const).flatMap((mode): Attack[] => [
    reach(mode, 'TCP over IPv4', 'connect-ipv4', 'connect'),
    { ...reach(mode, 'TCP over IPv6', 'connect-ipv6', 'connect'), ...DEPENDS },
    { ...reach(mode, 'TCP to a mapped address', 'connect-mapped', 'connect'), ...DEPENDS },
    reach(mode, 'TCP without blocking', 'connect-nonblocking', 'connect'),
    reach(mode, 'TCP with unreadable memory', 'connect-undumpable', 'connect'),
    { ...reach(mode, 'MPTCP', 'connect-mptcp', 'socket'), ...DEPENDS },
    reach(mode, 'fast open by sendto', 'fast-open-sendto', 'fast-open'),
    reach(mode, 'fast open by sendmsg', 'fast-open-sendmsg', 'fast-open'),
    reach(mode, 'fast open by sendmmsg', 'fast-open-sendmmsg', 'fast-open'),
    reach(mode, 'fast open by option', 'fast-open-option', 'connect'),
    reach(mode, 'UDP', 'udp-sendto', 'socket'),
    reach(mode, 'connected UDP', 'udp-connect', 'socket'),
    reach(mode, 'a unix socket by path', 'unix-path', 'socket'),
    reach(mode, 'an abstract unix socket', 'unix-abstract', 'socket'),
    reach(mode, 'a datagram from one end of a pair', 'unix-pair-sendto', 'socket'),
  ]),
  { ...listen('a multicast group', 'join-group'), ...DEPENDS, seen: { refused: 'socket' } },
  socket('an abstract unix socket, to listen', 'unix-abstract-listen', 'always'),
  socket('a netlink socket, for the routes', 'netlink-routes', 'always'),
  socket('a packet socket', 'packet-socket', 'depends'),
  socket('a raw socket', 'raw-socket', 'depends'),
  socket('a kernel crypto socket', 'crypto-socket', 'depends'),
  socket('a vsock socket', 'vsock-socket', 'depends'),
  socket('an SCTP socket', 'sctp-socket', 'depends'),
  socket('an XDP socket', 'xdp-socket', 'depends'),
  { ...call('connect through io_uring', 'uring-connect', 'io_uring'), parameters: targets },

  listen('another port', 'bind-other-port'),
  listen('every IPv4 address', 'bind-any-address'),
  listen('another loopback address', 'bind-other-loopback'),
  { ...listen('every IPv6 address', 'bind-any-ipv6'), ...DEPENDS },
  { ...listen('the IPv6 loopback', 'bind-loopback-ipv6'), ...DEPENDS },
  { ...listen('the granted address in IPv6 clothing', 'bind-mapped'), ...DEPENDS },
  listen('a port of the kernel’s choice', 'bind-ephemeral'),
  { ...listen('the granted address over MPTCP', 'bind-mptcp'), ...DEPENDS, seen: { refused: 'socket' } },
  listen('an address of an odd length', 'bind-odd-length'),
  { ...listen('no address at all', 'listen-unbound'), seen: { refused: 'listen' } },
  listen('a second address', 'second-listener'),
  { ...listen('UDP', 'udp-bind'), seen: { refused: 'socket' } },
  listen('a port that is exchanged while it is checked', 'race-bind-port'),
  listen('an address that is exchanged while it is checked', 'race-bind-address'),
  {
    ...reach('listed', 'an address that is exchanged while it is checked', 'race-connect', 'connect'),
    parameters: ({ listeners }) => ({ tcp: listeners.tcp, listed: LISTED }),
    family: 'time-of-check',
  },
  {
    ...reach('serve', 'the listening socket, undone', 'reuse-listener', 'connect'),
    parameters: (place) => ({ ...targets(place), ...ports(place) }),
    family: 'sockets',
  },
  {
    ...listen('the granted port a second time', 'share-port'),
    seen: { observed: 'bind' },
    family: 'sockets',
  },
  {
    ...listen('a port of the kernel’s choice, behind a socket that was closed', 'listen-after-close'),
    seen: { refused: 'listen' },
    family: 'sockets',
  },
  {
    ...listen('a port of the kernel’s choice, by a socket that was passed on', 'listen-passed'),
    seen: { refused: 'listen' },
    family: 'sockets',
  },
  listen('an address of no family', 'bind-unspecified'),
  {
    ...listen('IPv4 with :: granted alone', 'dual-stack'),
    ...DEPENDS,
    policy: policy('listen', '["::"]'),
    arguments: servingEverySix,
    seen: { observed: 'bind' },
  },
  ...(['bind-other-port', 'bind-ephemeral', 'listen-unbound'] as const).map(
    (attempt): Attack => ({
      ...listen(`any port, with one to connect to (${attempt})`, attempt),
      policy: CONNECT,
      arguments: undefined,
      seen: { refused: attempt === 'listen-unbound' ? 'listen' : 'bind' },
    }),
  ),
  ...(
    [
      ['bound to a device', 'bind-device'],
      ['whose packets go another way (IPv4)', 'source-route'],
      ['whose packets go another way (IPv6)', 'source-route-ipv6'],
    ] as const
  ).map(
    ([what, attempt]): Attack => ({
      ...socket(`a socket ${what}`, attempt, 'depends'),
      policy: CONNECT,
      family: 'sockets',
    }),
  ),
  { ...socket('an SMC socket', 'smc-socket', 'depends'), arguments: serving, family: 'sockets' },
  {
    ...listen('any port, with no network granted', 'bind-other-port'),
    arguments: undefined,
    seen: { refused: 'socket' },
  },
];

/** With no network not even a socket is had; while serving or with another address to connect to it is, and `connect` must stop the rest. */
function reach(mode: Mode, what: string, attempt: string, label: string): Attack {
  return {
    name: `reach out by ${what} (${MODES[mode]})`,
    attempt,
    parameters: targets,
    arguments: mode === 'serve' ? serving : undefined,
    ...(mode === 'listed' ? { policy: CONNECT } : {}),
    control: 'always',
    heard: true,
    seen: { refused: mode === 'none' ? 'socket' : label },
  };
}

function socket(name: string, attempt: string, control: Attack['control']): Attack {
  return { name: `open ${name}`, attempt, control, seen: { refused: 'socket' } };
}

function listen(name: string, attempt: string): Attack {
  return {
    name: `listen at ${name}`,
    attempt,
    parameters: ports,
    arguments: serving,
    control: 'always',
    seen: { refused: 'bind' },
  };
}
