import { RLIMIT } from '../limits.ts';
import { landlockHolds } from '../matrix.ts';
import { denied, EACCES, EPERM, flag, type Rule, type SeccompOptions } from './rule.ts';

const SIGN_BIT = 0x8000_0000;
const F_SETOWN = 8;
const F_SETOWN_EX = 15;
const FIOSETOWN = 0x8901;
const SIOCSPGRP = 0x8902;
const PRIO_PROCESS = 0;

const beforeScope = (options: SeccompOptions): boolean => !landlockHolds('signals', options.landlockAbi);

/** Other processes: the user’s, and new programs of the session’s own. */
export const PROCESS_RULES: readonly Rule[] = [
  {
    ...denied,
    calls: [
      'ptrace',
      'process_vm_readv',
      'process_vm_writev',
      'kcmp',
      'pidfd_getfd',
      'process_madvise',
      'process_mrelease',
    ],
    label: 'trace',
    why: 'reads or changes another process, its descriptors or its memory',
  },
  {
    ...denied,
    calls: ['prlimit64'],
    when: [{ argument: 0, notIn: [0] }],
    label: 'trace',
    why: 'limits of another process; its own go by 0, and by its own number it could get around the rule below',
  },
  {
    ...denied,
    calls: ['prlimit64'],
    when: [{ argument: 1, in: [RLIMIT.core] }],
    label: 'fallback',
    why: 'a core limit of 0 in place of 1 would give its memory to the crash handler of the host, which may run as root',
    silent: true,
  },
  {
    ...denied,
    calls: ['setrlimit'],
    when: [{ argument: 0, in: [RLIMIT.core] }],
    label: 'fallback',
    why: 'the same by the older call',
  },
  {
    ...denied,
    calls: ['sched_setaffinity'],
    label: 'priority',
    why: 'the CPUs that it may use are its limit of CPUs, and the kernel lets every thread choose again',
    applies: ({ bound }) => bound === true,
  },
  {
    ...denied,
    calls: ['ioprio_set'],
    label: 'priority',
    why: 'every program may move to the front of its class, before the programs of other users; engines never do',
  },
  {
    ...denied,
    calls: ['migrate_pages', 'move_pages', 'sched_setparam', 'sched_setscheduler', 'sched_setattr'],
    when: [{ argument: 0, notIn: [0] }],
    answer: 'process',
    label: 'trace',
    why: 'outside the session it changes limits, memory and scheduling of the user’s programs; threads of its own are fine',
  },
  {
    ...denied,
    calls: ['sched_setaffinity'],
    when: [{ argument: 0, notIn: [0] }],
    answer: 'process',
    label: 'trace',
    why: 'the same for the CPUs of another program',
    applies: ({ bound }) => bound !== true,
  },
  {
    ...denied,
    calls: ['setpriority'],
    when: [{ argument: 1, notIn: [0] }],
    answer: 'process',
    label: 'trace',
    why: 'the same for priorities',
  },
  {
    ...denied,
    calls: ['setpriority'],
    when: [{ argument: 0, notIn: [PRIO_PROCESS] }],
    answer: 'process',
    label: 'trace',
    why: 'the same for those of a whole group or user',
  },
  {
    ...denied,
    calls: ['kill'],
    when: [flag(0, SIGN_BIT)],
    label: 'signal',
    why: 'to a group or to all: before ABI 6 Landlock does not leave out what is outside the session',
    silent: true,
    applies: beforeScope,
  },
  {
    ...denied,
    calls: ['kill'],
    when: [{ argument: 0, in: [0] }],
    label: 'signal',
    why: 'the same for the caller’s own group, in which the launcher is, too',
    silent: true,
    applies: beforeScope,
  },
  {
    ...denied,
    calls: ['pidfd_open'],
    label: 'signal',
    why: 'of processes outside the session: before ABI 6 signals by descriptor are not held',
    answer: 'process',
    alone: 'allow',
    applies: beforeScope,
  },
  {
    ...denied,
    calls: ['fcntl'],
    when: [{ argument: 1, in: [F_SETOWN, F_SETOWN_EX] }],
    label: 'signal',
    why: 'the kernel would signal another process when input comes; Landlock holds it from ABI 6 on',
    applies: beforeScope,
  },
  {
    ...denied,
    calls: ['ioctl'],
    when: [{ argument: 1, in: [FIOSETOWN, SIOCSPGRP] }],
    label: 'signal',
    why: 'the same',
    silent: true,
    applies: beforeScope,
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
];
