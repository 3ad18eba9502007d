import { describe, expect, it } from 'vitest';
import { summarise } from '../../../src/format/summary.ts';
import { fixtureBase, fixtureLlamafile, modelEntries } from '../../fixtures/llamafile.ts';
import { type ZipEntry, zipalignAppend } from '../../fixtures/zip-writer.ts';
import { bytesOf, expectExactTiling, read } from '../support.ts';

const entry = (name: string, content: string | Buffer): ZipEntry => ({ name, content: Buffer.from(content) });

it('as many generations as there were, whatever the alignment', () => {
  for (const alignment of [1, 4096, 65536]) {
    let file = fixtureBase();
    const ends = [file.length];
    for (let index = 0; index < 5; index++) {
      file = zipalignAppend(file, [entry(`file-${index}`, 'content')], { alignment });
      ends.push(file.length);
    }
    const anatomy = read(file);
    expectExactTiling(anatomy);
    expect(anatomy.generations.map(({ end }) => end)).toEqual(ends.slice(0, -1));
    expect(bytesOf(anatomy, 'unaccounted')).toBe(0);
  }
});

it('a member of the base that was replaced is told from what replaced it', () => {
  const base = fixtureBase();
  const file = zipalignAppend(base, [entry('usr/share/zoneinfo/UTC', 'mine')]);
  const anatomy = read(file);
  expect(anatomy.generations[0]?.end).toBe(base.length);
  const before = anatomy.generations[0]?.view.members.find(({ name }) => name.endsWith('UTC'));
  const after = anatomy.zip?.members.find(({ name }) => name.endsWith('UTC'));
  expect(before?.recordSha256).not.toBe(after?.recordSha256);
  expect(before?.localOffset).toBeLessThan(after?.localOffset ?? 0);
});

it('replacing large content leaves it explained, without being read', () => {
  const first = zipalignAppend(fixtureBase(), [entry('big', Buffer.alloc(400_000, 1))]);
  const anatomy = read(zipalignAppend(first, [entry('big', 'small')]));
  expect(anatomy.generations).toHaveLength(2);
  expect(bytesOf(anatomy, 'unaccounted')).toBe(0);
});

describe('what is no generation', () => {
  it('a whole llamafile as a member of another', () => {
    const inner = fixtureLlamafile();
    const base = fixtureBase();
    const anatomy = read(zipalignAppend(base, [entry('inner.llamafile', inner)]));
    expect(anatomy.generations.map(({ end }) => end)).toEqual([base.length]);
  });

  it('a directory that shares bytes with what is used now', () => {
    const base = fixtureBase();
    const file = zipalignAppend(base, modelEntries());
    const record = Buffer.from(file.subarray(base.length - 22, base.length));
    // The same end record once more in the padding: its directory does not end where it begins.
    record.copy(file, base.length + 100);
    const anatomy = read(file);
    expect(anatomy.generations.map(({ end }) => end)).toEqual([base.length]);
    expect(bytesOf(anatomy, 'unaccounted')).toBeGreaterThan(0);
  });

  it('an end record that was damaged', () => {
    const base = fixtureBase();
    const file = zipalignAppend(base, modelEntries());
    file.writeUInt16LE(7, base.length - 22 + 10);
    const anatomy = read(file);
    expect(anatomy.generations).toEqual([]);
    expect(summarise(anatomy).unaccountedBytes).toBeGreaterThan(100);
  });
});

it('many end records that lead nowhere cost a bounded number of attempts', () => {
  const file = zipalignAppend(fixtureBase(), [entry('last', 'x')]);
  const gap = read(file).regions.find(({ kind, length }) => kind === 'padding' && length > 40_000);
  for (let at = gap?.offset ?? 0; at + 22 < (gap?.offset ?? 0) + (gap?.length ?? 0); at += 22) {
    file.writeUInt32LE(0x06054b50, at);
  }
  expectExactTiling(read(file));
});
