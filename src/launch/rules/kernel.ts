import { denied, ENOSYS, ENOTTY, flag, type Rule } from './rule.ts';

// Of linux/fs.h and its like: these need no descriptor that is open for writing.
const FS_IOC_SETFLAGS = 0x4008_6602;
const FS_IOC_SETVERSION = 0x4008_7602;
const FS_IOC_FSSETXATTR = 0x401c_5820;
const FS_IOC_ENABLE_VERITY = 0x4080_6685;
const FS_IOC_SET_ENCRYPTION_POLICY = 0x800c_6613;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 1 << 3;
const MINUS_ONE = 0xffff_ffff;
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const TIOCCONS = 0x541d;
const TIOCSETD = 0x5423;
const TIOCVHANGUP = 0x5437;

/** Requests of ioctl that a model may make; numbers of asm-generic/ioctls.h, linux/{fs,fiemap,sockios}.h. */
const HARMLESS_REQUESTS: readonly number[] = [
  ...[0x5401, 0x5402, 0x5403, 0x5404, 0x5405, 0x5406, 0x5407, 0x5408], // TCGETS to TCSETSF, TCGETA to TCSETAF
  ...[0x802c_542a, 0x402c_542b, 0x402c_542c, 0x402c_542d], // TCGETS2 to TCSETSF2
  ...[0x5409, 0x540a, 0x540b, 0x5425], // TCSBRK, TCXONC, TCFLSH, TCSBRKP
  ...[0x540f, 0x5410, 0x5411, 0x5413, 0x5414, 0x5422, 0x5429], // groups and sessions, TIOCOUTQ, window size
  ...[0x541b, 0x5421, 0x5450, 0x5451, 0x5452, 0x5460], // FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FIOASYNC, FIOQSIZE
  ...[0x8903, 0x8904, 0x8905], // FIOGETOWN, SIOCGPGRP, SIOCATMARK
  ...[0x8910, 0x8912, 0x8913, 0x8915, 0x8919, 0x891b, 0x8933], // names, addresses and flags of network interfaces
  ...[0x2, 0xc020_660b, 0x8008_6601, 0x801c_581f], // FIGETBSZ, FIEMAP, and reading attributes
];
/** FICLONE, FICLONERANGE, FIDEDUPERANGE of linux/fs.h, between open descriptors; once btrfs's own, and still of its type. */
const COPY_REQUESTS: readonly number[] = [0x4004_9409, 0x4020_940d, 0xc018_9436];
const REQUEST_TYPE = 0xff00;
const BTRFS_TYPE = 0x9400;
const BCACHEFS_TYPE = 0xbc00;
/** FS_IOC_ADD_ENCRYPTION_KEY, FS_IOC_REMOVE_ENCRYPTION_KEY and its _ALL_USERS, by type and number. */
const ENCRYPTION_KEYS: readonly number[] = [0x6617, 0x6618, 0x6619];

/** Calls that administer the machine, and kernel surface that no model needs. */
export const KERNEL_RULES: readonly Rule[] = [
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
      'lsm_set_self_attr',
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
  {
    ...denied,
    calls: ['ioctl'],
    when: [{ argument: 1, mask: REQUEST_TYPE, in: [BTRFS_TYPE, BCACHEFS_TYPE] }],
    unless: [{ argument: 1, in: COPY_REQUESTS }],
    label: 'metadata',
    why: 'make, remove and copy subvolumes in folders that may only be read: Landlock does not look there',
    silent: true,
  },
  {
    ...denied,
    calls: ['ioctl'],
    when: [{ argument: 1, mask: 0xffff, in: ENCRYPTION_KEYS }],
    label: 'metadata',
    why: 'adds, and takes away, the keys of encrypted folders',
    silent: true,
  },
  {
    ...denied,
    calls: ['ioctl'],
    unless: [{ argument: 1, in: [...HARMLESS_REQUESTS, ...COPY_REQUESTS] }],
    errno: ENOTTY,
    label: 'device',
    why: 'drives devices, which Landlock sees from ABI 5 on, and changes file systems, which it never sees',
    silent: true,
    applies: (options) => options.devices !== true,
  },
];
