import type { Architecture } from '../format/anatomy.ts';

/**
 * System call numbers: [x86-64, aarch64], null where the machine has no such call. Source: arch/x86/entry/syscalls/syscall_64.tbl
 * and include/uapi/asm-generic/unistd.h of Linux. Only those that a rule names.
 */
const NUMBERS = {
  // files
  open: [2, null],
  openat: [257, 56],
  openat2: [437, 437],
  creat: [85, null],
  truncate: [76, 45],
  rename: [82, null],
  renameat: [264, 38],
  renameat2: [316, 276],
  link: [86, null],
  linkat: [265, 37],
  symlink: [88, null],
  symlinkat: [266, 36],
  unlink: [87, null],
  unlinkat: [263, 35],
  mkdir: [83, null],
  mkdirat: [258, 34],
  rmdir: [84, null],
  // programs
  execve: [59, 221],
  execveat: [322, 281],
  memfd_create: [319, 279],
  mmap: [9, 222],
  mprotect: [10, 226],
  pkey_mprotect: [329, 288],
  memfd_secret: [447, 447],
  clone: [56, 220],
  clone3: [435, 435],
  // sockets
  socket: [41, 198],
  socketpair: [53, 199],
  connect: [42, 203],
  bind: [49, 200],
  listen: [50, 201],
  sendto: [44, 206],
  sendmsg: [46, 211],
  sendmmsg: [307, 269],
  setsockopt: [54, 208],
  // namespaces and mounts
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  open_tree: [428, 428],
  move_mount: [429, 429],
  mount_setattr: [442, 442],
  // other processes
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  process_madvise: [440, 440],
  process_mrelease: [448, 448],
  prlimit64: [302, 261],
  setrlimit: [160, 164],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  kill: [62, 129],
  pidfd_send_signal: [424, 424],
  pidfd_open: [434, 434],
  fcntl: [72, 25],
  tkill: [200, 130],
  tgkill: [234, 131],
  rt_sigqueueinfo: [129, 138],
  rt_tgsigqueueinfo: [297, 240],
  setpriority: [141, 140],
  ioprio_set: [251, 30],
  sched_setparam: [142, 118],
  sched_setscheduler: [144, 119],
  sched_setaffinity: [203, 122],
  sched_setattr: [314, 274],
  // kernel
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  open_by_handle_at: [304, 265],
  name_to_handle_at: [303, 264],
  lookup_dcookie: [212, 18],
  iopl: [172, null],
  ioperm: [173, null],
  modify_ldt: [154, null],
  acct: [163, 89],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  adjtimex: [159, 171],
  clock_adjtime: [305, 266],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  nfsservctl: [180, 42],
  vhangup: [153, 58],
  syslog: [103, 116],
  personality: [135, 92],
  uselib: [134, null],
  ustat: [136, null],
  lsm_set_self_attr: [460, 460],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  seccomp: [317, 277],
  ioctl: [16, 29],
  // metadata
  chmod: [90, null],
  fchmod: [91, 52],
  fchmodat: [268, 53],
  fchmodat2: [452, 452],
  chown: [92, null],
  fchown: [93, 55],
  lchown: [94, null],
  fchownat: [260, 54],
  utime: [132, null],
  utimes: [235, null],
  futimesat: [261, null],
  utimensat: [280, 88],
  setxattr: [188, 5],
  lsetxattr: [189, 6],
  fsetxattr: [190, 7],
  removexattr: [197, 14],
  lremovexattr: [198, 15],
  fremovexattr: [199, 16],
  mknod: [133, null],
  mknodat: [259, 33],
  inotify_init: [253, null],
  inotify_init1: [294, 26],
  inotify_add_watch: [254, 27],
  fanotify_init: [300, 262],
  fanotify_mark: [301, 263],
  // System V and POSIX message objects
  shmget: [29, 194],
  shmat: [30, 196],
  shmctl: [31, 195],
  msgget: [68, 186],
  msgsnd: [69, 189],
  msgrcv: [70, 188],
  msgctl: [71, 187],
  semget: [64, 190],
  semop: [65, 193],
  semtimedop: [220, 192],
  semctl: [66, 191],
  mq_open: [240, 180],
  mq_unlink: [241, 181],
} as const satisfies Readonly<Record<string, readonly [number, number | null]>>;

export type SyscallName = keyof typeof NUMBERS;

/** Every name in the table. */
export const SYSCALL_NAMES = Object.keys(NUMBERS) as readonly SyscallName[];

/**
 * The last number that the rules were written for (mseal, Linux 6.10). Later ones answer ENOSYS, so that a C library
 * falls back: EPERM would look like a refusal of something that it needs.
 */
export const LAST_KNOWN = 462;

/** Numbers from here on are the x32 entry points of an x86-64 kernel. */
export const X32_BIT = 0x4000_0000;

/** AUDIT_ARCH_* of linux/audit.h. */
export const AUDIT_ARCH: Readonly<Record<Architecture, number>> = {
  'x86-64': 0xc000_003e,
  aarch64: 0xc000_00b7,
};

/** The number of a call on this machine; undefined where it has none. */
export function syscallNumber(arch: Architecture, name: SyscallName): number | undefined {
  return NUMBERS[name][arch === 'x86-64' ? 0 : 1] ?? undefined;
}
