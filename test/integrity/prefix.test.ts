import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { zipalignAppend } from '../../src/demo/zip-writer.ts';
import type { Anatomy } from '../../src/format/anatomy.ts';
import { readAnatomy } from '../../src/format/read.ts';
import { type ByteSource, bufferSource } from '../../src/format/source.ts';
import { judge } from '../../src/integrity/judge.ts';
import { matchRelease } from '../../src/integrity/prefix.ts';
import type { Release } from '../../src/integrity/tables.ts';
import { modelEntries } from '../fixtures/llamafile.ts';
import { anatomy } from './anatomies.ts';
import { RELEASE_ENTRIES, release } from './baselines/learned.ts';

const MiB = 1024 ** 2;
const view = { eocd: 'eocd32', eocdOffset: 0, directoryOffset: 0, directoryLength: 0, members: [] } as const;

/** A file of zeros that notes what was read of it. */
function zeros(size: number): { source: ByteSource; reads: { offset: number; length: number }[] } {
  const reads: { offset: number; length: number }[] = [];
  const read = (offset: number, length: number): Buffer => {
    reads.push({ offset, length });
    return Buffer.alloc(length);
  };
  return { source: { size, read } as unknown as ByteSource, reads };
}

function zerosRelease(size: number, named: { size?: number } = {}): [string, Release] {
  const sha256 = createHash('sha256').update(Buffer.alloc(size)).digest('hex');
  return [sha256, { artifact: `of ${size}`, version: '1', sha256, source: 'this test', ...named }];
}

const withEnds = (size: number, ...ends: number[]): Anatomy =>
  anatomy({ size, zip: view, generations: ends.map((end) => ({ end, view })) });

describe('matchRelease', () => {
  it('reads each byte once for all candidates, in pieces of at most 1 MiB', () => {
    const { source, reads } = zeros(5 * MiB);
    const found = matchRelease(withEnds(5 * MiB, MiB + 7, 3 * MiB), source, new Map([zerosRelease(MiB + 7)]));
    expect(found).toMatchObject({ length: MiB + 7, release: { artifact: `of ${MiB + 7}` } });
    expect(reads.every(({ length }) => length <= MiB)).toBe(true);
    let at = 0;
    for (const { offset, length } of reads) {
      expect(offset).toBe(at);
      at += length;
    }
    expect(at).toBe(5 * MiB);
  });

  it('takes the longest', () => {
    const releases = new Map([zerosRelease(100), zerosRelease(200), zerosRelease(300)]);
    expect(matchRelease(withEnds(1000, 100, 200), zeros(1000).source, releases)?.length).toBe(200);
  });

  it('reads one end record and hashes nothing when every size is known and none fits', () => {
    const { source, reads } = zeros(1000);
    expect(
      matchRelease(withEnds(1000, 100), source, new Map([zerosRelease(200, { size: 200 })])),
    ).toBeUndefined();
    expect(reads).toEqual([{ offset: 178, length: 22 }]);
  });

  it('reads no prefix that is longer than any release', () => {
    const { source, reads } = zeros(16 * 1024 * MiB);
    const big = 1024 * MiB + 1;
    expect(
      matchRelease(withEnds(16 * 1024 * MiB, big), source, new Map([zerosRelease(200)])),
    ).toBeUndefined();
    expect(reads).toEqual([]);
  });

  it('has nothing to say about a file without an archive', () => {
    const { zip: _, ...bare } = anatomy();
    expect(matchRelease(bare, zeros(4096).source, new Map([zerosRelease(4096)]))).toBeUndefined();
  });
});

describe('a release whose end the search for generations does not see', () => {
  const sized = (bytes: Buffer, size?: number): Map<string, Release> => {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const known = { artifact: 'llamafile-9', version: '9', sha256, source: 'this test' };
    return new Map([[sha256, size === undefined ? known : { ...known, size }]]);
  };
  const found = async (file: Buffer, releases: Map<string, Release>) => {
    const source = bufferSource(file);
    const read = readAnatomy(source);
    const verdict = await judge({
      anatomy: read,
      source,
      tables: { loaders: new Map(), releases },
      architecture: 'x86-64',
    });
    return { generations: read.generations.length, verdict };
  };

  it.each([
    ['linked', release],
    [
      'with modules by zipalign',
      () => zipalignAppend(release(), [{ name: 'a.so', content: Buffer.from('a') }]),
    ],
  ])('because of much padding: %s', async (_, make) => {
    const base = make();
    const file = zipalignAppend(base, modelEntries(), { alignment: 1024 * 1024 });
    for (const releases of [sized(base), sized(base, base.length)]) {
      const { verdict } = await found(file, releases);
      expect(verdict).toMatchObject({ standing: 'release', tier: 'A', releaseLength: base.length });
    }
  });

  it('because another member claims the bytes of its directory: tampered', async () => {
    // A member of the release holds a local header whose content reaches over the directory of the release.
    const inner = innerHeader(400);
    const base = release({ zipEntries: [...RELEASE_ENTRIES, { name: 'blob', content: inner }] });
    const at = base.indexOf(inner.subarray(0, 30));
    const appended = zipalignAppend(base, modelEntries());
    const file = Buffer.from(appended);
    // The record of `blob`, in the last directory, becomes one of the header inside it.
    const record = file.lastIndexOf('blob') - 46;
    file.write('inne', record + 46, 'latin1');
    file.copy(file, record + 16, at + 14, at + 26);
    file.writeUInt32LE(at, record + 42);
    const { verdict, generations } = await found(file, sized(base, base.length));
    expect(generations).toBe(0);
    expect(verdict).toMatchObject({ standing: 'tampered', tier: 'A', release: 'llamafile-9' });
    expect(verdict.components?.map(({ component }) => component)).toContain('member blob');
  });

  it('but not where only an end record is: the digest decides', async () => {
    const base = release();
    const changed = zipalignAppend(base, modelEntries(), { alignment: 1024 * 1024 });
    changed[0x12345] = (changed[0x12345] ?? 0) ^ 1;
    expect((await found(changed, sized(base, base.length))).verdict).toMatchObject({ standing: 'unknown' });
  });
});

/** A local header of a stored member of four letters that claims `length` bytes behind it, and some of them. */
function innerHeader(length: number): Buffer {
  const out = Buffer.alloc(100, 0x20);
  out.writeUInt32LE(0x04034b50, 0);
  out.writeUInt16LE(20, 4);
  out.writeUInt16LE(0x800, 6);
  out.fill(0, 8, 18);
  out.writeUInt32LE(length, 18);
  out.writeUInt32LE(length, 22);
  out.writeUInt16LE(4, 26);
  out.writeUInt16LE(0, 28);
  out.write('inne', 30, 'latin1');
  return out;
}
