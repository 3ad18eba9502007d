import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ZipMember } from '../../../src/format/anatomy.ts';
import { type ByteSource, bufferSource } from '../../../src/format/source.ts';
import { contentDigest } from '../../../src/integrity/baselines/content.ts';
import { digestPart, digestRange, pieceAt } from '../../../src/integrity/baselines/digests.ts';
import { PaddockError } from '../../../src/lib/errors.ts';
import { member } from '../anatomies.ts';

const MiB = 1024 ** 2;

function deflated(content: Buffer, size = content.length): { source: ByteSource; of: ZipMember } {
  const packed = deflateRawSync(content);
  const sizes = { contentOffset: 0, compressedSize: packed.length, size, method: 8 };
  return { source: bufferSource(packed), of: member('a', sizes) };
}

describe('contentDigest', () => {
  it.each([0, 1, 1000, MiB, MiB + 1, 5 * MiB])(
    'is that of the unpacked content: %i bytes',
    async (length) => {
      const content = Buffer.alloc(length, 'content ');
      const expected = digestRange(bufferSource(content), 0, length);
      const stored = member('a', { contentOffset: 0, compressedSize: length, size: length });
      expect(await contentDigest(bufferSource(content), stored)).toBe(expected);
      const { source, of } = deflated(content);
      expect(await contentDigest(source, of)).toBe(expected);
    },
  );

  it.each([10, 3 * MiB])('has none for content longer or shorter than it says: %i bytes', async (length) => {
    for (const size of [length - 1, length + 1, 0]) {
      const { source, of } = deflated(Buffer.alloc(length), size);
      expect(await contentDigest(source, of)).toBeUndefined();
    }
  });

  it('stops unpacking where the content becomes longer than it says', async () => {
    const { source, of } = deflated(Buffer.alloc(256 * MiB), 2 * MiB);
    let read = 0;
    const counting: ByteSource = {
      size: source.size,
      read: (offset, length) => {
        read += length;
        return source.read(offset, length);
      },
    };
    expect(await contentDigest(counting, { ...of, size: 2 * MiB })).toBeUndefined();
    expect(read).toBeLessThanOrEqual(source.size);
  });

  it('has none for data that does not unpack, nor for other methods', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(100, 2 * MiB),
        fc.integer({ min: 0, max: 99 }),
        async (bytes, size, method) => {
          const sizes = { contentOffset: 0, compressedSize: bytes.length, size, method };
          const given = await contentDigest(bufferSource(Buffer.from(bytes)), member('a', sizes));
          if (method !== 0) expect(given).toBeUndefined();
        },
      ),
      { numRuns: 200 },
    );
  });

  it('passes the errors of the file on', async () => {
    const outside = { contentOffset: 0, compressedSize: 3 * MiB, size: 3 * MiB };
    for (const method of [0, 8]) {
      const given = contentDigest(bufferSource(Buffer.alloc(10)), member('a', { ...outside, method }));
      await expect(given).rejects.toBeInstanceOf(PaddockError);
    }
  });
});

it('a part has digests of its pieces if there are several', () => {
  const bytes = Buffer.alloc(3 * 65536 + 5, 'part ');
  const source = bufferSource(bytes);
  expect(digestPart(source, 0, 65536)).toEqual({ sha256: digestRange(source, 0, 65536) });
  const { sha256, pieces = '' } = digestPart(source, 1, bytes.length - 1);
  expect(sha256).toBe(digestRange(source, 1, bytes.length - 1));
  expect(pieces).toHaveLength(4 * 64);
  expect(pieceAt(pieces, 3)).toBe(digestRange(source, 1 + 3 * 65536, 4));
});
