import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';

/** What must hold of a file that decides about trust. */
export interface Ownership {
  /** In messages: "the trust store". */
  readonly what: string;
  /** Permissions that it may not give. */
  readonly forbidden: number;
  /** What others could do with these. */
  readonly others: 'change' | 'read';
  /** The mode that takes them away, for `chmod`. */
  readonly chmod: string;
  /** Longest file that is read; 1 MiB if it is not said. */
  readonly limitBytes?: number;
}

const MAX_BYTES = 1024 * 1024;
const ROOT = 0;

/**
 * The text of a file that belongs to `uid` or root and gives nobody else what is forbidden; undefined where there is none.
 * Opened once, and a link in the last part of the path is not followed.
 * @param uid -1 where the system knows no users: then permissions are not looked at
 * @throws PaddockError `policy-invalid` for any other file, `io` for one that cannot be read.
 */
export function readOwned(path: string, uid: number, ownership: Ownership): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') throw notOwned(path, ownership, 'a regular file', 'a symbolic link');
    throw new PaddockError('io', `${ownership.what} cannot be read`, {
      where: path,
      found: code,
      remedy: 'give yourself the permission to read it',
      cause,
    });
  }
  try {
    const { mode, uid: owner, size, isFile } = described(fd);
    if (!isFile) throw notOwned(path, ownership, 'a regular file', 'something else');
    if (uid >= 0 && ((owner !== uid && owner !== ROOT) || (mode & ownership.forbidden) !== 0)) {
      const right = `owner ${uid} or root, and none of the permissions ${ownership.forbidden.toString(8)}`;
      throw notOwned(path, ownership, right, `owner ${owner}, mode ${mode.toString(8)}`);
    }
    const limit = ownership.limitBytes ?? MAX_BYTES;
    if (size > limit) throw notOwned(path, ownership, `at most ${limit} bytes`, `${size} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function described(fd: number) {
  const stats = fstatSync(fd);
  return { mode: stats.mode & 0o7777, uid: stats.uid, size: stats.size, isFile: stats.isFile() };
}

/** The error for a file that somebody else could have had a hand in. */
export function notOwned(
  where: string,
  { what, others, chmod }: Ownership,
  expected: string,
  found: string,
): PaddockError {
  return new PaddockError('policy-invalid', `others may ${others} ${what}, or it is no plain file`, {
    where,
    expected,
    found,
    remedy: `look at what it holds; then make it yours alone: chmod ${chmod} ${escapeText(where, 4096)}`,
  });
}
