import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Attack, call, NOT_THERE, type Place, prompting, serving } from '../attack.ts';

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** Devices that a machine may have; those that this one has not cannot be tried. */
const NODES: readonly string[] = [
  ...['/dev/mem', '/dev/kmsg', '/dev/kvm', '/dev/fuse', '/dev/net/tun', '/dev/loop-control', '/dev/ptmx'],
  ...[
    '/dev/vda',
    '/dev/sda',
    '/dev/nvme0n1',
    '/dev/userfaultfd',
    '/dev/vhost-net',
    '/dev/uinput',
    '/dev/dri/card0',
  ],
  ...['/dev/nvidiactl', '/dev/snd/timer', '/dev/input/event0', '/dev/full', '/dev/tty0', '/dev/hwrng'],
].filter((path) => existsSync(path));

export const DEVICE_ATTACKS: readonly Attack[] = [
  ...NODES.map((path) => open(`the device ${path}`, path)),
  {
    ...call('drive a device that may be read', 'drive-device', 'device'),
    control: 'always',
    seen: { nothing: 'the filter answers other requests by itself, and Landlock beneath it' },
  },
  call('make a device of its own', 'make-device', 'metadata'),
];

/** Requests to file systems by ioctl, which Landlock does not see. */
export const REQUEST_ATTACKS: readonly Attack[] = [
  ['make a subvolume', 'make-subvolume'] as const,
  ['take the key of encrypted folders away', 'remove-folder-key'] as const,
].map(([name, attempt]) => ({
  ...call(name, attempt, 'metadata'),
  seen: { nothing: 'the filter answers this ioctl by itself' },
}));

/** Files of /proc and /sys; what this kernel has not cannot be tried. */
const READ: readonly (readonly [what: string, path: string, control: Attack['control']])[] = [
  ['the launcher’s command line', '/proc/%l/cmdline', 'always'],
  ['the launcher’s control group', '/proc/%l/cgroup', 'always'],
  ['the supervisor’s status', '/proc/%p/status', 'always'],
  ['the addresses of the kernel’s functions', '/proc/kallsyms', 'depends'],
  ['the kernel’s memory', '/proc/kcore', 'depends'],
  ['the keys of the user', '/proc/keys', 'depends'],
  ['the mounted file systems of another process', '/proc/1/mountinfo', 'depends'],
  ['the partitions', '/proc/partitions', 'depends'],
  ['the kernel’s command line', '/proc/cmdline', 'depends'],
];

const WRITTEN: readonly (readonly [what: string, path: string, control: Attack['control']])[] = [
  ['the program that is told of core dumps', '/proc/sys/kernel/core_pattern', 'depends'],
  ['the magic keys', '/proc/sysrq-trigger', 'depends'],
  ['the page cache', '/proc/sys/vm/drop_caches', 'depends'],
  ['the host’s name', '/proc/sys/kernel/hostname', 'depends'],
  ['the huge pages of the host', '/sys/kernel/mm/transparent_hugepage/enabled', 'depends'],
  ['the power of the host', '/sys/power/state', 'depends'],
  ['who dies first', '/proc/self/oom_score_adj', 'always'],
  ['its own user ids', '/proc/self/uid_map', 'depends'],
  ['what a core dump holds', '/proc/self/coredump_filter', 'always'],
];

const isHere = ([, path]: readonly [string, string, ...unknown[]]): boolean =>
  path.includes('%') || existsSync(path);

export const PROC_ATTACKS: readonly Attack[] = [
  ...READ.filter(isHere).map(([what, path, control]) => ({
    ...readable(what, path, control),
    ...(path.includes('%l') ? { seenInside: NOT_THERE } : {}),
  })),
  ...WRITTEN.filter(isHere).map(([what, path, control]) => writable(`change ${what}`, path, control)),
];

export const MEMORY_ATTACKS: readonly Attack[] = [
  {
    ...call('change its own code through /proc/self/mem', 'rewrite-own-code', 'write'),
    control: 'depends', // a kernel may be told to forbid it
  },
  { ...call('share memory by name', 'shared-file', 'write'), control: 'always' },
  call('move the launcher’s pages', 'move-launchers-pages', 'trace'),
  call('migrate the launcher’s pages', 'migrate-launchers-pages', 'trace'),
  { ...call('advise on the launcher’s memory', 'advise-launchers-memory', 'trace'), seenInside: NOT_THERE },
];

export const EXCHANGE_ATTACKS: readonly Attack[] = [
  {
    name: 'read a private key through links that are exchanged',
    attempt: 'race-link',
    parameters: ({ world }) => ({ readable: world.readable, canary: world.canary }),
    arguments: prompting,
    control: 'always',
    seen: { refused: 'read' },
  },
  {
    name: 'make a file through a folder that is exchanged for a link',
    attempt: 'race-folder',
    parameters: ({ world }) => ({ outside: world.outside }),
    control: 'always',
    seen: { refused: 'write' },
  },
  {
    name: 'listen at a descriptor that is exchanged while it is looked at',
    attempt: 'race-listener',
    parameters: ({ port }) => ({ port }),
    arguments: serving,
    control: 'always',
    seen: { refused: 'listen' },
  },
  {
    name: 'read a private key while signals interrupt every call',
    attempt: 'race-signals',
    parameters: ({ world }) => ({ canary: world.canary }),
    control: 'always',
    seen: { refused: 'read' },
  },
];

/** The supervisor, and what paddock keeps. */
export const GATE_ATTACKS: readonly Attack[] = [
  {
    name: 'ask the supervisor what nobody asks',
    attempt: 'confuse-supervisor',
    control: 'none', // with no fence there is nobody to be confused
    seen: { event: 'dropped' },
  },
  {
    name: 'end with questions unanswered',
    attempt: 'leave-questions',
    control: 'none',
    seen: { nothing: 'how many of them are asked before the end is chance' },
  },
  { ...call('loosen the filter with one of its own', 'loosen-filter', 'memfd'), control: 'always' },
  {
    ...call('loosen Landlock with a domain of its own', 'loosen-domain', 'read'),
    parameters: ({ world }) => ({ canary: world.canary }),
    control: 'depends',
  },
  {
    ...call('take a descriptor of the supervisor through /proc', 'open-parents-descriptor', 'read'),
    control: 'always',
    seen: { nothing: 'below /proc the supervisor is closed to a plain user, and so to itself' },
  },
  writable('write the supervisor’s memory through /proc', '/proc/%p/mem', 'depends'),
  writable('make the supervisor the first to die', '/proc/%p/oom_score_adj'),
  writable('rename the supervisor', '/proc/%p/comm', 'depends'),
  {
    ...writable('change paddock’s own program', '', 'depends'),
    parameters: () => ({ path: join(ROOT, 'bin/paddock.js') }),
  },
  plant('a record of a session', ({ world }) => world.state),
  plant('a policy in the user’s home', ({ world }) => world.home),
  plant('a digest beside the judged file', ({ world }) => world.root),
];

function open(what: string, path: string): Attack {
  return { ...call(`open ${what}`, 'open-path', 'read'), parameters: () => ({ path }) };
}

function readable(what: string, path: string, control: Attack['control']): Attack {
  return { ...call(`look at ${what}`, 'read-path', 'read'), parameters: () => ({ path }), control };
}

function writable(name: string, path: string, control: Attack['control'] = 'always'): Attack {
  return { ...call(name, 'open-path-to-write', 'write'), parameters: () => ({ path }), control };
}

function plant(what: string, path: (place: Place) => string): Attack {
  return {
    ...call(`plant ${what}`, 'make-in-path', 'write'),
    parameters: (place) => ({ path: path(place) }),
    control: 'always',
  };
}
