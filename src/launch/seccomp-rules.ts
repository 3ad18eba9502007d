import type { Answer } from './operations.ts';
import type { SyscallName } from './syscalls.ts';

/** What the filter must know of the policy and the host. */
export interface SeccompOptions {
  readonly network: 'none' | 'serve';
  /** The policy names programs that may be executed; Landlock then decides which. */
  readonly execute: boolean;
  /** Below 3 Landlock does not see truncation, below 6 not signals. */
  readonly landlockAbi: number;
  /** Whether a denied call of that family ends the session. */
  readonly kill: Readonly<Record<'exec' | 'connect' | 'syscall', boolean>>;
}

/** A condition on the low 32 bits of one argument, which is all that the kernel reads of an int or of flags. */
export interface Condition {
  readonly argument: number;
  readonly mask?: number;
  readonly in?: readonly number[];
  readonly notIn?: readonly number[];
}

/** One decision. The first rule of a call that holds decides; a call for which none holds is allowed. */
export interface Rule {
  readonly calls: readonly SyscallName[];
  /** As events, counters and policies name it. */
  readonly label: string;
  /** Why; for `--dry-run` and for whoever reads this table. */
  readonly why: string;
  /** What the supervisor answers when the call is notified. */
  readonly answer: Answer;
  readonly errno: number;
  /** All of them must hold; left out: always. */
  readonly when?: readonly Condition[];
  /** The rule does not hold when all of these do. */
  readonly unless?: readonly Condition[];
  /** Which part of the policy says whether a denial ends the session. */
  readonly family: 'exec' | 'connect' | 'syscall' | 'none';
  /** Without a supervisor: the same errno from the filter itself, or left to the kernel and Landlock. */
  readonly alone: 'errno' | 'allow';
  /** Denied by the filter itself even with a supervisor, and so not seen: where the number has another answer. */
  readonly silent?: boolean;
  /** Left out: in every policy. */
  readonly applies?: (options: SeccompOptions) => boolean;
}

export const EPERM = 1;
export const EACCES = 13;
export const ENOSYS = 38;

// clone(2): CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. (NEWTIME exists for clone3 alone: its
// bit lies in the exit signal of clone.)
const CLONE_NEW =
  0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;
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
// Of linux/fs.h and its like: these need no descriptor that is open for writing.
const FS_IOC_SETFLAGS = 0x4008_6602;
const FS_IOC_SETVERSION = 0x4008_7602;
const FS_IOC_FSSETXATTR = 0x401c_5820;
const FS_IOC_ENABLE_VERITY = 0x4080_6685;
const FS_IOC_SET_ENCRYPTION_POLICY = 0x800c_6613;
const O_ACCMODE = 3;
const O_TRUNC = 0x200;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 1 << 3;
const MINUS_ONE = 0xffff_ffff;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const TIOCCONS = 0x541d;
const TIOCSETD = 0x5423;
const TIOCVHANGUP = 0x5437;

const denied = { answer: 'deny', errno: EPERM, family: 'syscall', alone: 'errno' } as const;
const flag = (argument: number, mask: number): Condition => ({ argument, mask, notIn: [0] });

/**
 * What the fence closes beside Landlock. Conditions look at registers only: memory can change after it was looked at.
 * `fork`, `clone` without namespaces, `read`, `write`, `close`, `dup` are never notified: a signal that arrives
 * while a notified call waits makes it fail with EINTR, which these never do.
 */
export const RULES: readonly Rule[] = [
  // ── namespaces and mounts ──
  {
    ...denied,
    calls: ['unshare', 'setns'],
    label: 'namespace',
    why: 'a user namespace gives every capability over new kernel objects',
  },
  {
    ...denied,
    calls: ['clone'],
    when: [flag(0, CLONE_NEW)],
    label: 'namespace',
    why: 'the same by way of clone; plain clone makes threads and stays',
  },
  {
    ...denied,
    calls: ['clone3'],
    errno: ENOSYS,
    family: 'none',
    label: 'fallback',
    why: 'its flags lie in memory; a C library falls back to clone',
  },
  {
    ...denied,
    calls: [
      'mount',
      'umount2',
      'pivot_root',
      'chroot',
      'fsopen',
      'fsconfig',
      'fsmount',
      'fspick',
      'open_tree',
      'move_mount',
      'mount_setattr',
    ],
    label: 'mount',
    why: 'changes what a path means',
  },

  // ── other processes ──
  {
    ...denied,
    calls: ['ptrace', 'process_vm_readv', 'process_vm_writev', 'kcmp', 'pidfd_getfd', 'process_madvise'],
    label: 'trace',
    why: 'reads or changes another process, its descriptors or its memory',
  },
  {
    ...denied,
    calls: [
      'prlimit64',
      'migrate_pages',
      'move_pages',
      'sched_setparam',
      'sched_setscheduler',
      'sched_setaffinity',
      'sched_setattr',
    ],
    when: [{ argument: 0, notIn: [0] }],
    answer: 'process',
    label: 'trace',
    why: 'outside the session it changes limits, memory and scheduling of the user’s programs; threads of its own are fine',
  },
  {
    ...denied,
    calls: ['setpriority', 'ioprio_set'],
    answer: 'process',
    label: 'trace',
    why: 'the same for priorities, which can also be those of a whole user',
    alone: 'allow', // a thread names itself by number, which a filter cannot tell from others
  },
  {
    ...denied,
    calls: ['kill'],
    when: [{ argument: 0, in: [MINUS_ONE] }],
    label: 'signal',
    why: 'reaches every process of the user; before ABI 6 Landlock does not hold it',
    silent: true,
    applies: (options) => options.landlockAbi < 6,
  },
  {
    ...denied,
    calls: ['kill', 'tkill', 'tgkill', 'rt_sigqueueinfo', 'rt_tgsigqueueinfo'],
    label: 'signal',
    why: 'to processes outside the session; Landlock (ABI 6) holds those that go to groups, too',
    answer: 'process',
    alone: 'allow',
  },
  {
    calls: ['pidfd_send_signal'],
    label: 'signal',
    why: 'seen only: Landlock (ABI 6) keeps signals inside the session',
    answer: 'continue',
    errno: EPERM,
    family: 'none',
    alone: 'allow',
  },

  // ── kernel surface ──
  {
    ...denied,
    calls: [
      'bpf',
      'perf_event_open',
      'userfaultfd',
      'keyctl',
      'add_key',
      'request_key',
      'swapon',
      'swapoff',
      'reboot',
      'kexec_load',
      'kexec_file_load',
      'init_module',
      'finit_module',
      'delete_module',
      'quotactl',
      'quotactl_fd',
      'open_by_handle_at',
      'name_to_handle_at',
      'lookup_dcookie',
      'iopl',
      'ioperm',
      'modify_ldt',
      'acct',
      'settimeofday',
      'clock_settime',
      'sethostname',
      'setdomainname',
      'nfsservctl',
      'vhangup',
      'syslog',
      'uselib',
      'ustat',
    ],
    label: 'kernel',
    why: 'administers the machine, or is kernel surface that no model needs',
  },
  {
    ...denied,
    calls: ['adjtimex', 'clock_adjtime'],
    label: 'kernel',
    why: 'sets the clock',
  },
  {
    ...denied,
    calls: ['personality'],
    unless: [{ argument: 0, in: [0, MINUS_ONE] }],
    label: 'kernel',
    why: 'turns address randomisation off or makes readable memory executable; asking (0xffffffff) is fine',
  },
  {
    ...denied,
    calls: ['io_uring_setup', 'io_uring_enter', 'io_uring_register'],
    errno: ENOSYS,
    label: 'io_uring',
    why: 'does opens and connects that no seccomp filter sees',
  },
  {
    ...denied,
    calls: ['seccomp'],
    when: [flag(1, SECCOMP_FILTER_FLAG_NEW_LISTENER)],
    label: 'seccomp',
    why: 'a supervisor of its own inside the fence; plain filters (the engine’s own pledge) stay',
  },
  {
    ...denied,
    calls: ['ioctl'],
    when: [{ argument: 1, in: [TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSETD, TIOCVHANGUP] }],
    label: 'terminal',
    why: 'types into a terminal, or takes its output or line discipline',
  },

  {
    ...denied,
    calls: ['ioctl'],
    when: [
      {
        argument: 1,
        in: [
          FS_IOC_SETFLAGS,
          FS_IOC_SETVERSION,
          FS_IOC_FSSETXATTR,
          FS_IOC_ENABLE_VERITY,
          FS_IOC_SET_ENCRYPTION_POLICY,
        ],
      },
    ],
    label: 'metadata',
    why: 'changes attributes of files that may only be read, up to making them immutable',
    silent: true,
  },

  // ── programs ──
  {
    calls: ['execve', 'execveat'],
    label: 'exec',
    why: 'the program itself is started once; nothing else is executed',
    answer: 'exec-once',
    errno: EACCES,
    family: 'exec',
    alone: 'allow', // the start itself needs it; Landlock executes nothing but the file
    applies: (options) => !options.execute,
  },
  {
    calls: ['execve', 'execveat'],
    label: 'exec',
    why: 'seen only: the policy lists programs, and Landlock executes no others',
    answer: 'exec',
    errno: EACCES,
    family: 'exec',
    alone: 'allow',
    applies: (options) => options.execute,
  },
  {
    ...denied,
    calls: ['memfd_create', 'memfd_secret'],
    family: 'exec',
    label: 'memfd',
    why: 'a memory file can be executed, and Landlock does not see it',
  },

  // ── sockets ──
  {
    ...denied,
    calls: ['socket'],
    errno: EACCES,
    family: 'connect',
    label: 'socket',
    why: 'no network at all',
    applies: (options) => options.network === 'none',
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
    why: 'a server needs TCP; UDP, MPTCP, raw, netlink, vsock and Unix sockets lead around Landlock’s port rules',
    applies: (options) => options.network === 'serve',
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
    why: 'nothing goes out',
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

  // ── files ──
  {
    ...denied,
    calls: [
      'chmod',
      'fchmod',
      'fchmodat',
      'fchmodat2',
      'chown',
      'fchown',
      'lchown',
      'fchownat',
      'utime',
      'utimes',
      'futimesat',
      'utimensat',
      'setxattr',
      'lsetxattr',
      'fsetxattr',
      'removexattr',
      'lremovexattr',
      'fremovexattr',
      'mknod',
      'mknodat',
    ],
    label: 'metadata',
    why: 'Landlock does not cover modes, owners, times and attributes, even of files outside every grant',
  },
  {
    ...denied,
    calls: ['inotify_init', 'inotify_init1', 'inotify_add_watch', 'fanotify_init', 'fanotify_mark'],
    label: 'metadata',
    why: 'shows what the user does in folders that Landlock does not let it read',
  },
  {
    ...denied,
    calls: ['openat2'],
    errno: ENOSYS,
    family: 'none',
    label: 'fallback',
    why: 'its flags lie in memory; callers fall back to openat',
  },
  {
    ...denied,
    calls: ['open'],
    when: [
      { argument: 1, mask: O_ACCMODE, in: [0] },
      { argument: 1, mask: O_TRUNC, in: [O_TRUNC] },
    ],
    label: 'write',
    why: 'empties a file that may only be read; before ABI 3 Landlock does not hold it',
    silent: true,
    applies: (options) => options.landlockAbi < 3,
  },
  {
    ...denied,
    calls: ['openat'],
    when: [
      { argument: 2, mask: O_ACCMODE, in: [0] },
      { argument: 2, mask: O_TRUNC, in: [O_TRUNC] },
    ],
    label: 'write',
    why: 'empties a file that may only be read; before ABI 3 Landlock does not hold it',
    silent: true,
    applies: (options) => options.landlockAbi < 3,
  },
  {
    ...denied,
    calls: ['truncate'],
    errno: EACCES,
    label: 'write',
    why: 'before ABI 3 Landlock does not hold it',
    applies: (options) => options.landlockAbi < 3,
  },
  {
    calls: [
      'truncate',
      'rename',
      'renameat',
      'renameat2',
      'link',
      'linkat',
      'symlink',
      'symlinkat',
      'unlink',
      'unlinkat',
      'mkdir',
      'mkdirat',
      'rmdir',
    ],
    label: 'open',
    why: 'seen only: Landlock decides; the supervisor reports what lies outside the grants',
    answer: 'open',
    errno: EACCES,
    family: 'none',
    alone: 'allow',
  },
  {
    calls: ['open', 'openat', 'creat'],
    label: 'open',
    why: 'seen only: Landlock decides; the supervisor reports what lies outside the grants',
    answer: 'open',
    errno: EACCES,
    family: 'none',
    alone: 'allow',
  },
];
