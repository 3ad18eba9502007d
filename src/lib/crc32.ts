import * as zlib from 'node:zlib';

/** Node's own came with 20.15, later than the oldest Node that paddock runs on. */
const native = (zlib as { crc32?: (bytes: Uint8Array, previous?: number) => number }).crc32;

/**
 * CRC-32 as zip and gzip use it.
 * @param previous what the bytes before these gave, 0 for none: a long text can be summed piece by piece
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  return native === undefined ? byTable(bytes, previous) : native(bytes, previous);
}

/** The same without help; exported for its test. */
export function byTable(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous;
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});
