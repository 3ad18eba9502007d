import {
  chmodSync,
  closeSync,
  constants,
  type Dirent,
  lstatSync,
  opendirSync,
  openSync,
  readdirSync,
  type Stats,
  statSync,
} from 'node:fs';

/** Counts what a session's private folders hold, a little at a time. */
export interface DiskMeter {
  /**
   * Goes on counting for at most `budgetMs`. Gives the bytes of the last whole count, or of this one where it is more
   * already; Infinity when a folder cannot be counted.
   */
  measure(budgetMs: number, pids: readonly number[]): number;
  /** Lets go of the folders. */
  close(): void;
}

/**
 * A meter of these folders and all below them. Each entry counts with its blocks, and at least with a page, as names take
 * space, too; a file with several names once. Files without a name that a process still has open are counted with it,
 * where its descriptors may be seen. Nothing is followed: neither links nor other file systems.
 */
export function diskMeter(
  folders: readonly string[],
  now: () => number = performance.now.bind(performance),
): DiskMeter {
  let last = 0;
  let walk: Walk | undefined;

  return {
    measure(budgetMs, pids) {
      const until = now() + budgetMs;
      walk ??= begin(folders, pids);
      const whole = advance(walk, () => now() < until);
      const sum = walk.sum;
      if (whole) {
        last = sum;
        walk = undefined;
      }
      return Math.max(last, sum);
    },
    close() {
      for (const { fd } of walk?.open ?? []) closeSync(fd);
      walk = undefined;
    },
  };
}

const LEAST_BYTES = 4096;
const BLOCK_BYTES = 512;
/** Entries between two looks at the clock. */
const AT_ONCE = 64;
/** Every level takes a descriptor of ours. What lies deeper is taken for a way to hide. */
const MAX_DEPTH = 2000;
/** More inodes are not told apart. */
const MAX_INODES = 4_000_000;
/** Linux's value of O_PATH, for which Node has no name. */
const O_PATH = 0x20_0000;

interface Folder {
  readonly fd: number;
  /** By descriptor: the folder itself, whatever its name leads to by now. */
  readonly path: string;
  /** Bytes: a program may give its files any name. */
  readonly names: Buffer[];
}

interface Walk {
  readonly roots: string[];
  readonly pids: number[];
  readonly open: Folder[];
  readonly inodes: Set<number>;
  device: number | undefined;
  sum: number;
}

function begin(folders: readonly string[], pids: readonly number[]): Walk {
  return { roots: [...folders], pids: [...pids], open: [], inodes: new Set(), device: undefined, sum: 0 };
}

/** True when everything has been counted. */
function advance(walk: Walk, goesOn: () => boolean): boolean {
  for (let count = 1; walk.sum !== Number.POSITIVE_INFINITY; count++) {
    if (count % AT_ONCE === 0 && !goesOn()) return false;
    const folder = walk.open.at(-1);
    if (folder !== undefined) step(walk, folder);
    else if (walk.roots.length > 0) enter(walk, walk.roots.pop() ?? '', true);
    else if (walk.pids.length > 0) nameless(walk, walk.pids.pop() ?? 0);
    else return true;
  }
  for (const { fd } of walk.open.splice(0)) closeSync(fd);
  return true;
}

function step(walk: Walk, folder: Folder): void {
  const name = folder.names.pop();
  if (name === undefined) {
    walk.open.pop();
    closeSync(folder.fd);
    return;
  }
  const path = Buffer.concat([Buffer.from(`${folder.path}/`), name]);
  const stats = look(path);
  if (stats === undefined || stats.dev !== walk.device) return;
  add(walk, stats);
  if (!stats.isDirectory()) return;
  if (walk.open.length >= MAX_DEPTH) walk.sum = Number.POSITIVE_INFINITY;
  else enter(walk, path, false);
}

function add(walk: Walk, stats: Stats): void {
  if (walk.inodes.has(stats.ino)) return;
  if (walk.inodes.size < MAX_INODES) walk.inodes.add(stats.ino);
  walk.sum += Math.max(LEAST_BYTES, stats.blocks * BLOCK_BYTES);
}

function enter(walk: Walk, path: string | Buffer, root: boolean): void {
  let fd: number | undefined;
  try {
    fd = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const place = `/proc/self/fd/${fd}`;
    if (root) walk.device ??= statSync(place).dev;
    walk.open.push({ fd, path: place, names: list(place) });
  } catch (cause) {
    if (fd !== undefined) closeSync(fd);
    const { code } = cause as NodeJS.ErrnoException;
    // Gone or exchanged meanwhile: the next count sees it. One that cannot be listed hides what is in it.
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') walk.sum = Number.POSITIVE_INFINITY;
  }
}

// A folder of ours that its own mode does not let us list is opened up for that moment.
function list(path: string): Buffer[] {
  try {
    return names(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EACCES') throw cause;
    const { mode } = statSync(path);
    chmodSync(path, mode | 0o500);
    try {
      return names(path);
    } finally {
      chmodSync(path, mode);
    }
  }
}

function names(path: string): Buffer[] {
  const found: Buffer[] = [];
  const folder = opendirSync(path, { encoding: 'buffer' as BufferEncoding });
  try {
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      found.push((entry as unknown as Dirent<Buffer>).name);
    }
  } finally {
    folder.closeSync();
  }
  return found;
}

function look(path: Buffer): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined; // gone meanwhile
  }
}

/** Files that a process has open and that have no name any more. */
function nameless(walk: Walk, pid: number): void {
  let descriptors: string[];
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return; // ended, or not to be looked into: SECURITY.md says so
  }
  for (const descriptor of descriptors) {
    try {
      const stats = statSync(`/proc/${pid}/fd/${descriptor}`);
      if (stats.nlink === 0 && stats.isFile() && stats.dev === walk.device) add(walk, stats);
    } catch {
      // closed meanwhile
    }
  }
}
