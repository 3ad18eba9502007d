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

/** Reaching out, and being reached elsewhere than at the granted address. */
export const NETWORK_ATTACKS: readonly Attack[] = [
  ...(['none', 'serve'] as const).flatMap((mode): Attack[] => [
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
    ...listen('any port, with no network granted', 'bind-other-port'),
    arguments: undefined,
    seen: { refused: 'socket' },
  },
];

/** With no network not even a socket is had; while serving it is, and `connect` must stop the rest. */
function reach(mode: 'none' | 'serve', what: string, attempt: string, label: string): Attack {
  return {
    name: `reach out by ${what} (${mode === 'none' ? 'no network' : 'serving'})`,
    attempt,
    parameters: targets,
    arguments: mode === 'serve' ? serving : undefined,
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
