import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../lib/paths.ts';
import type { ProcessName } from '../lib/proc.ts';
import { below, candidates, removeDirectories, type SessionDirectories } from './directories.ts';

/** In a session's private folder: which launcher it belongs to. */
const OWNER_FILE = 'owner';
/** What `mkdtemp` makes of our prefix. */
const NAME = /^paddock-[A-Za-z0-9]{6}$/;
/** Leftovers that are removed at a time; the next session takes the others. */
const MAX_SWEPT = 20;

/** Writes down whose folder it is, so that a later session can tell that nobody needs it any more. */
export function markOwner({ root }: SessionDirectories, owner: ProcessName): void {
  writeFileSync(join(root, OWNER_FILE), JSON.stringify(owner), { mode: 0o600, flag: 'wx' });
}

/**
 * Removes the private folders of sessions whose launcher was killed before it could: the gate has ended their processes
 * by then. Only folders of this user, under our names, with an owner that is gone. Gives how many.
 */
export function sweepStale(env: Environment, uid: number, isAlive: (owner: ProcessName) => boolean): number {
  let swept = 0;
  for (const base of candidates(env, uid)) {
    for (const name of names(base)) {
      if (swept >= MAX_SWEPT) return swept;
      const root = join(base, name);
      const owner = ownerOf(root, uid);
      if (owner === undefined || isAlive(owner)) continue;
      removeDirectories(below(root));
      swept++;
    }
  }
  return swept;
}

function names(base: string): string[] {
  try {
    return readdirSync(base).filter((name) => NAME.test(name));
  } catch {
    return []; // not there, or not ours to read: then nothing of ours is in it
  }
}

function ownerOf(root: string, uid: number): ProcessName | undefined {
  try {
    const stats = lstatSync(root);
    if (!stats.isDirectory() || stats.uid !== uid || (stats.mode & 0o077) !== 0) return undefined;
    const path = join(root, OWNER_FILE);
    if (!lstatSync(path).isFile()) return undefined;
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, startTime } = value as Readonly<Record<string, unknown>>;
    return Number.isSafeInteger(pid) && typeof startTime === 'number'
      ? { pid: pid as number, startTime }
      : undefined;
  } catch {
    return undefined; // being made or removed right now, or none of ours
  }
}
