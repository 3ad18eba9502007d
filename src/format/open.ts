import { type BigIntStats, closeSync, constants, fstatSync, openSync } from 'node:fs';
import { type ErrorCode, PaddockError } from '../lib/errors.ts';
import { type ByteSource, descriptorSource } from './source.ts';

/** What must stay the same between the first byte judged and the start. Times are nanoseconds since the epoch. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly mode: number;
  readonly uid: number;
}

export interface JudgedFile {
  /** Read-only, close-on-exec. The caller closes it. */
  readonly fd: number;
  readonly source: ByteSource;
  readonly identity: FileIdentity;
  /** A private copy begins otherwise than what was copied: `source` has these bytes in front, the descriptor has not. */
  readonly start?: Uint8Array;
}

/**
 * Opens `path` once for everything that follows; symbolic links are followed here and never again. Does not block on a
 * FIFO and does not make a terminal the controlling one.
 * @throws PaddockError `not-found`, `unreadable`, `not-regular`, or `not-llamafile` for an empty file.
 */
export function openJudged(path: string): JudgedFile {
  const fd = open(path);
  try {
    const stats = fstatSync(fd, { bigint: true });
    refuseIrregular(stats);
    return { fd, source: descriptorSource(fd), identity: identityOf(stats) };
  } catch (cause) {
    closeSync(fd);
    throw cause;
  }
}

/** Whether the open file is no longer the one that `identity` describes: content, owner, mode or links changed. */
export function identityChanged(fd: number, identity: FileIdentity): boolean {
  const now = identityOf(fstatSync(fd, { bigint: true }));
  return (Object.keys(now) as (keyof FileIdentity)[]).some((key) => now[key] !== identity[key]);
}

// Linux's value; Node has no name for it. Node's own open() sets it too, but a promise is kept where it can be read.
const O_CLOEXEC = process.platform === 'linux' ? 0o2000000 : 0;
const { O_RDONLY, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;

const OPEN_ERRORS: Readonly<Record<string, readonly [code: ErrorCode, message: string, remedy: string]>> = {
  ENOENT: ['not-found', 'no such file', 'check the path; a symbolic link on the way may point nowhere'],
  ENOTDIR: ['not-found', 'no such file: a part of the path is not a directory', 'check the path'],
  EACCES: [
    'unreadable',
    'the file may not be read',
    'paddock reads a file before it runs it: give yourself read permission',
  ],
  EPERM: [
    'unreadable',
    'the file may not be read',
    'paddock reads a file before it runs it: give yourself read permission',
  ],
  ELOOP: ['not-regular', 'too many symbolic links on the way to the file', 'check where the links point'],
  ENXIO: [
    'not-regular',
    'this is a socket or a device without a driver, not a file',
    'name the llamafile itself',
  ],
  ENODEV: ['not-regular', 'this is a device without a driver, not a file', 'name the llamafile itself'],
  ENAMETOOLONG: ['not-found', 'no such file: the path is too long', 'check the path'],
};

function open(path: string): number {
  if (path.includes('\0')) {
    throw new PaddockError('not-found', 'no such file: the path holds a NUL byte', {
      remedy: 'check the path',
    });
  }
  try {
    return openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? '';
    const [code, message, remedy] = OPEN_ERRORS[errno] ?? [
      'unreadable' as const,
      `the file cannot be opened (${errno || 'unknown error'})`,
      'see the error number',
    ];
    const check = code === 'not-regular' ? { check: 'FILE-001' } : {};
    throw new PaddockError(code, message, { ...check, remedy, cause });
  }
}

function refuseIrregular(stats: BigIntStats): void {
  const kind = kindOf(stats);
  if (kind !== undefined) {
    throw new PaddockError('not-regular', `this is ${kind}, not a file`, {
      check: 'FILE-001',
      expected: 'a regular file',
      found: kind,
      remedy: 'name the llamafile itself',
    });
  }
  if (stats.size === 0n) {
    throw new PaddockError('not-llamafile', 'the file is empty', {
      check: 'FILE-003',
      expected: 'a llamafile',
      found: '0 bytes',
      remedy: 'the download may have failed: get the file again',
    });
  }
}

function kindOf(stats: BigIntStats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a FIFO (named pipe)';
  if (stats.isCharacterDevice()) return 'a character device';
  if (stats.isBlockDevice()) return 'a block device';
  return 'a socket';
}

/** What `fstat` tells of the identity of a file. */
export function identityOf(stats: BigIntStats): FileIdentity {
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return { dev, ino, size, mtimeNs, ctimeNs, mode: Number(stats.mode), uid: Number(stats.uid) };
}
