import { landlockHolds } from '../matrix.ts';
import { denied, EACCES, ENOSYS, flag, type Rule, type SeccompOptions } from './rule.ts';

const O_ACCMODE = 3;
const O_TRUNC = 0x200;
const F_SETLEASE = 1024;
const F_NOTIFY = 1026;
const F_SETPIPE_SZ = 1031;
const O_CREAT_OR_TMPFILE = 0x40 | 0x40_0000;
const SET_ID = 0o6000;

const beforeTruncate = (options: SeccompOptions): boolean => !landlockHolds('truncate', options.landlockAbi);

const SET_ID_WHY =
  'a file is made set-user-id with its creation as well as by chmod, and others can be made to run it';

/** Creating a file with such a mode; the mode stands behind the flags. */
function creating(call: 'open' | 'openat', flags: number): Rule[] {
  return [
    {
      ...denied,
      calls: [call],
      when: [flag(flags, O_CREAT_OR_TMPFILE), flag(flags + 1, SET_ID)],
      label: 'metadata',
      why: SET_ID_WHY,
      silent: true,
    },
  ];
}

/** What Landlock does not see of files; and opens, to be seen. */
export const FILE_RULES: readonly Rule[] = [
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
    calls: ['fcntl'],
    when: [{ argument: 1, in: [F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ] }],
    label: 'metadata',
    why: 'a lease makes whoever writes to a file that may only be read wait for 45 seconds; F_NOTIFY is an older inotify; large pipes take pages from all processes of the user (F_SETPIPE_SZ)',
    silent: true,
  },
  ...creating('open', 1),
  ...creating('openat', 2),
  {
    ...denied,
    calls: ['creat'],
    when: [flag(1, SET_ID)],
    label: 'metadata',
    why: SET_ID_WHY,
    silent: true,
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
    applies: beforeTruncate,
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
    applies: beforeTruncate,
  },
  {
    ...denied,
    calls: ['truncate'],
    errno: EACCES,
    label: 'write',
    why: 'before ABI 3 Landlock does not hold it',
    applies: beforeTruncate,
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
