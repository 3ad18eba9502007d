import { expect, it } from 'vitest';
import { type GgufEntry, writeGguf } from '../../src/demo/gguf-writer.ts';
import { judged } from '../checks/judged.ts';
import { linkedBase } from '../fixtures/apelink.ts';
import { type ZipEntry, zipalignAppend } from '../fixtures/zip-writer.ts';

const MEMBERS = 4000;
const base = linkedBase();

function many(entry: (index: number) => ZipEntry): Buffer {
  return zipalignAppend(
    base,
    Array.from({ length: MEMBERS }, (_, index) => entry(index)),
    { alignment: 1 },
  );
}

it('thousands of findings of one check are told in part, and counted', async () => {
  const { findings } = await judged(many((index) => ({ name: `../${index}`, content: Buffer.alloc(0) })));
  const told = findings.filter(({ id }) => id === 'ZIP-023');
  expect(told).toHaveLength(100);
  expect(told.filter(({ title }) => title.endsWith(`; and ${MEMBERS - 100} more of ZIP-023`))).toHaveLength(
    1,
  );
  expect(told.every(({ severity }) => severity === 'deny')).toBe(true);
});

it('an address behind many that a policy grants is not granted along with them', async () => {
  const hosts = Array.from({ length: 20 }, (_, index) => `--listen\n10.0.0.5:${8000 + index}\n`).join('');
  const args = `${hosts}--listen\n0.0.0.0:80\n...\n`;
  const { findings } = await judged(zipalignAppend(base, [{ name: '.args', content: Buffer.from(args) }]));
  const asked = findings.filter(({ id }) => id === 'ARG-012');
  const told = asked.some(({ asks }) => asks?.listen === '0.0.0.0');
  expect(told || asked.some(({ asks }) => asks === undefined)).toBe(true);
});

it('generations of many members each are not all parsed, and what is not is unaccounted for', async () => {
  let file = many((index) => ({ name: `m${index}`, content: Buffer.alloc(0) }));
  for (let index = 0; index < 8; index++)
    file = zipalignAppend(file, [{ name: `g${index}`, content: Buffer.from('x') }], { alignment: 1 });
  const { anatomy, ids } = await judged(file);
  const parsed = anatomy?.generations.reduce((sum, { view }) => sum + view.members.length, 0) ?? 0;
  expect(parsed).toBeGreaterThan(0);
  expect(parsed).toBeLessThanOrEqual(16_384);
  expect(ids).toContain('APE-014');
});

it('many weights in one file are as bounded as one', async () => {
  const entries = Array.from({ length: 50_000 }, (_, index): GgufEntry => [`k${index}`, 'u8', 1]);
  const weights = writeGguf({
    metadata: [['general.architecture', 'string', 'llama'], ...entries],
    tensors: [],
  });
  const members = (count: number) =>
    zipalignAppend(
      base,
      Array.from({ length: count }, (_, index) => ({ name: `${index}.gguf`, content: weights })),
    );
  expect((await judged(members(2))).error).toBeUndefined();
  const { error, ids } = await judged(members(3));
  expect(error?.code).toBe('too-large');
  expect(ids).toEqual(['GGUF-005']);
});

it('modules that no baseline could have are not unpacked for their digest', async () => {
  const content = Buffer.alloc(30 * 1024 * 1024);
  const { findings } = await judged(
    zipalignAppend(base, [{ name: 'ggml-cuda.so', content, method: 'deflated' }]),
  );
  expect(findings.find(({ id }) => id === 'ZIP-053')?.evidence.found).toBe(`${content.length} bytes`);
});

it('a compressed member that would take too much memory is not judged, and that is no pass', async () => {
  const content = Buffer.alloc(33 * 1024 * 1024);
  const { findings } = await judged(zipalignAppend(base, [{ name: 'big.txt', content, method: 'deflated' }]));
  const told = findings.filter(({ id }) => id === 'ZIP-046');
  expect(told).toEqual([expect.objectContaining({ severity: 'deny', incomplete: true })]);
  expect(told[0]?.evidence.expected).toContain(`at most ${32 * 1024 * 1024} bytes`);
});
