import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
} from 'node:fs';
import { PaddockError } from '../lib/errors.ts';

/** A policy file is written by hand: a longer one is a mistake or an attack. */
export const MAX_POLICY_BYTES = 256 * 1024;

/** Reads policies. Tests put files of their own in its place. */
export interface PolicyFiles {
  /** Undefined when there is no such file. @throws PaddockError for one that cannot be read, is too long, or is no text. */
  read(path: string): PolicyText | undefined;
  /** Undefined when there is no such folder. @throws PaddockError for one that cannot be listed. */
  list(path: string): PolicyFolder | undefined;
  /** The path without links; undefined for what is not there or cannot be looked at. */
  real(path: string): string | undefined;
}

interface Ownership {
  readonly uid: number;
  /** Permission bits and file type, as in struct stat. */
  readonly mode: number;
}

export interface PolicyText extends Ownership {
  readonly text: string;
}

export interface PolicyFolder extends Ownership {
  readonly names: readonly string[];
}

/** The machine's own files. */
export const MACHINE_FILES: PolicyFiles = { read, list, real };

// Through one descriptor: what was checked is what is read. A FIFO must not hold paddock up.
function read(path: string): PolicyText | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (isAbsent(cause)) return undefined;
    throw unreadable('a policy file cannot be read', path, cause);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw notAPolicy(path, 'something that is no regular file');
    const bytes = readAtMost(fd, MAX_POLICY_BYTES + 1);
    if (bytes.length > MAX_POLICY_BYTES) throw notAPolicy(path, `more than ${MAX_POLICY_BYTES} bytes`);
    return { text: decode(bytes, path), uid: stats.uid, mode: stats.mode };
  } finally {
    closeSync(fd);
  }
}

function readAtMost(fd: number, limit: number): Uint8Array {
  const bytes = Buffer.alloc(limit);
  let length = 0;
  while (length < limit) {
    const got = readSync(fd, bytes, length, limit - length, null);
    if (got === 0) break;
    length += got;
  }
  return bytes.subarray(0, length);
}

function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PaddockError('policy-invalid', 'a policy file is not UTF-8', { where: path, cause });
  }
}

function list(path: string): PolicyFolder | undefined {
  try {
    const { uid, mode } = lstatSync(path);
    return { names: readdirSync(path), uid, mode };
  } catch (cause) {
    // What cannot be looked at must not count as absent.
    if (isAbsent(cause)) return undefined;
    throw unreadable('a folder of policies cannot be read', path, cause);
  }
}

function real(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // not there, or not for this user: then a grant gives nothing either
  }
}

function isAbsent(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT';
}

function unreadable(message: string, path: string, cause: unknown): PaddockError {
  return new PaddockError('io', message, {
    where: path,
    found: String((cause as NodeJS.ErrnoException).code),
    cause,
  });
}

function notAPolicy(path: string, found: string): PaddockError {
  return new PaddockError('policy-invalid', 'a policy is a regular file of at most 256 KiB', {
    where: path,
    found,
  });
}
