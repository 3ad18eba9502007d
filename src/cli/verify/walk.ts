import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readSync,
  statfsSync,
} from 'node:fs';
import { join } from 'node:path';
import { APE_MAGICS } from '../../format/ape.ts';
import { PaddockError } from '../../lib/errors.ts';
import { type Failure, failureOf } from '../../report/outcome.ts';

/** What is in a folder, as far as `paddock verify` is concerned. */
export interface Walked {
  readonly root: string;
  /** Paths of what claims to be a llamafile, by content or by name; in the order of a sorted listing. */
  readonly files: readonly string[];
  /** Folders and files that could not be looked at. */
  readonly problems: readonly { readonly path: string; readonly failure: Failure }[];
  /** Other regular files. */
  readonly others: number;
  /** Symbolic links, which are not followed. */
  readonly links: number;
  /** Pipes, sockets, devices, and file systems of the kernel. */
  readonly special: number;
  /** A bound was reached: there is more that was not looked at. */
  readonly cut: boolean;
}

export interface Bounds {
  /** Folders within folders. */
  readonly depth: number;
  /** Entries of folders, of whatever kind. */
  readonly entries: number;
  readonly files: number;
}

export const BOUNDS: Bounds = { depth: 40, entries: 500_000, files: 20_000 };

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends readonly (infer Item)[] ? Item[] : T[Key] };
interface State extends Mutable<Walked> {
  seen: number;
  readonly bounds: Bounds;
  readonly looked: (entries: number) => void;
}

/**
 * Looks for llamafiles in a folder and all below it. What counts: a file that begins with an APE magic, an ELF program with an
 * archive at its end, and whatever is called `.llamafile`. Of other files it reads eight bytes. Symbolic links are not followed: what
 * they lead to inside is found anyway, and what lies outside was not asked for. `looked` is told how many entries were seen.
 */
export function walk(
  root: string,
  bounds: Bounds = BOUNDS,
  looked: (entries: number) => void = () => {},
): Walked {
  const state: State = {
    ...{ root, files: [], problems: [], others: 0, links: 0, special: 0, cut: false },
    ...{ seen: 0, bounds, looked },
  };
  visit(state, root, 0);
  const { seen: _, bounds: __, looked: ___, ...walked } = state;
  return walked;
}

function visit(state: State, folder: string, depth: number): void {
  let entries: Dirent[];
  try {
    entries = list(state, folder);
  } catch (cause) {
    state.problems.push({ path: folder, failure: unlisted(cause) }); // told, and never a pass
    return;
  }
  state.looked(state.seen);
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) state.links++;
    else if (entry.isDirectory()) descend(state, path, depth + 1);
    else if (entry.isFile()) look(state, path, entry.name);
    else state.special++;
  }
}

function list(state: State, folder: string): Dirent[] {
  const entries: Dirent[] = [];
  const opened = opendirSync(folder);
  try {
    for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) {
      if (++state.seen > state.bounds.entries) {
        state.cut = true;
        break;
      }
      entries.push(entry);
    }
  } finally {
    opened.closeSync();
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function descend(state: State, path: string, depth: number): void {
  if (depth > state.bounds.depth) state.cut = true;
  else if (ofKernel(path)) state.special++;
  else visit(state, path, depth);
}

/** proc, sysfs, debugfs, tracefs, securityfs, cgroup2, devpts: nobody keeps models there, and reading has effects. */
const KERNEL_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  ...[0x9fa0, 0x62656572, 0x64626720, 0x74726163, 0x73636673, 0x63677270, 0x1cd1],
]);

function ofKernel(path: string): boolean {
  try {
    return KERNEL_FILE_SYSTEMS.has(statfsSync(path).type);
  } catch {
    return false; // it will be told when the folder cannot be listed
  }
}

function look(state: State, path: string, name: string): void {
  try {
    if (!/\.llamafile(\.exe)?$/i.test(name) && !looksLikeOne(path)) state.others++;
    else if (state.files.length >= state.bounds.files) state.cut = true;
    else state.files.push(path);
  } catch (cause) {
    state.problems.push({ path, failure: unlisted(cause) }); // told, and never a pass
  }
}

/** The end record of an archive lies in the last 64 KiB, or there is a comment longer than any runtime looks behind. */
const TAIL_BYTES = 65_536 + 22;
const { O_RDONLY, O_NONBLOCK = 0, O_NOCTTY = 0, O_NOFOLLOW = 0 } = constants;

function looksLikeOne(path: string): boolean {
  if (lstatSync(path).size < 64) return false; // shorter than the header of any program
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    const start = bytes(fd, 0, 8).toString('latin1');
    if (APE_MAGICS.some((magic) => magic === start)) return true;
    if (!start.startsWith('\x7fELF')) return false;
    const length = Math.min(size, TAIL_BYTES);
    return hasEndRecord(bytes(fd, size - length, length), size - length);
  } finally {
    closeSync(fd);
  }
}

/** Length of the fixed part of an end record, and where it names length and offset of the directory. */
const END_RECORDS = [
  { signature: 'PK\x05\x06', length: 22, read: (at: Buffer) => [at.readUInt32LE(12), at.readUInt32LE(16)] },
  {
    signature: 'PK\x06\x06',
    length: 56,
    read: (at: Buffer) => [Number(at.readBigUInt64LE(40)), Number(at.readBigUInt64LE(48))],
  },
] as const;
/** A directory of one record without a name. */
const LEAST_DIRECTORY_BYTES = 46;

// Programs that deal with archives hold the signatures as constants. What follows these names no directory before them.
function hasEndRecord(tail: Buffer, offset: number): boolean {
  return END_RECORDS.some(({ signature, length, read }) => {
    for (
      let at = tail.indexOf(signature, 0, 'latin1');
      at >= 0;
      at = tail.indexOf(signature, at + 1, 'latin1')
    ) {
      if (at + length > tail.length) return false;
      const [size = 0, start = 0] = read(tail.subarray(at, at + length));
      if (size >= LEAST_DIRECTORY_BYTES && start + size <= offset + at) return true;
    }
    return false;
  });
}

function bytes(fd: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(fd, buffer, 0, length, offset));
}

function unlisted(cause: unknown): Failure {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  if (code === undefined) return failureOf(cause);
  return failureOf(
    new PaddockError('unreadable', 'it may be a llamafile, and cannot be looked at', {
      found: code,
      remedy: 'give yourself the permission to read it, or name another folder',
    }),
  );
}
