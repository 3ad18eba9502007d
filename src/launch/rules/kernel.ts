import { denied, ENOSYS, flag, type Rule } from './rule.ts';

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
];
