import { describe, expect, it } from 'vitest';
import type { Architecture } from '../../src/format/anatomy.ts';
import type { Operation } from '../../src/launch/operations.ts';
import { EACCES, ENOSYS, ENOTTY, EPERM, type SeccompOptions } from '../../src/launch/rules/rule.ts';
import {
  answers,
  denyProgram,
  notifyProgram,
  RET_ALLOW,
  RET_ERRNO,
  RET_KILL_PROCESS,
  RET_USER_NOTIF,
} from '../../src/launch/seccomp.ts';
import { RULES } from '../../src/launch/seccomp-rules.ts';
import {
  AUDIT_ARCH,
  LAST_KNOWN,
  SYSCALL_NAMES,
  type SyscallName,
  syscallNumber,
} from '../../src/launch/syscalls.ts';
import { interpret } from './bpf-interpreter.ts';

const ARCHITECTURES: readonly Architecture[] = ['x86-64', 'aarch64'];
const AUDIT_ARCH_I386 = 0x4000_0003;
const AUDIT_ARCH_ARM = 0x4000_0028;

const NONE: SeccompOptions = {
  network: 'none',
  execute: false,
  landlockAbi: 7,
  kill: { exec: false, connect: false, syscall: false },
};
const SERVE: SeccompOptions = { ...NONE, network: 'serve' };
const EVERY: readonly SeccompOptions[] = [1, 2, 3, 5, 6, 7].flatMap((landlockAbi) =>
  (['none', 'serve'] as const).flatMap((network) =>
    [true, false].flatMap((execute) =>
      [true, false].map((closesMappings) => ({ ...NONE, landlockAbi, network, execute, closesMappings })),
    ),
  ),
);

type Answer = Extract<Operation, { op: 'answer' }>;
type Args = readonly (number | bigint)[];

/** What becomes of a call: 'allow', 'kill', or 'label:errno'. */
function outcome(
  arch: Architecture,
  options: SeccompOptions,
  name: SyscallName | number,
  args: Args = [],
): string {
  const nr = typeof name === 'number' ? name : syscallNumber(arch, name);
  if (nr === undefined) throw new Error(`no ${name} on ${arch}`);
  const { value } = interpret(notifyProgram(arch, options), { arch: AUDIT_ARCH[arch], nr, args });
  if (value === RET_ALLOW) return 'allow';
  if ((value & 0xffff_0000) >>> 0 === RET_ERRNO) return `errno:${value & 0xffff}`;
  expect(value).toBe(RET_USER_NOTIF);
  const answer = answers(arch, options).find(
    (one) => one.op === 'answer' && one.nr === nr && !one.foreign,
  ) as Answer;
  expect(answer, `an answer for ${name}`).toBeDefined();
  return answer.answer === 'deny' ? `${answer.label}:${answer.errno}` : answer.answer;
}

function alone(arch: Architecture, options: SeccompOptions, name: SyscallName, args: Args = []): number {
  const nr = syscallNumber(arch, name) ?? -1;
  return interpret(denyProgram(arch, options), { arch: AUDIT_ARCH[arch], nr, args }).value;
}

describe.each(ARCHITECTURES)('the filter on %s', (arch) => {
  const has = (name: SyscallName): boolean => syscallNumber(arch, name) !== undefined;

  it('answers every number in every policy, and notifies none without an answer', () => {
    for (const options of EVERY) {
      const known = new Set(answers(arch, options).map((one) => (one as Answer).nr));
      const notify = notifyProgram(arch, options);
      const deny = denyProgram(arch, options);
      for (let nr = 0; nr <= 600; nr++) {
        const { value } = interpret(notify, { arch: AUDIT_ARCH[arch], nr });
        if (value === RET_USER_NOTIF) expect(known.has(nr), `nr ${nr}`).toBe(true);
        else
          expect([RET_ALLOW, ...[ENOSYS, EPERM, ENOTTY].map((errno) => RET_ERRNO | errno)]).toContain(value);
        expect(interpret(deny, { arch: AUDIT_ARCH[arch], nr }).value).not.toBe(RET_USER_NOTIF);
      }
    }
  });

  it('stays small, and fast for the calls of a model at work', () => {
    const program = notifyProgram(arch, SERVE);
    expect(program.length / 8).toBeLessThan(512);
    for (const nr of HOT[arch]) {
      const { value, steps } = interpret(program, { arch: AUDIT_ARCH[arch], nr });
      expect([nr, value]).toEqual([nr, RET_ALLOW]);
      expect(steps).toBeLessThanOrEqual(18);
    }
  });

  it('answers numbers that are too new with ENOSYS', () => {
    expect(outcome(arch, NONE, LAST_KNOWN)).toBe('allow');
    expect(outcome(arch, NONE, LAST_KNOWN + 1)).toBe(`errno:${ENOSYS}`);
    expect(outcome(arch, NONE, 0x3fff_ffff)).toBe(`errno:${ENOSYS}`);
  });

  it.each([AUDIT_ARCH_I386, AUDIT_ARCH_ARM, 0, 0xffff_ffff])(
    'takes calls of machine %i for foreign',
    (other) => {
      for (let nr = 0; nr < 500; nr += 7) {
        expect(interpret(notifyProgram(arch, NONE), { arch: other, nr }).value).toBe(RET_USER_NOTIF);
        expect(interpret(denyProgram(arch, NONE), { arch: other, nr }).value).toBe(RET_KILL_PROCESS);
      }
      const [first] = answers(arch, { ...NONE, kill: { ...NONE.kill, syscall: true } });
      expect(first).toMatchObject({ nr: -1, foreign: true, answer: 'deny', errno: ENOSYS, kill: true });
    },
  );

  it.each([
    'unshare',
    'setns',
    'mount',
    'umount2',
    'pivot_root',
    'chroot',
    'fsopen',
    'fsmount',
    'open_tree',
    'move_mount',
    'mount_setattr',
    'ptrace',
    'process_vm_readv',
    'process_vm_writev',
    'kcmp',
    'pidfd_getfd',
    'process_madvise',
    'bpf',
    'perf_event_open',
    'userfaultfd',
    'keyctl',
    'add_key',
    'request_key',
    'swapon',
    'reboot',
    'kexec_load',
    'finit_module',
    'open_by_handle_at',
    'name_to_handle_at',
    'quotactl',
    'memfd_create',
    'memfd_secret',
    'chmod',
    'fchmod',
    'fchmodat',
    'fchmodat2',
    'fchownat',
    'utimensat',
    'setxattr',
    'fsetxattr',
    'removexattr',
    'mknodat',
    'shmget',
    'msgget',
    'semget',
    'mq_open',
    'inotify_add_watch',
    'fanotify_init',
  ] as const)('denies %s in every policy, with and without a supervisor', (name) => {
    if (!has(name)) return;
    for (const options of EVERY) {
      expect(outcome(arch, options, name)).toMatch(/^[a-z_-]+:1$/);
      expect(alone(arch, options, name)).toBe(RET_ERRNO | EPERM);
    }
  });

  it.each(['clone3', 'openat2', 'io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const)(
    'answers %s with ENOSYS, since its arguments lie in memory',
    (name) => {
      for (const options of EVERY) {
        expect(outcome(arch, options, name)).toMatch(new RegExp(`^(fallback|io_uring):${ENOSYS}$`));
        expect(alone(arch, options, name)).toBe(RET_ERRNO | ENOSYS);
      }
    },
  );

  it('lets clone make threads and processes, not namespaces', () => {
    const thread = 0x003d_0f00; // VM|FS|FILES|SIGHAND|THREAD|SYSVSEM|SETTLS|PARENT_SETTID|CHILD_CLEARTID
    expect(outcome(arch, NONE, 'clone', [thread])).toBe('allow');
    expect(outcome(arch, NONE, 'clone', [17])).toBe('allow'); // fork: SIGCHLD
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
      expect(outcome(arch, NONE, 'clone', [thread | (1 << bit)])).toBe('namespace:1');
      expect(alone(arch, NONE, 'clone', [BigInt(1 << bit) | 0xdead_0000_0000_0000n])).toBe(RET_ERRNO | EPERM);
    }
  });

  it('compares ioctl requests on their low 32 bits only', () => {
    for (const request of [0x5412, 0x541c, 0x541d, 0x5423, 0x5437]) {
      expect(outcome(arch, NONE, 'ioctl', [0, request])).toBe('terminal:1');
      expect(outcome(arch, NONE, 'ioctl', [0, BigInt(request) | 0xffff_ffff_0000_0000n])).toBe('terminal:1');
    }
    for (const request of [0x5401, 0x5413, 0x5421, 0x541b]) {
      expect(outcome(arch, NONE, 'ioctl', [0, request])).toBe('allow'); // TCGETS TIOCGWINSZ FIONBIO FIONREAD
    }
  });

  it('lets the engine sandbox itself, without a supervisor of its own', () => {
    expect(outcome(arch, NONE, 'seccomp', [1, 0])).toBe('allow');
    expect(outcome(arch, NONE, 'seccomp', [1, 1])).toBe('allow'); // TSYNC
    expect(outcome(arch, NONE, 'seccomp', [1, 8])).toBe('seccomp:1');
    expect(outcome(arch, NONE, 'seccomp', [1, 8 | 1 | 32])).toBe('seccomp:1');
  });

  it('changes no attributes of files by ioctl', () => {
    for (const request of [0x4008_6602, 0x4008_7602, 0x401c_5820, 0x4080_6685, 0x800c_6613]) {
      expect(outcome(arch, NONE, 'ioctl', [3, request])).toBe(`errno:${EPERM}`);
      expect(alone(arch, NONE, 'ioctl', [3, request])).toBe(RET_ERRNO | EPERM);
    }
  });

  it('lets personality be asked, not changed', () => {
    expect(outcome(arch, NONE, 'personality', [0xffff_ffff])).toBe('allow');
    expect(outcome(arch, NONE, 'personality', [0])).toBe('allow');
    expect(outcome(arch, NONE, 'personality', [0x0040_0000])).toBe('kernel:1'); // READ_IMPLIES_EXEC
    expect(outcome(arch, NONE, 'personality', [0x0004_0000])).toBe('kernel:1'); // ADDR_NO_RANDOMIZE
  });

  it('lets the supervisor tell its own processes from others', () => {
    const names = ['migrate_pages', 'move_pages', 'sched_setscheduler', 'sched_setaffinity'] as const;
    for (const name of names) {
      expect(outcome(arch, NONE, name, [0, 7])).toBe('allow');
      expect(outcome(arch, NONE, name, [1234, 7])).toBe('process');
      expect(alone(arch, NONE, name, [1234, 7])).toBe(RET_ERRNO | EPERM);
    }
    // Limits by number are refused even for its own, see the core limit.
    expect(outcome(arch, NONE, 'prlimit64', [1234, 7])).toBe('trace:1');
    for (const name of ['kill', 'tkill', 'tgkill', 'rt_sigqueueinfo', 'setpriority'] as const) {
      expect(outcome(arch, NONE, name, [1234, 9])).toBe('process');
      const held = name === 'setpriority' ? RET_ERRNO | EPERM : RET_ALLOW;
      expect(alone(arch, NONE, name, [1234, 9])).toBe(held);
    }
    // Its own, by 0; not those of its group or user.
    expect(alone(arch, NONE, 'setpriority', [0, 0, 19])).toBe(RET_ALLOW);
    for (const which of [1, 2]) expect(outcome(arch, NONE, 'setpriority', [which, 0, 19])).toBe('process');
  });

  it('drives no devices and makes no subvolumes by ioctl', () => {
    const [RNDGETENTCNT, TUNSETIFF, BTRFS_IOC_SUBVOL_CREATE, FICLONE] = [
      0x8004_5200, 0x4004_54ca, 0x5000_940e, 0x4004_9409,
    ];
    for (const request of [RNDGETENTCNT, TUNSETIFF]) {
      expect(outcome(arch, NONE, 'ioctl', [3, request])).toBe(`errno:${ENOTTY}`);
      expect(outcome(arch, { ...NONE, devices: true }, 'ioctl', [3, request])).toBe('allow');
    }
    for (const options of [NONE, { ...NONE, devices: true }]) {
      expect(outcome(arch, options, 'ioctl', [3, BTRFS_IOC_SUBVOL_CREATE])).toBe(`errno:${EPERM}`);
      expect(outcome(arch, options, 'ioctl', [3, 0xc040_6618])).toBe(`errno:${EPERM}`); // REMOVE_ENCRYPTION_KEY
      expect(outcome(arch, options, 'ioctl', [3, FICLONE])).toBe('allow');
    }
  });

  it('lets nobody move forward among those who wait for disks', () => {
    for (const who of [0, 1234]) expect(outcome(arch, NONE, 'ioprio_set', [1, who, 0])).toBe('priority:1');
  });

  it('keeps a program to its CPUs where these are its limit', () => {
    const bound = { ...NONE, bound: true };
    for (const who of [0, 1234]) {
      expect(outcome(arch, bound, 'sched_setaffinity', [who, 8])).toBe('priority:1');
      expect(alone(arch, bound, 'sched_setaffinity', [who, 8])).toBe(RET_ERRNO | EPERM);
    }
    expect(outcome(arch, NONE, 'sched_setaffinity', [0, 8])).toBe('allow');
  });

  it('opens no socket at all without network', () => {
    for (const args of SOCKETS.good.concat(SOCKETS.bad))
      expect(outcome(arch, NONE, 'socket', args)).toBe('socket:13');
    expect(outcome(arch, NONE, 'bind')).toBe('bind');
    expect(outcome(arch, NONE, 'listen')).toBe('listen:13');
    expect(outcome(arch, NONE, 'connect')).toBe('connect');
    for (const name of ['socket', 'bind', 'listen', 'connect'] as const) {
      expect(alone(arch, NONE, name)).toBe(RET_ERRNO | EACCES);
    }
  });

  it('opens TCP sockets only for a server', () => {
    for (const args of SOCKETS.good) expect(outcome(arch, SERVE, 'socket', args)).toBe('allow');
    for (const args of SOCKETS.bad) {
      expect([args, outcome(arch, SERVE, 'socket', args)]).toEqual([args, 'socket:13']);
      expect(alone(arch, SERVE, 'socket', args)).toBe(RET_ERRNO | EACCES);
    }
    expect(outcome(arch, SERVE, 'bind')).toBe('bind');
    expect(outcome(arch, SERVE, 'listen')).toBe('listen');
    expect(outcome(arch, SERVE, 'connect')).toBe('connect');
    expect(alone(arch, SERVE, 'connect')).toBe(RET_ERRNO | EACCES);
    expect(alone(arch, SERVE, 'bind')).toBe(RET_ALLOW); // Landlock holds the port
  });

  it('pairs local sockets only', () => {
    expect(outcome(arch, NONE, 'socketpair', [1, 1])).toBe('allow');
    expect(outcome(arch, NONE, 'socketpair', [1, 0o2000005])).toBe('allow'); // SEQPACKET|CLOEXEC
    expect(outcome(arch, NONE, 'socketpair', [1, 2])).toBe('socket:13'); // a datagram socket sends to any path
    expect(outcome(arch, NONE, 'socketpair', [1, 3])).toBe('socket:13'); // which the kernel takes for a datagram one
    expect(outcome(arch, NONE, 'socketpair', [30, 1])).toBe('socket:13'); // AF_TIPC
  });

  it('sends nothing by fast open', () => {
    const flag = 0x2000_0000;
    expect(outcome(arch, SERVE, 'sendto', [3, 0, 0, flag | 0x4000])).toBe('fast-open:13');
    expect(outcome(arch, SERVE, 'sendto', [3, 0, 0, 0x4000])).toBe('allow'); // MSG_NOSIGNAL
    expect(outcome(arch, SERVE, 'sendmsg', [3, 0, flag])).toBe('fast-open:13');
    expect(outcome(arch, SERVE, 'sendmsg', [3, 0, 0, flag])).toBe('allow'); // not its flags
    expect(outcome(arch, SERVE, 'sendmmsg', [3, 0, 1, flag])).toBe('fast-open:13');
    expect(outcome(arch, SERVE, 'setsockopt', [3, 6, 31])).toBe('socket:1'); // TCP_ULP
    expect(outcome(arch, SERVE, 'setsockopt', [3, 0, 35])).toBe('socket:1'); // IP_ADD_MEMBERSHIP
    expect(outcome(arch, SERVE, 'setsockopt', [3, 41, 20])).toBe('socket:1'); // IPV6_JOIN_GROUP
    expect(outcome(arch, SERVE, 'setsockopt', [3, 6, 1])).toBe('allow'); // TCP_NODELAY
    expect(outcome(arch, SERVE, 'setsockopt', [3, 1, 2])).toBe('allow'); // SO_REUSEADDR
    expect(outcome(arch, SERVE, 'setsockopt', [3, 1, 15])).toBe('errno:0'); // SO_REUSEPORT: seems to work
    expect(outcome(arch, SERVE, 'setsockopt', [3, 1, 25])).toBe('socket:1'); // SO_BINDTODEVICE
    expect(outcome(arch, SERVE, 'setsockopt', [3, 0, 4])).toBe('socket:1'); // IP_OPTIONS
    expect(outcome(arch, SERVE, 'setsockopt', [3, 0, 6])).toBe('allow'); // IP_RECVOPTS
    expect(outcome(arch, SERVE, 'setsockopt', [3, 41, 57])).toBe('socket:1'); // IPV6_RTHDR
    expect(outcome(arch, SERVE, 'setsockopt', [3, 41, 26])).toBe('allow'); // IPV6_V6ONLY
  });

  it('executes once, or what the policy lists', () => {
    expect(outcome(arch, NONE, 'execve')).toBe('exec-once');
    expect(outcome(arch, { ...NONE, execute: true }, 'execveat')).toBe('exec');
    expect(alone(arch, NONE, 'execve')).toBe(RET_ALLOW);
    expect(outcome(arch, { ...NONE, execute: true }, 'memfd_create')).toBe('memfd:1');
  });

  it('sees opens, and denies truncation itself where Landlock does not', () => {
    expect(outcome(arch, NONE, 'openat', [0, 0, 0])).toBe('open');
    expect(outcome(arch, NONE, 'openat', [0, 0, 0x200])).toBe('open');
    for (const name of [
      'truncate',
      'renameat',
      'renameat2',
      'linkat',
      'symlinkat',
      'unlinkat',
      'mkdirat',
    ] as const) {
      expect(outcome(arch, NONE, name)).toBe('open');
      expect(alone(arch, NONE, name)).toBe(RET_ALLOW);
    }
    const old = { ...NONE, landlockAbi: 2 };
    expect(outcome(arch, old, 'openat', [0, 0, 0x200])).toBe(`errno:${EPERM}`); // O_RDONLY|O_TRUNC
    expect(outcome(arch, old, 'openat', [0, 0, 0x241])).toBe('open'); // O_WRONLY|O_CREAT|O_TRUNC
    expect(outcome(arch, old, 'truncate')).toBe(`write:${EACCES}`);
    if (has('open')) expect(outcome(arch, old, 'open', [0, 0x200])).toBe(`errno:${EPERM}`);
  });

  it('holds signals itself where Landlock does not', () => {
    const old = { ...NONE, landlockAbi: 5 };
    for (const target of [0xffff_ffff_ffff_ffffn, 0xffff_fc00n, 0]) {
      expect(outcome(arch, old, 'kill', [target, 9])).toBe(`errno:${EPERM}`); // all, a group, our own group
      expect(outcome(arch, NONE, 'kill', [target, 9])).toBe('process');
    }
    expect(outcome(arch, old, 'kill', [1234, 9])).toBe('process');
    expect(outcome(arch, old, 'pidfd_open', [1234])).toBe('process');
    expect(outcome(arch, NONE, 'pidfd_open', [1234])).toBe('allow');
    expect(outcome(arch, NONE, 'pidfd_send_signal', [3, 9])).toBe('continue');
    for (const command of [8, 15]) expect(outcome(arch, old, 'fcntl', [3, command])).toBe('signal:1'); // F_SETOWN, _EX
    for (const command of [0, 1, 2, 3, 4, 1030])
      expect(outcome(arch, old, 'fcntl', [3, command])).toBe('allow');
    // F_SETLEASE, F_NOTIFY: on any host
    for (const options of [old, NONE])
      for (const command of [1024, 1026])
        expect(outcome(arch, options, 'fcntl', [3, command])).toBe('errno:1');
    expect(outcome(arch, NONE, 'fcntl', [3, 8])).toBe('allow');
    for (const request of [0x8901, 0x8902])
      expect(outcome(arch, old, 'ioctl', [3, request])).toBe(`errno:${EPERM}`);
  });

  it('ends the session where the policy says so, and never for a call that merely falls back', () => {
    const kill = { exec: true, connect: true, syscall: true };
    const all = answers(arch, { ...SERVE, kill }) as Answer[];
    const kills = (name: SyscallName): boolean | undefined =>
      all.find((one) => one.nr === syscallNumber(arch, name))?.kill;
    for (const name of ['execve', 'memfd_create', 'connect', 'socket', 'unshare', 'ptrace'] as const) {
      expect(kills(name), name).toBe(true);
    }
    for (const name of ['clone3', 'openat2', 'openat', 'pidfd_send_signal'] as const)
      expect(kills(name), name).toBe(false);
    expect((answers(arch, SERVE) as Answer[]).some((one) => one.kill)).toBe(false);
  });

  it('has every call of every rule in some policy', () => {
    const used = new Set(EVERY.flatMap((options) => answers(arch, options).map((one) => (one as Answer).nr)));
    for (const name of SYSCALL_NAMES) {
      const nr = syscallNumber(arch, name);
      if (nr !== undefined) expect(used.has(nr), name).toBe(true);
    }
    // One call alone seems to work: the filter answers it, and the supervisor never sees it.
    expect(RULES.filter(({ errno, silent }) => errno === 0 && silent === true)).toMatchObject([
      { calls: ['setsockopt'], when: [{ in: [1] }, { in: [15] }] },
    ]);
    for (const rule of RULES) expect(rule.errno > 0 || rule.silent === true).toBe(true);
  });
});

describe.each(['x86-64', 'aarch64'] as const)('the core limit on %s', (arch) => {
  const value = (name: 'prlimit64' | 'setrlimit', args: Args) =>
    interpret(notifyProgram(arch, NONE), {
      arch: AUDIT_ARCH[arch],
      nr: syscallNumber(arch, name) ?? -1,
      args,
    }).value;

  it('cannot be changed, by whatever process id it is named', () => {
    expect(value('prlimit64', [0, 4, 0x7fff_0000])).toBe(RET_ERRNO | 1);
    for (const pid of [1, 4711]) expect(value('prlimit64', [pid, 4, 0x7fff_0000])).toBe(RET_USER_NOTIF);
    const answer = answers(arch, NONE).find((one) => (one as Answer).nr === syscallNumber(arch, 'prlimit64'));
    expect(answer).toMatchObject({ answer: 'deny', label: 'trace' });
    expect(value('setrlimit', [4, 0x7fff_0000])).toBe(RET_USER_NOTIF);
    expect(value('prlimit64', [0, 7, 0x7fff_0000])).toBe(RET_ALLOW);
    expect(value('setrlimit', [7, 0x7fff_0000])).toBe(RET_ALLOW);
  });
});

describe('x32', () => {
  it('is foreign on x86-64', () => {
    for (const nr of [0x4000_0000, 0x4000_0000 + 59, 0x4000_0000 + 520, 0x7fff_ffff, 0xffff_ffff]) {
      const call = { arch: AUDIT_ARCH['x86-64'], nr };
      expect(interpret(notifyProgram('x86-64', NONE), call).value).toBe(RET_USER_NOTIF);
      expect(interpret(denyProgram('x86-64', NONE), call).value).toBe(RET_KILL_PROCESS);
    }
  });
});

const SOCKETS: { good: Args[]; bad: Args[] } = {
  good: [
    [2, 1, 0],
    [2, 1, 6],
    [10, 1, 0],
    [2, 0o2000001, 6], // SOCK_STREAM|SOCK_CLOEXEC
    [2, 0o2004001, 0], // SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK
  ],
  bad: [
    [1, 1, 0], // AF_UNIX
    [2, 2, 0], // UDP
    [2, 2, 17],
    [2, 3, 1], // raw
    [2, 1, 262], // MPTCP
    [2, 1, 132], // SCTP
    [10, 2, 0],
    [10, 1, 262],
    [16, 3, 0], // netlink
    [17, 3, 0], // packet
    [38, 5, 0], // AF_ALG
    [40, 1, 0], // vsock
    [43, 1, 0], // SMC
    [2, 6, 0], // DCCP
    [0, 1, 0],
  ],
};

// read write mmap munmap futex sched_yield writev sendto recvfrom exit_group clock_nanosleep mprotect accept4 close
const HOT: Readonly<Record<Architecture, readonly number[]>> = {
  'x86-64': [0, 1, 9, 11, 202, 24, 20, 44, 45, 231, 230, 10, 288, 3],
  aarch64: [63, 64, 222, 215, 98, 124, 66, 206, 207, 94, 115, 226, 242, 57],
};
