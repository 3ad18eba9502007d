import type { ByteSource } from './source.ts';

/** A source whose first bytes are others than those of the file: `start` stands in their place. */
export function overlaySource(source: ByteSource, start: Uint8Array): ByteSource {
  return {
    size: source.size,
    read(offset, length) {
      return overlay(source.read(offset, length), offset, start);
    },
  };
}

/** The same for bytes that were read at `offset`; they are changed in their place. */
export function overlay(bytes: Buffer, offset: number, start: Uint8Array): Buffer {
  if (offset < start.length) bytes.set(start.subarray(offset, offset + bytes.length), 0);
  return bytes;
}
