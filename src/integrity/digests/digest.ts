import { createHash, type Hash, webcrypto } from 'node:crypto';
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { type FileIdentity, identityChanged } from '../../format/open.ts';
import { overlay } from '../../format/overlay.ts';
import { PaddockError } from '../../lib/errors.ts';

/** Hex digests of a whole file. */
export interface Digests {
  readonly sha256?: string;
  /** BLAKE2b-512: what minisign signs. */
  readonly blake2b512?: string;
  /** See `treeDigest`. */
  readonly tree?: string;
}

/** What is read: an open descriptor and what it was when the judgement began. */
export interface DigestedFile {
  readonly fd: number;
  readonly identity: FileIdentity;
  /** Stands in the place of its first bytes (`JudgedFile`). */
  readonly start?: Uint8Array;
}

export interface DigestOptions {
  /** At least one; SHA-256 where none is named. */
  readonly algorithms?: readonly ('sha256' | 'blake2b512')[];
  /** Sees each chunk once, in order; must not keep it. */
  readonly onChunk?: (offset: number, bytes: Buffer) => void;
  /** After each chunk: bytes done. */
  readonly onProgress?: (doneBytes: number) => void;
}

const CHUNK_BYTES = 4 * 1024 * 1024;
/** Of the tree digest. Part of its definition: another size gives another digest. */
export const TREE_BLOCK_BYTES = 1024 * 1024;
/** Reads and digests under way at once; libuv has four threads unless the user says otherwise. */
const TREE_LANES = 4;
const readAt = promisify(read);

/**
 * Digests of the whole file in one pass, by its descriptor. While one chunk of 4 MiB is hashed the next one is read.
 * @throws PaddockError `changed` if the file is no longer the one that `identity` describes, before or after.
 */
export async function digestFile(file: DigestedFile, options: DigestOptions = {}): Promise<Digests> {
  refuseChanged(file);
  const size = Number(file.identity.size);
  const hashes = (options.algorithms ?? ['sha256']).map((name): [string, Hash] => [name, createHash(name)]);
  const buffers = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)] as const;
  const readInto = (buffer: Buffer, offset: number) =>
    readWhole(file, buffer.subarray(0, Math.min(CHUNK_BYTES, size - offset)), offset);
  let next = readInto(buffers[0], 0);
  for (let offset = 0, turn = 0; offset < size; turn ^= 1) {
    const chunk = await next;
    const end = offset + chunk.length;
    next = readInto(turn === 0 ? buffers[1] : buffers[0], end);
    // A failure of the read ahead is told when its turn comes; until then nobody waits for it.
    next.catch(() => undefined);
    for (const [, hash] of hashes) hash.update(chunk);
    options.onChunk?.(offset, chunk);
    options.onProgress?.(end);
    offset = end;
  }
  await next;
  refuseChanged(file);
  return Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest('hex')]));
}

/**
 * SHA-256 over the concatenated SHA-256 of consecutive blocks of 1 MiB, the last one shorter: as strong as SHA-256 of the
 * whole, and computed on several cores. Hex. An empty file has no block.
 * @throws PaddockError `changed` as `digestFile`.
 */
export async function treeDigest(
  file: DigestedFile,
  onProgress: (doneBytes: number) => void = () => undefined,
): Promise<string> {
  refuseChanged(file);
  const size = Number(file.identity.size);
  const leaves = Buffer.alloc(Math.ceil(size / TREE_BLOCK_BYTES) * 32);
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    const block = Buffer.alloc(TREE_BLOCK_BYTES);
    for (let index = next++; index * TREE_BLOCK_BYTES < size; index = next++) {
      const offset = index * TREE_BLOCK_BYTES;
      const bytes = await readWhole(
        file,
        block.subarray(0, Math.min(TREE_BLOCK_BYTES, size - offset)),
        offset,
      );
      Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).copy(leaves, index * 32);
      done += bytes.length;
      onProgress(done);
    }
  };
  await Promise.all(Array.from({ length: TREE_LANES }, lane));
  refuseChanged(file);
  return createHash('sha256').update(leaves).digest('hex');
}

async function readWhole({ fd, start }: DigestedFile, into: Buffer, offset: number): Promise<Buffer> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await readAt(fd, into, done, into.length - done, offset + done);
    if (bytesRead === 0) throw changed('became shorter');
    done += bytesRead;
  }
  return start === undefined ? into : overlay(into, offset, start);
}

function refuseChanged({ fd, identity }: DigestedFile): void {
  if (identityChanged(fd, identity)) throw changed('was written to, or got another owner, mode or name');
}

function changed(how: string): PaddockError {
  return new PaddockError('changed', `the file ${how} while it was read`, {
    check: 'FILE-001',
    expected: 'one and the same content from the first byte read to the last',
    found: 'other size, times, owner, mode or links',
    remedy: 'make sure nothing is writing to the file, then try again',
  });
}
