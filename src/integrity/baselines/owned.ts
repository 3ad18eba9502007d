import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';

const ROOT = 0;
const WRITABLE_BY_OTHERS = 0o022;
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/**
 * The text of a file that only `uid` or root can have written; undefined where there is none. Opened once; a link in the
 * last part of the path is not followed.
 * @param uid -1 where the system knows no users: then the file system's permissions are not looked at
 * @param what in messages: "a baseline"
 * @throws PaddockError `policy-invalid` for any other file, `io` for one that cannot be read
 */
export function readOwned(path: string, uid: number, what: string, limitBytes: number): string | undefined {
  const fd = open(path, what);
  if (fd === undefined) return undefined;
  try {
    const stats = fstatSync(fd);
    const mode = stats.mode & 0o7777;
    if (!stats.isFile()) throw doubtful(path, what, 'a regular file', 'something else');
    if (uid >= 0 && ((stats.uid !== uid && stats.uid !== ROOT) || (mode & WRITABLE_BY_OTHERS) !== 0)) {
      const found = `owner ${stats.uid}, mode ${mode.toString(8)}`;
      throw doubtful(path, what, `a file of user ${uid} or root that nobody else may write to`, found);
    }
    if (stats.size > limitBytes)
      throw doubtful(path, what, `at most ${limitBytes} bytes`, `${stats.size} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function open(path: string, what: string): number | undefined {
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') throw doubtful(path, what, 'a regular file', 'a symbolic link');
    throw new PaddockError('io', `${what} cannot be read`, {
      where: path,
      found: code,
      remedy: 'give yourself the permission to read it',
      cause,
    });
  }
}

function doubtful(where: string, what: string, expected: string, found: string): PaddockError {
  return new PaddockError('policy-invalid', `others could have written ${what}, or it is no plain file`, {
    where,
    expected,
    found,
    remedy: `look at what it holds; then make it yours alone: chmod go-w ${escapeText(where, 4096)}`,
  });
}
