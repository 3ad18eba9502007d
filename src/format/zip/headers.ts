import type { ByteSource } from '../source.ts';

/** Most headers with name and extra fields are shorter: one read gives all of them. */
const AHEAD_BYTES = 256;
/** The last long read, a directory or the end of the file, is kept as it is; longer ones are contents, which nobody reads twice. */
const SPAN_BYTES = 16 * 1024 * 1024;

/**
 * A source that reads each header once: several readers look at the same ones. Keeps what was read as long as it lives, at most
 * one directory and 256 bytes a member.
 */
export function headerSource(source: ByteSource): ByteSource {
  const kept = new Map<number, Buffer>();
  let span: Buffer = Buffer.alloc(0);
  let spanStart = 0;
  return {
    size: source.size,
    read(offset, length) {
      const known = kept.get(offset);
      if (known !== undefined && known.length >= length) return known.subarray(0, length);
      if (offset >= spanStart && offset + length <= spanStart + span.length) {
        return span.subarray(offset - spanStart, offset - spanStart + length);
      }
      if (offset + length > source.size) return source.read(offset, length);
      if (length > AHEAD_BYTES * 4 && length <= SPAN_BYTES) {
        span = source.read(offset, length);
        spanStart = offset;
        return span;
      }
      if (length > SPAN_BYTES) return source.read(offset, length);
      const bytes = source.read(offset, Math.min(Math.max(length, AHEAD_BYTES), source.size - offset));
      kept.set(offset, bytes);
      return bytes.subarray(0, length);
    },
  };
}
