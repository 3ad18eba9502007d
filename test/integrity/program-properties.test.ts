import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAnatomy } from '../../src/format/read.ts';
import { type ByteSource, bufferSource } from '../../src/format/source.ts';
import { checkProgram } from '../../src/integrity/checks/program.ts';
import { assimilate } from '../fixtures/ape-writer.ts';
import { linkedLlamafile } from '../fixtures/apelink.ts';
import { fixtureLlamafile } from '../fixtures/llamafile.ts';

const HEAD = 65536;
/** Values that fields are likely to be compared with. */
const NUMBERS = [0, 1, 2, 3, 7, 8, 56, 64, 4096, 65535, 65536, 2 ** 31, 2 ** 32 - 1];
const TEXTS = ["printf '", "'", '\n', 'dd if="$o" skip=1 count=2 bs=64', '\\', ' | gzip -dc', '\0', 'PE\0\0'];

const seeds = {
  'as the linker leaves it': linkedLlamafile(),
  'as the demo leaves it': fixtureLlamafile(),
  assimilated: assimilate(linkedLlamafile()),
};

/** Reads and judges; at most so many bytes are read in all, and so many findings made, whatever the file says. */
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
    const findings = checkProgram(readAnatomy(source), new Map(), 'x86-64');
    expect(findings.length).toBeLessThan(2000);
  } catch (cause) {
    if ((cause as Error).name !== 'PaddockError') throw cause;
  }
  expect(total).toBeLessThan(20 * bytes.length + 20 * 1024 * 1024);
}

describe.each(Object.entries(seeds))('a program %s', (_, seed) => {
  // Where the head is not all zero, so that most changes have a meaning.
  const places = Array.from({ length: HEAD }, (__, at) => at).filter((at) => seed[at] !== 0);
  const place = fc.oneof(fc.constantFrom(...places), fc.nat(HEAD - 1));

  it('with changed numbers is judged or refused', () => {
    const edit = fc.tuple(place, fc.constantFrom(1, 2, 4, 8), fc.constantFrom(...NUMBERS));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const bytes = Buffer.from(seed);
        for (const [at, width, value] of edits) {
          const field = Buffer.alloc(8);
          field.writeBigUInt64LE(BigInt(value));
          field.copy(bytes, at, 0, width);
        }
        judge(bytes);
      }),
      { numRuns: 400 },
    );
  });

  it('with other words in its head is judged or refused', () => {
    const edit = fc.tuple(place, fc.oneof(fc.constantFrom(...TEXTS), fc.string({ maxLength: 20 })));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const bytes = Buffer.from(seed);
        for (const [at, text] of edits) bytes.write(text, at, 'latin1');
        judge(bytes);
      }),
      { numRuns: 400 },
    );
  });
});
