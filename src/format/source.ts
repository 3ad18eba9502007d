import { fstatSync, readSync } from 'node:fs';
import { PaddockError } from '../lib/errors.ts';

/** Bounds-checked random access to the judged file. Offsets and lengths are bytes. */
export interface ByteSource {
  /** Length of the file when it was opened. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`.
   * @throws PaddockError `malformed` if the range leaves the file, `changed` if the file became shorter meanwhile.
   */
  read(offset: number, length: number): Buffer;
}

/** The largest single read. Parsers never need more at once; a length from a file must not decide an allocation. */
export const MAX_READ = 64 * 1024 * 1024;

/** A source over an open descriptor. The descriptor stays the caller's. */
export function descriptorSource(fd: number): ByteSource {
  const size = fstatSync(fd).size;
  return {
    size,
    read(offset, length) {
      checkRange(size, offset, length);
      const buffer = Buffer.allocUnsafe(length);
      let done = 0;
      while (done < length) {
        const count = readSync(fd, buffer, done, length - done, offset + done);
        if (count === 0) {
          throw new PaddockError('changed', 'the file became shorter while it was read', {
            check: 'FILE-001',
            offset: offset + done,
            expected: `${size} bytes`,
            found: `end of file at byte ${offset + done}`,
            remedy: 'make sure nothing is writing to the file, then try again',
          });
        }
        done += count;
      }
      return buffer;
    },
  };
}

/** A source over bytes in memory. */
export function bufferSource(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      checkRange(bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

function checkRange(size: number, offset: number, length: number): void {
  const sane = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (sane && length <= MAX_READ && offset + length <= size) return;
  throw new PaddockError('malformed', 'a structure points outside the file', {
    offset,
    expected: `a range inside the ${size} bytes of the file`,
    found: `${length} bytes from byte ${offset}`,
  });
}

/** The first `size` bytes of a source, as if the file ended there. */
export function prefixSource(source: ByteSource, size: number): ByteSource {
  const end = Math.min(size, source.size);
  return {
    size: end,
    read(offset, length) {
      checkRange(end, offset, length);
      return source.read(offset, length);
    },
  };
}
