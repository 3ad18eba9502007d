import { createHash } from 'node:crypto';
import type { ByteSource } from '../../format/source.ts';
import { PIECE_BYTES } from './baseline.ts';

/** Hex digits of a SHA-256. */
export const DIGEST_DIGITS = 64;
const CHUNK_BYTES = 1024 * 1024;

/** SHA-256 (hex) of a range of the file. Reads at most 1 MiB at once. */
export function digestRange(source: ByteSource, offset: number, length: number): string {
  const hash = createHash('sha256');
  for (let done = 0; done < length; done += CHUNK_BYTES) {
    hash.update(source.read(offset + done, Math.min(CHUNK_BYTES, length - done)));
  }
  return hash.digest('hex');
}

/** SHA-256 (hex) of a range and, if it is longer than one piece, of each of its pieces. */
export function digestPart(
  source: ByteSource,
  offset: number,
  length: number,
): { sha256: string; pieces?: string } {
  const hash = createHash('sha256');
  const pieces: string[] = [];
  for (let done = 0; done < length; done += PIECE_BYTES) {
    const bytes = source.read(offset + done, Math.min(PIECE_BYTES, length - done));
    hash.update(bytes);
    pieces.push(createHash('sha256').update(bytes).digest('hex'));
  }
  const sha256 = hash.digest('hex');
  return pieces.length > 1 ? { sha256, pieces: pieces.join('') } : { sha256 };
}

/** Digest of one piece of a part. */
export function pieceAt(pieces: string, index: number): string {
  return pieces.slice(index * DIGEST_DIGITS, (index + 1) * DIGEST_DIGITS);
}
