import type { ByteSource } from '../source.ts';

/** Most headers with name and extra fields are shorter: one read gives all of them. */
const AHEAD_BYTES = 256;
/** Longer reads are contents, which nobody reads twice. */
const KEPT_BYTES = 128 * 1024;

/**
 * A source that reads each header once: several readers look at the same ones. Keeps what was read as long as it lives, at most
 * the end of the file and 256 bytes a member.
 */
export function headerSource(source: ByteSource): ByteSource {
  const kept = new Map<number, Buffer>();
  return {
    size: source.size,
    read(offset, length) {
      const known = kept.get(offset);
      if (known !== undefined && known.length >= length) return known.subarray(0, length);
      if (length > KEPT_BYTES || offset + length > source.size) return source.read(offset, length);
      const bytes = source.read(offset, Math.min(Math.max(length, AHEAD_BYTES), source.size - offset));
      kept.set(offset, bytes);
      return bytes.subarray(0, length);
    },
  };
}
