import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type LockedEntry, lockDescriptor } from '../gate/lock.ts';
import { PaddockError } from '../lib/errors.ts';
import { makeFolders } from '../lib/paths.ts';
import { SESSION_ID } from './start.ts';

/** What a session may use at most: its limits, or all that the machine has. */
export interface Demand {
  readonly memoryBytes: number;
  readonly cpus: number;
}

/** A session that runs now. */
export interface Registered extends Demand {
  readonly id: string;
  readonly uid: number;
  /** Process id of its launcher, where it says one. */
  readonly pid?: number;
}

/** Where sessions are counted. */
export interface Register {
  readonly folder: string;
  /** Of the whole host, or of this user alone. */
  readonly scope: 'host' | 'user';
}

/** The entry of a session. While it is held, the session counts; it ends with its process, however that ends. */
export interface Registration {
  /** To be passed on to the gate, which holds it, too. */
  readonly fd: number;
  release(): void;
}

/** One for all users of the machine, if an administrator has made it. */
export const HOST_REGISTER = '/run/paddock';

/**
 * The register to use: that of the host where there is one, which must be root's, and sticky where others may write; else
 * the user's own, which is made.
 * @throws PaddockError `io` for one of the host that others could tamper with.
 */
export function chooseRegister(hostFolder: string, stateDir: string, root = 0): Register {
  const fault = faultOf(hostFolder, root);
  if (fault === undefined) return { folder: hostFolder, scope: 'host' };
  if (fault !== MISSING) {
    throw new PaddockError('io', 'the register of sessions of this host is not safe', {
      where: hostFolder,
      expected: 'a folder of root, with mode 1777 or narrower',
      found: fault,
      remedy: `as root: install -d -m 1777 ${hostFolder}`,
    });
  }
  const folder = join(stateDir, 'register');
  makeFolders(folder, 0o700);
  return { folder, scope: 'user' };
}

export interface RegisterInput {
  readonly gate: string;
  readonly register: Register;
  readonly id: string;
  readonly uid: number;
  readonly pid: number;
  readonly demand: Demand;
  /** What a session counts for that does not say it. */
  readonly unknown: Demand;
  /** Throws when these sessions and this one are more than there may be. Nobody can start another meanwhile. */
  check(running: readonly Registered[]): void;
}

/**
 * Counts the sessions that run, and adds this one; both while the register is locked. What dead sessions have left is
 * removed.
 * @throws whatever `check` throws; PaddockError `io`, `gate-failed`
 */
export function registerSession(input: RegisterInput): Registration {
  try {
    return underLock(input);
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('io', 'the session cannot be entered in the register of sessions', {
      where: input.register.folder,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'free space there, or correct its owner and mode',
      cause,
    });
  }
}

function underLock(input: RegisterInput): Registration {
  const { gate, register, uid, unknown } = input;
  const folder = openRegister(register, uid);
  try {
    const entries = distinct(lockDescriptor(gate, folder));
    for (const { name, held, uid: owner } of entries) {
      if (!held && (owner === uid || uid === 0)) drop(join(register.folder, name));
    }
    const running = entries
      .filter(({ held }) => held)
      .map((entry) => ({
        ...said(join(register.folder, entry.name), unknown),
        id: entry.name,
        uid: entry.uid,
      }));
    input.check(running);
    return enter(input);
  } finally {
    closeSync(folder); // and with it the lock
  }
}

const MISSING = 'nothing';
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

function faultOf(folder: string, root: number): string | undefined {
  try {
    const stats = lstatSync(folder);
    if (stats.isSymbolicLink() || !stats.isDirectory()) return 'something that is no folder';
    if (stats.uid !== root) return `a folder of user ${stats.uid}`;
    const mode = stats.mode & 0o7777;
    return (mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0 ? `mode ${mode.toString(8)}` : undefined;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return MISSING;
    return String(code);
  }
}

function openRegister({ folder, scope }: Register, uid: number): number {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  if (scope === 'host') return fd;
  const stats = fstatSync(fd);
  if (stats.uid === uid && (stats.mode & OTHERS_WRITE) === 0) return fd;
  closeSync(fd);
  throw new PaddockError('io', 'the register of your sessions is not safe', {
    where: folder,
    expected: 'a folder of your own that nobody else can write to',
    found: `owner ${stats.uid}, mode ${(stats.mode & 0o777).toString(8)}`,
    remedy: 'correct its owner and mode (0700)',
  });
}

/** Entries that are called as sessions are; of several names for one file the first. */
function distinct(entries: readonly LockedEntry[]): LockedEntry[] {
  const seen = new Set<number>();
  return entries.filter(({ name, inode }) => {
    if (!SESSION_ID.test(name) || seen.has(inode)) return false;
    seen.add(inode);
    return true;
  });
}

/** Larger ones are not ours. */
const MAX_ENTRY_BYTES = 1024;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What an entry says; whatever it does not say well counts in full. */
function said(path: string, unknown: Demand): Demand & { pid?: number } {
  try {
    const fd = openSync(path, READ);
    try {
      const bytes = Buffer.alloc(MAX_ENTRY_BYTES);
      const length = readSync(fd, bytes, 0, MAX_ENTRY_BYTES, 0);
      const { pid, memoryBytes, cpus } = JSON.parse(bytes.toString('latin1', 0, length)) as Record<
        string,
        unknown
      >;
      return {
        memoryBytes: atMost(memoryBytes, unknown.memoryBytes),
        cpus: atMost(cpus, unknown.cpus),
        ...(Number.isSafeInteger(pid) ? { pid: pid as number } : {}),
      };
    } finally {
      closeSync(fd);
    }
  } catch {
    return unknown; // not to be read, or no entry of ours: it counts all the same
  }
}

function atMost(value: unknown, most: number): number {
  return typeof value === 'number' && value >= 0 && value <= most ? value : most;
}

const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

// Under the lock of the register nobody counts; a kill in between leaves an entry that nobody holds.
function enter({ gate, register, id, pid, demand }: RegisterInput): Registration {
  const path = join(register.folder, id);
  const fd = openSync(path, CREATE, 0o600);
  try {
    // Whoever counts must be able to try the lock, and that takes reading.
    if (register.scope === 'host') fchmodSync(fd, 0o644);
    const bytes = Buffer.from(`${JSON.stringify({ pid, ...demand })}\n`);
    if (writeSync(fd, bytes) !== bytes.length) throw new Error('the disk is full');
    lockDescriptor(gate, fd);
  } catch (cause) {
    drop(path);
    closeSync(fd);
    throw cause;
  }
  let released = false;
  return {
    fd,
    release() {
      if (released) return;
      released = true;
      drop(path);
      closeSync(fd);
    },
  };
}

function drop(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // gone already, or not ours to remove: without a lock it does not count
  }
}
