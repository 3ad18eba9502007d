import { crc32 as native } from 'node:zlib';

/**
 * CRC-32 as zip and gzip use it.
 * @param previous what the bytes before these gave, 0 for none: a long text can be summed piece by piece
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  return native(bytes, previous);
}
