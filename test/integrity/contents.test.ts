import { expect, it } from 'vitest';
import { syntheticElf } from '../../src/demo/ape-writer.ts';
import { appendBaseZip } from '../../src/demo/zip-writer.ts';
import { readAnatomy } from '../../src/format/read.ts';
import { bufferSource } from '../../src/format/source.ts';
import { checkContents, checkLargeContents, LargeContents } from '../../src/integrity/checks/contents.ts';

const LARGE = 16 * 1024 * 1024 + 5;
const text = Buffer.from('words and words and words\n'.repeat(20));
const entries = [
  { name: 'small', content: Buffer.from('small') },
  { name: 'large.bin', content: Buffer.alloc(LARGE, 'large ') },
  { name: 'larger.bin', content: Buffer.alloc(LARGE + 3, 'larger ') },
];
const bytes = appendBaseZip(syntheticElf(), entries);
const anatomy = readAnatomy(bufferSource(bytes));

function pass(file: Buffer, chunk: number): LargeContents {
  const contents = new LargeContents(anatomy);
  for (let at = 0; at < file.length; at += chunk) contents.update(at, file.subarray(at, at + chunk));
  return contents;
}

it.each([bytes.length, 4 * 1024 * 1024, 1_000_003])(
  'large members are summed in one pass, in chunks of %i',
  (chunk) => {
    const sums = pass(bytes, chunk).checksums();
    expect(Object.keys(sums)).toHaveLength(2);
    expect(checkLargeContents(anatomy, sums)).toEqual([]);
  },
);

it.each([0, 1, LARGE - 1])(
  'a change at byte %i of a large member is found by the pass, and by it alone',
  (at) => {
    const changed = Buffer.from(bytes);
    const place = (anatomy.zip?.members[1]?.contentOffset ?? 0) + at;
    changed[place] = (changed[place] ?? 0) ^ 0x10;
    expect(checkContents(anatomy, bufferSource(changed))).toEqual([]);
    const findings = checkLargeContents(anatomy, pass(changed, 1_000_003).checksums());
    expect(findings.map(({ id, title }) => `${id} ${title}`)).toEqual([
      expect.stringMatching(/^ZIP-033 .*large\.bin$/),
    ]);
  },
);

it('a pass that ends early says nothing of what it did not see', () => {
  const contents = new LargeContents(anatomy);
  contents.update(0, bytes.subarray(0, bytes.length - LARGE));
  expect(Object.keys(contents.checksums()).length).toBeLessThan(2);
  expect(() => contents.update(0, bytes)).toThrow(RangeError);
});

it('what a start leaves out because it is too much in all is for the pass', () => {
  const many = Array.from({ length: 17 }, (_, index) => ({
    name: `part-${index}.bin`,
    content: Buffer.alloc(16 * 1024 * 1024, `${index} `),
  }));
  const file = appendBaseZip(syntheticElf(), [
    ...many,
    { name: 'last.txt', content: text, method: 'deflated' },
  ]);
  const parts = readAnatomy(bufferSource(file));
  const place = (parts.zip?.members[16]?.contentOffset ?? 0) + 5;
  file[place] = (file[place] ?? 0) ^ 1;
  expect(checkContents(parts, bufferSource(file))).toEqual([]);
  const contents = new LargeContents(parts);
  contents.update(0, file);
  const findings = checkLargeContents(parts, contents.checksums());
  expect(findings.map(({ id, title }) => `${id} ${title}`)).toEqual([
    expect.stringMatching(/^ZIP-033 .*part-16\.bin$/),
  ]);
});
