import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { PaddockError } from '../../lib/errors.ts';
import { makeFolders } from '../../lib/paths.ts';
import { escapeText } from '../../lib/text.ts';
import {
  type Anchor,
  parseTrust,
  type Signer,
  type TrustEntry,
  type TrustStore,
  writeTrust,
} from './trust.ts';

/** The administrator's trust store: root's alone to write. */
export const SYSTEM_TRUST = '/etc/paddock/trust.json';

export interface TrustPlaces {
  readonly system: string;
  readonly user: string;
  /** Of the user: the user's own store must be theirs, or root's. */
  readonly uid: number;
}

const MAX_BYTES = 1024 * 1024;
const WRITABLE_BY_OTHERS = 0o022;
const ROOT = 0;

/**
 * All signers of both stores. A store that is not there is empty.
 * @throws PaddockError `policy-invalid` for one that others could have written, that is a link, or that is damaged; `io` for
 * one that cannot be read.
 */
export function readTrust({ system, user, uid }: TrustPlaces, now: Date): TrustStore {
  return { signers: [...readStore(system, 'system', ROOT), ...readStore(user, 'user', uid)], now };
}

/** The signers of one store, whose owner must be `uid` or root. @throws as `readTrust`. */
export function readStore(path: string, anchor: Anchor, uid: number): Signer[] {
  const text = readOwned(path, uid, 'the trust store');
  if (text === undefined) return [];
  if (anchor === 'system') refuseFolder(dirname(path));
  return parseTrust(text, anchor, path);
}

/**
 * Changes a store: reads it, and puts a new one in its place as a whole, mode 0600 (0644 for the system's, which all read).
 * Two changes at a time do not lose each other: the second is refused.
 * @throws PaddockError `io` where that fails, and as `readTrust`.
 */
export function changeTrust(
  path: string,
  anchor: Anchor,
  uid: number,
  change: (entries: readonly TrustEntry[]) => readonly TrustEntry[],
): void {
  const next = `${path}.new`;
  try {
    makeFolders(dirname(path), anchor === 'system' ? 0o755 : 0o700);
    // Also the lock: one at a time has it.
    const fd = openSync(next, 'wx', anchor === 'system' ? 0o644 : 0o600);
    try {
      const entries = change(readStore(path, anchor, uid).map(({ entry }) => entry));
      const text = writeTrust(entries);
      parseTrust(text, anchor, path);
      writeFileSync(fd, text);
      renameSync(next, path);
    } catch (cause) {
      rmSync(next, { force: true });
      throw cause;
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw unwritable(path, next, cause as NodeJS.ErrnoException);
  }
}

/**
 * The text of a file that only `uid` or root can have written; undefined where there is none. Links are not followed.
 * @throws PaddockError `policy-invalid` for what others could have written or is no plain file; `io`.
 */
export function readOwned(
  path: string,
  uid: number,
  what: string,
  forbidden = WRITABLE_BY_OTHERS,
): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') throw doubtful(path, what, 'a plain file', 'a symbolic link');
    throw new PaddockError('io', `${what} cannot be read`, {
      where: path,
      found: code,
      remedy: 'give yourself the permission to read it',
      cause,
    });
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw doubtful(path, what, 'a plain file', 'something else');
    if ((stats.uid !== uid && stats.uid !== ROOT) || (stats.mode & forbidden) !== 0) {
      const mode = `owner ${stats.uid}, mode ${(stats.mode & 0o7777).toString(8)}`;
      const right = forbidden === WRITABLE_BY_OTHERS ? 'written' : 'read or written';
      throw doubtful(path, what, `a file that only user ${uid} or root can have ${right}`, mode);
    }
    if (stats.size > MAX_BYTES)
      throw doubtful(path, what, `at most ${MAX_BYTES} bytes`, `${stats.size} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function refuseFolder(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  if (uid === ROOT && (mode & WRITABLE_BY_OTHERS) === 0) return;
  throw doubtful(
    folder,
    'the folder of the trust store',
    'owner root, not writable by group or others',
    `owner ${uid}, mode ${(mode & 0o7777).toString(8)}`,
  );
}

function doubtful(where: string, what: string, expected: string, found: string): PaddockError {
  return new PaddockError('policy-invalid', `${what} could have been written by somebody else`, {
    where,
    expected,
    found,
    remedy: `look at what it holds; then make it yours alone: chmod go-w ${escapeText(where)}`,
  });
}

function unwritable(path: string, lock: string, cause: NodeJS.ErrnoException): PaddockError {
  const held = cause.code === 'EEXIST';
  return new PaddockError(
    'io',
    held ? 'the trust store is being changed' : 'the trust store cannot be written',
    {
      where: path,
      found: held ? escapeText(lock, 4096) : escapeText(cause.message),
      remedy: held
        ? 'wait for the other `paddock trust`; if none is running, remove that file'
        : 'choose a folder that can be written (XDG_CONFIG_HOME); the system’s store is written by root',
      cause,
    },
  );
}
