import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../src/format/source.ts';
import { ordinaryView } from '../../src/integrity/ordinary-reader.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import { fixtureBase, fixtureLlamafile } from '../fixtures/llamafile.ts';
import { appendBaseZip, zipalignAppend } from '../fixtures/zip-writer.ts';
import { read } from '../format/support.ts';
import { randomArchive } from '../format/zip/random-archive.ts';
import { Random } from '../fuzz/random.ts';

const listed = (bytes: Buffer) => ordinaryView(bufferSource(bytes));

describe('an ordinary library lists what the runtime sees', () => {
  const files = {
    'a base, with the program before it': fixtureBase(),
    'a model': fixtureLlamafile(),
    'names that are no text': zipalignAppend(fixtureLlamafile(), [
      { name: Buffer.from([0xff, 0x00, 0x61]), content: Buffer.from('x') },
      { name: '../up', content: Buffer.alloc(0) },
    ]),
  };
  it.each(Object.entries(files))('%s', async (_, bytes) => {
    const own = read(bytes).zip?.members.map(({ name, localOffset, method, size, compressedSize }) => ({
      name,
      localOffset,
      method,
      size,
      compressedSize,
    }));
    expect(await listed(bytes)).toEqual(own);
  });
});

describe('what it refuses is told in words', () => {
  it('bytes without an archive', async () => {
    expect(await listed(Buffer.alloc(100))).toMatch(/^yauzl: .*End of central directory/);
  });

  it('bytes behind the archive', async () => {
    const bytes = appendBaseZip(Buffer.alloc(0), [{ name: 'a', content: Buffer.alloc(0) }]);
    expect(await listed(Buffer.concat([bytes, Buffer.alloc(1)]))).toMatch(/^yauzl: .*comment length/);
  });

  it('a file that cannot be read', async () => {
    const size = 100;
    const failing = {
      size,
      read: () => {
        throw new PaddockError('changed', 'the file\x1b became shorter');
      },
    };
    expect(await ordinaryView(failing)).toMatch(/^yauzl: the file\\x1b became shorter/);
  });
});

it('any archive gives a list or words', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const seen = await listed(randomArchive(new Random(seed)));
      expect(typeof seen === 'string' || Array.isArray(seen)).toBe(true);
    }),
    { numRuns: 300 },
  );
});
