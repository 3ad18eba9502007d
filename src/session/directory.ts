import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { makeFolders } from '../lib/paths.ts';

/** Where the sessions of a user are: `stateDir` is that of `userPaths`. */
export function sessionsDirectory(stateDir: string): string {
  return join(stateDir, 'sessions');
}

/**
 * Makes the private directory of one session (mode 0700) and gives its path. The directories above it are made where
 * they are missing; the two that are paddock's own must belong to `uid`, must not be links, and nobody else may be
 * able to write to them, or a stranger could swap what is inside.
 * @throws PaddockError `io`
 */
export function makeSessionDirectory(stateDir: string, id: string, uid: number): string {
  const sessions = sessionsDirectory(stateDir);
  const path = join(sessions, id);
  try {
    makeFolders(sessions, 0o700);
    for (const folder of [stateDir, sessions]) checkOwn(folder, uid);
    mkdirSync(path, { mode: 0o700 }); // fails when anything is there, a dangling link too
    checkOwn(path, uid);
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('io', 'the directory for the session’s record cannot be made', {
      where: path,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'make it writable, or point XDG_STATE_HOME to a directory of yours',
      cause,
    });
  }
  return path;
}

function checkOwn(folder: string, uid: number): void {
  const stats = lstatSync(folder);
  const found = wrong(stats, uid);
  if (found === undefined) return;
  throw new PaddockError('io', 'the directory for records of sessions is not safe', {
    where: folder,
    expected: 'a directory of your own that nobody else can write to',
    found,
    remedy: 'correct its owner and mode (0700), or point XDG_STATE_HOME to another directory',
  });
}

const WRITABLE_BY_OTHERS = 0o022;

function wrong(stats: Stats, uid: number): string | undefined {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (!stats.isDirectory()) return 'something that is no directory';
  if (stats.uid !== uid) return `owned by user ${stats.uid}`;
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) return `mode 0${(stats.mode & 0o777).toString(8)}`;
  return undefined;
}
