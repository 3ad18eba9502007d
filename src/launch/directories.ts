import {
  chmodSync,
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  opendirSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import type { Environment } from '../lib/paths.ts';
import type { LaunchPlan } from './plan.ts';

export type SessionDirectories = LaunchPlan['directories'];

/**
 * The private folders of one session, mode 0700, under a name that nobody can guess beforehand. `root` itself is not
 * granted to the program: what lies there beside `home`, `tmp` and `work` is paddock's.
 * @throws PaddockError `io`
 */
export function makeDirectories(env: Environment, uid: number): SessionDirectories {
  const tried: string[] = [];
  for (const base of candidates(env, uid)) {
    try {
      const directories = below(mkdtempSync(join(base, 'paddock-')));
      for (const path of [directories.home, directories.tmp, directories.work])
        mkdirSync(path, { mode: 0o700 });
      return directories;
    } catch (cause) {
      // The next candidate may do; what was wrong with each is told if none does.
      tried.push(`${base}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
  throw new PaddockError('io', 'no private folder for the session can be made', {
    expected: 'a writable XDG_RUNTIME_DIR, TMPDIR or /tmp',
    found: tried.join('; '),
    remedy: 'set TMPDIR to a folder that you may write to',
  });
}

/** The names alone, for a plan that is only shown. */
export function below(root: string): SessionDirectories {
  return { root, home: join(root, 'home'), tmp: join(root, 'tmp'), work: join(root, 'work') };
}

/** More entries than this are left behind rather than removed: the caller says so. */
const MAX_ENTRIES = 10_000_000;

/**
 * Removes the session's folders when all its processes are gone. The program chose every name, mode and depth in
 * there, and where it was granted the folder around them even `root` is whatever it has put in its place. So every
 * folder is held by a descriptor that is no link before anything in it is touched, and subfolders are moved up before
 * they are emptied, so that no depth is too deep. Gives the number of entries that could not be removed.
 */
export function removeDirectories(directories: SessionDirectories): number {
  const root = hold(Buffer.from(directories.root));
  if (root === undefined) return 1;
  const sweep: Sweep = { root: root.path, moved: 0, entries: 0, failed: 0, pending: [] };
  try {
    empty(sweep, root.path);
    while (sweep.pending.length > 0 && sweep.entries < MAX_ENTRIES) {
      const directory = sweep.pending.at(-1);
      if (directory === undefined) break;
      const before = sweep.pending.length;
      emptyFolder(sweep, directory);
      if (sweep.pending.length > before) continue; // subfolders first
      sweep.pending.pop();
      attempt(sweep, () => rmdirSync(directory));
    }
  } finally {
    closeSync(root.fd);
  }
  attempt(sweep, () => rmdirSync(directories.root));
  return sweep.failed + sweep.pending.length;
}

interface Sweep {
  /** By descriptor: the folder itself, whatever its name leads to by now. */
  readonly root: Buffer;
  readonly pending: Buffer[];
  moved: number;
  entries: number;
  failed: number;
}

// Linux's value of O_PATH, for which Node has no name: the folder is named without being opened, whatever its mode.
const O_PATH = 0o10000000;
const HOLD = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

function hold(path: Buffer): { readonly fd: number; readonly path: Buffer } | undefined {
  try {
    const fd = openSync(path, HOLD);
    return { fd, path: Buffer.from(`/proc/self/fd/${fd}`) };
  } catch {
    return undefined; // gone, or no folder: a link is not followed
  }
}

function emptyFolder(sweep: Sweep, directory: Buffer): void {
  const held = hold(directory);
  if (held === undefined) {
    sweep.failed++;
    return;
  }
  try {
    empty(sweep, held.path);
  } finally {
    closeSync(held.fd);
  }
}

function empty(sweep: Sweep, directory: Buffer): void {
  attempt(sweep, () => {
    chmodSync(directory, 0o700); // a folder of mode 0 would hide its entries from its own owner
    // latin1 keeps every byte of a name: they need not be UTF-8.
    const stream = opendirSync(directory, { encoding: 'latin1', bufferSize: 256 });
    try {
      for (let entry = stream.readSync(); entry !== null; entry = stream.readSync()) {
        if (++sweep.entries > MAX_ENTRIES) return;
        const path = Buffer.concat([directory, Buffer.from('/'), Buffer.from(entry.name, 'latin1')]);
        attempt(sweep, () => remove(sweep, directory, path));
      }
    } finally {
      stream.closeSync();
    }
  });
}

function remove(sweep: Sweep, directory: Buffer, path: Buffer): void {
  if (!lstatSync(path).isDirectory()) {
    unlinkSync(path);
    return;
  }
  if (directory.equals(sweep.root)) {
    sweep.pending.push(path);
    return;
  }
  makeMovable(path);
  const top = Buffer.concat([sweep.root, Buffer.from(`/.sweep-${sweep.moved++}`)]);
  renameSync(path, top);
  sweep.pending.push(top);
}

// Moving a folder writes its `..`.
function makeMovable(path: Buffer): void {
  const held = hold(path);
  if (held === undefined) return; // the renaming says what is wrong
  try {
    chmodSync(held.path, 0o700);
  } finally {
    closeSync(held.fd);
  }
}

function attempt(sweep: Sweep, action: () => void): void {
  try {
    action();
  } catch {
    sweep.failed++; // counted and reported; one stubborn entry must not keep the others
  }
}

/** Where private folders are made, best first. */
export function candidates(env: Environment, uid: number): string[] {
  const runtime = env.XDG_RUNTIME_DIR;
  const own = runtime !== undefined && isAbsolute(runtime) && isPrivate(runtime, uid) ? [runtime] : [];
  const temporary = env.TMPDIR !== undefined && isAbsolute(env.TMPDIR) ? [env.TMPDIR] : [];
  return [...new Set([...own, ...temporary, tmpdir(), '/tmp'])];
}

function isPrivate(path: string, uid: number): boolean {
  try {
    const stat = lstatSync(path);
    return stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0;
  } catch {
    return false; // not there: the next candidate
  }
}
