import { describe, expect, it } from 'vitest';
import { assimilate, syntheticElf } from '../../../src/demo/ape-writer.ts';
import { infozipRewrite, zipalignAppend } from '../../../src/demo/zip-writer.ts';
import type { Anatomy } from '../../../src/format/anatomy.ts';
import { readAnatomy } from '../../../src/format/read.ts';
import { bufferSource } from '../../../src/format/source.ts';
import { isUserData } from '../../../src/integrity/baselines/baseline.ts';
import { contentDigest } from '../../../src/integrity/baselines/content.ts';
import { identify } from '../../../src/integrity/identify.ts';
import { PaddockError } from '../../../src/lib/errors.ts';
import { EMPTY_TABLES, judged } from '../../checks/judged.ts';
import { modelEntries } from '../../fixtures/llamafile.ts';
import { codeOf, learn, RELEASE_ENTRIES, release } from './learned.ts';

const SEED = 20260105;
/** Positions in the constant components of each fixture, boundaries aside. */
const POSITIONS = 2000;

const base = release({
  x86Elf: syntheticElf({ code: codeOf('release x86', 70_000), data: codeOf('data', 300) }),
  arm: syntheticElf({
    architecture: 'aarch64',
    code: codeOf('release arm', 3000),
    data: codeOf('data', 300),
  }),
});
const baseline = await learn(base);
const user = modelEntries();

interface Range {
  readonly offset: number;
  readonly length: number;
}

const FIXTURES: readonly (readonly [string, Buffer, (anatomy: Anatomy) => Range[]])[] = [
  ['tier A', zipalignAppend(base, user), () => [{ offset: 0, length: base.length }]],
  ['tier B, repacked', infozipRewrite(zipalignAppend(base, user), []), constantOfB],
  ['tier B, assimilated', assimilate(infozipRewrite(base, user)), constantOfB],
];

/** The program, and the contents of the release's members wherever they are. */
function constantOfB({ zip }: Anatomy): Range[] {
  const members = (zip?.members ?? []).filter(({ name }) => !isUserData(name));
  return [
    { offset: 0, length: baseline.prefix.length },
    ...members.map(({ contentOffset, compressedSize }) => ({
      offset: contentOffset,
      length: compressedSize,
    })),
  ];
}

/** Numerical Recipes' linear congruential generator: the same positions in every run. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** First and last byte of every region, and positions spread evenly over the regions and then the bytes. */
function positions({ regions }: Anatomy, constant: readonly Range[]): number[] {
  const isConstant = (at: number): boolean =>
    constant.some(({ offset, length }) => at >= offset && at < offset + length);
  const found = new Set<number>();
  for (const { offset, length } of regions) {
    for (const at of [offset, offset + 1, offset + length - 2, offset + length - 1]) {
      if (at >= offset && at < offset + length && isConstant(at)) found.add(at);
    }
  }
  for (const { offset, length } of constant) found.add(offset).add(offset + length - 1);
  const inside = regions.filter(({ offset }) => isConstant(offset));
  const numbers = random(SEED);
  const total = constant.reduce((sum, { length }) => sum + length, 0);
  while (found.size < Math.min(POSITIONS, total / 2)) {
    const pool = found.size % 2 === 0 ? inside : constant;
    const range = pool[Math.floor(numbers.next().value * pool.length)];
    if (range === undefined) continue;
    const at = range.offset + Math.floor(numbers.next().value * range.length);
    if (isConstant(at)) found.add(at);
  }
  return [...found];
}

/** Changes the bit, asks, and changes it back. */
async function flip(file: Buffer, at: number, bit: number, tier: 'A' | 'B'): Promise<boolean> {
  file[at] = (file[at] ?? 0) ^ (1 << bit);
  try {
    return await isNoticed(file, tier);
  } finally {
    file[at] = (file[at] ?? 0) ^ (1 << bit);
  }
}

/** Noticed: the file is malformed, of another standing or tier, or has bytes that nothing explains (APE-014). */
async function isNoticed(file: Buffer, tier: 'A' | 'B'): Promise<boolean> {
  const source = bufferSource(file);
  let anatomy: Anatomy;
  try {
    anatomy = readAnatomy(source);
  } catch (cause) {
    expect(cause).toBeInstanceOf(PaddockError);
    return true;
  }
  const { told } = await identify({ anatomy, source, tables: EMPTY_TABLES, baselines: () => [baseline] });
  const isHidden = anatomy.regions.some(({ kind }) => kind === 'unaccounted');
  return told.standing !== 'release' || told.tier !== tier || isHidden;
}

describe.each(FIXTURES)('%s', (name, file, constantOf) => {
  const tier = name.startsWith('tier A') ? 'A' : 'B';
  const anatomy = readAnatomy(bufferSource(file));

  it('is the release as it is', async () => {
    const { verdict } = await judged(file, { baselines: () => [baseline] });
    expect(verdict).toMatchObject({ standing: 'release', tier, release: baseline.name });
  });

  // The file is judged without the other families of checks: none of them makes a change pass.
  it('notices one changed bit at every boundary and at thousands of other places', async () => {
    const places = positions(anatomy, constantOf(anatomy));
    expect(places.length).toBeGreaterThanOrEqual(2000);
    const kinds = new Set<string>();
    const missed: string[] = [];
    for (const [index, at] of places.entries()) {
      const region = anatomy.regions.find(({ offset, length }) => at >= offset && at < offset + length);
      kinds.add(region?.kind ?? '');
      if (await flip(file, at, index % 8, tier)) continue;
      if (await readsAsBefore(file, at, index % 8)) continue;
      missed.push(`byte ${at}, bit ${index % 8}: ${region?.kind} ${region?.label}`);
    }
    expect(missed).toEqual([]);
    for (const { kind } of anatomy.regions) {
      if (kind.startsWith('zip') || kind.startsWith('gguf')) continue;
      expect(kinds).toContain(kind);
    }
  }, 120_000);
});

/** Whether a bit lies behind the end of a deflate stream, where no reader looks: the content is the same. */
async function readsAsBefore(file: Buffer, at: number, bit: number): Promise<boolean> {
  const changed = Buffer.from(file);
  changed[at] = (changed[at] ?? 0) ^ (1 << bit);
  const member = readAnatomy(bufferSource(file)).zip?.members.find(
    ({ contentOffset, compressedSize, method }) => method === 8 && at === contentOffset + compressedSize - 1,
  );
  if (member === undefined) return false;
  const [was, now] = await Promise.all(
    [file, changed].map((bytes) => contentDigest(bufferSource(bytes), member)),
  );
  return was !== undefined && was === now && RELEASE_ENTRIES.some((entry) => entry.name === member.name);
}
