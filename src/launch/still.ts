import type { Changers } from './changers.ts';

/** What the kernel says to a read lease on the judged file (src/gate/lease.h). */
export type Lease =
  /** Nobody can open it for writing before the session has ended. */
  | 'held'
  /** Somebody has it open for writing, or mapped so. */
  | 'busy'
  /** It belongs to another user, and the capability CAP_LEASE is missing. */
  | 'not-ours'
  /** The file system has no leases, or they tell nothing of writers elsewhere. */
  | 'unsupported';

/** How it is made sure that what was judged is what runs. */
export type Stillness =
  /** fs-verity: the file system lets nobody change it. */
  | 'sealed'
  /** A lease from before the first byte is judged to the end: who wants to write waits, and the session is ended. */
  | 'lease'
  /** Nobody but root and the user may change it; looked at again before the start, while it runs and at the end. */
  | 'restat'
  /** A private copy is judged and run. */
  | 'copy';

/** `isolation.copy` of the policy. */
export type CopyMode = 'auto' | 'always';

interface Row {
  readonly copy?: CopyMode;
  readonly verity?: true;
  readonly lease?: Lease;
  readonly changers?: Changers;
  readonly how: Stillness;
  readonly why: string;
}

/**
 * The first row that fits decides; what a row does not name may be anything. docs/check-to-exec.md shows this table.
 */
export const STILLNESS: readonly Row[] = [
  { copy: 'always', how: 'copy', why: 'the policy asks for a private copy' },
  { verity: true, how: 'sealed', why: 'fs-verity: the file system lets nobody change it' },
  { lease: 'held', how: 'lease', why: 'nobody can write to it before the session has ended' },
  { lease: 'busy', how: 'copy', why: 'somebody has it open for writing' },
  { changers: 'root', how: 'restat', why: 'nobody but root may change it' },
  { changers: 'user', how: 'restat', why: 'nobody but the user and root may change it' },
  { how: 'copy', why: 'others may change it, and it cannot be held still' },
];

export interface StillFacts {
  readonly copy: CopyMode;
  readonly verity: boolean;
  readonly lease: Lease;
  readonly changers: Changers;
}

/** What is to be done for a file of which this is known. */
export function chooseStillness(facts: StillFacts): Pick<Row, 'how' | 'why'> {
  const fits = (row: Row): boolean =>
    (row.copy === undefined || row.copy === facts.copy) &&
    (row.verity === undefined || row.verity === facts.verity) &&
    (row.lease === undefined || row.lease === facts.lease) &&
    (row.changers === undefined || row.changers === facts.changers);
  return STILLNESS.find(fits) ?? { how: 'copy', why: 'nothing is known of it' };
}

/**
 * File systems whose leases hold against every writer: all writes come through this kernel. On the others (NFS, SMB, FUSE,
 * overlays, 9p …) somebody may write where this kernel does not see it. `statfs` magic numbers of linux/magic.h.
 */
export const LEASE_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext2, ext3, ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0xf2f52010, 'f2fs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0xca451a4e, 'bcachefs'],
  [0x2fc12fc1, 'zfs'],
]);

const EPERM = 1;
const EAGAIN = 11;
const EACCES = 13;

/** What the errno of F_SETLEASE comes to; 0 is success. `fileSystem` is the type that `statfs` gives. */
export function leaseOf(errno: number, fileSystem: number): Lease {
  if (errno === EAGAIN) return 'busy';
  if (!LEASE_FILE_SYSTEMS.has(fileSystem)) return 'unsupported';
  if (errno === 0) return 'held';
  return errno === EACCES || errno === EPERM ? 'not-ours' : 'unsupported';
}
