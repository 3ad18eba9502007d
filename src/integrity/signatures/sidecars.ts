import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** A small file beside the judged one, or what is there in its place. */
export type Sidecar = { readonly path: string; readonly name: string } & (
  | { readonly bytes: Buffer }
  /** It is there, and is not looked at: a link, a folder, too long. */
  | { readonly refused: string }
);

/** Longest file that is read for a signature, in bytes. */
export const MAX_SIDECAR_BYTES = 4 * 1024 * 1024;

/** Names of lists of digests, in the folder of the file. */
export const CHECKSUM_LISTS = ['SHA256SUMS', 'SHA256SUMS.txt'] as const;
/** A signature of this name is over the files of its folder. */
export const FOLDER_SIGNATURE = 'model.sig';
export const APPROVAL_SUFFIX = '.paddock.json';

/** Where signatures of a file are looked for, in words. */
export const SIGNATURE_PLACES = '<file>.minisig, <file>.sig, model.sig, or a signed SHA256SUMS beside it';

/** Paths of what may be signatures of the file at `path`; each once. */
export function signaturePaths(path: string): string[] {
  const beside = join(dirname(path), FOLDER_SIGNATURE);
  return [...new Set([`${path}.minisig`, `${path}.sig`, beside])].filter(
    (one) => basename(one) !== basename(path),
  );
}

/** Paths of lists that may name the file, each with those of its own signatures. */
export function checksumPaths(
  path: string,
): { readonly list: string; readonly signatures: readonly string[] }[] {
  return CHECKSUM_LISTS.map((name) => join(dirname(path), name))
    .filter((list) => basename(list) !== basename(path))
    .map((list) => ({ list, signatures: [`${list}.minisig`, `${list}.sig`] }));
}

/**
 * Reads what is at a path, through one descriptor and without following a link in its last part. Undefined where there is
 * nothing. Never blocks, never reads more than `MAX_SIDECAR_BYTES`, never fails: what cannot be read is `refused`.
 */
export function readSidecar(path: string): Sidecar | undefined {
  const name = basename(path);
  let fd: number;
  try {
    fd = openSync(
      path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (ABSENT.has(code)) return undefined;
    return {
      path,
      name,
      refused: code === 'ELOOP' ? 'it is a symbolic link' : `it cannot be read (${code})`,
    };
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return { path, name, refused: 'it is no regular file' };
    const bytes = readAtMost(fd, MAX_SIDECAR_BYTES + 1);
    if (bytes.length > MAX_SIDECAR_BYTES)
      return { path, name, refused: `it is longer than ${MAX_SIDECAR_BYTES} bytes` };
    return { path, name, bytes };
  } catch (cause) {
    // A disk that fails here says nothing about the file that is judged.
    return {
      path,
      name,
      refused: `it cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`,
    };
  } finally {
    closeSync(fd);
  }
}

/** ENAMETOOLONG: the name with its suffix cannot exist. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

function readAtMost(fd: number, limit: number): Buffer {
  const { size } = fstatSync(fd);
  const bytes = Buffer.alloc(Math.min(limit, size + 1));
  let length = 0;
  while (length < bytes.length) {
    const got = readSync(fd, bytes, length, bytes.length - length, null);
    if (got === 0) break;
    length += got;
  }
  return bytes.subarray(0, length);
}
