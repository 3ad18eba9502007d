import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAnatomy } from '../../src/format/read.ts';
import { type ByteSource, bufferSource } from '../../src/format/source.ts';
import { assimilate, syntheticElf } from '../fixtures/ape-writer.ts';
import { fixtureBase, fixtureLlamafile, modelEntries } from '../fixtures/llamafile.ts';
import { appendBaseZip, zipalignAppend } from '../fixtures/zip-writer.ts';
import { expectExactTiling } from './support.ts';

const two = fixtureLlamafile();
const SEEDS: Readonly<Record<string, Buffer>> = {
  base: fixtureBase(),
  llamafile: two,
  'three generations': zipalignAppend(two, [{ name: '.args', content: Buffer.from('-m\nx\n') }]),
  assimilated: assimilate(two),
  'plain ELF': appendBaseZip(syntheticElf(), modelEntries()),
};
const RUNS = 300;
const VALUES = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff));

describe.each(Object.entries(SEEDS))('%s, changed', (_, seed) => {
  const places = interesting(seed);
  const edit = fc.tuple(fc.constantFrom(...places), fc.integer({ min: 1, max: 8 }), VALUES);

  it('gives an exact tiling or a PaddockError', () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const bytes = Buffer.from(seed);
        for (const [at, length, value] of edits) bytes.fill(value, at, Math.min(at + length, bytes.length));
        judge(bytes);
      }),
      { numRuns: RUNS },
    );
  });

  it('cut anywhere, gives an exact tiling or a PaddockError', () => {
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.nat(40), (at, more) => {
        judge(seed.subarray(0, at + more));
      }),
      { numRuns: RUNS },
    );
  });
});

it('any bytes behind any magic give an exact tiling or a PaddockError', () => {
  const magic = fc.constantFrom("MZqFpD='\n", "jartsr='\n", '\x7fELF\x02\x01\x01', 'PK\x03\x04', 'GGUF', '');
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 3000 }), (start, rest) => {
      judge(Buffer.concat([Buffer.from(start, 'latin1'), rest]));
    }),
    { numRuns: RUNS },
  );
});

/** Offsets near everything that a reader looks at: not the insides of segments and contents. */
function interesting(seed: Buffer): number[] {
  const places = new Set<number>();
  for (const { kind, offset, length } of readAnatomy(bufferSource(seed)).regions) {
    const dense = kind !== 'padding' && kind !== 'segment' && kind !== 'shell-script';
    const step = dense ? 1 : Math.max(1, Math.floor(length / 40));
    for (let at = 0; at < Math.min(length, 5000); at += step) places.add(offset + at);
  }
  return [...places];
}

/** Reads stay inside the file, and their sum stays below a stated multiple of its size. */
function judge(bytes: Buffer): void {
  const inner = bufferSource(bytes);
  let total = 0;
  const source: ByteSource = {
    size: bytes.length,
    read(offset, length) {
      total += length;
      return inner.read(offset, length);
    },
  };
  try {
    expectExactTiling(readAnatomy(source));
  } catch (cause) {
    if ((cause as Error).name !== 'PaddockError') throw cause;
  }
  expect(total).toBeLessThan(20 * bytes.length + 1024 * 1024);
}
