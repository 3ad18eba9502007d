import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Anatomy } from '../../src/format/anatomy.ts';
import type { ByteSource } from '../../src/format/source.ts';
import { matchRelease } from '../../src/integrity/prefix.ts';
import type { Release } from '../../src/integrity/tables.ts';
import { anatomy } from './anatomies.ts';

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

function release(size: number, named: { size?: number } = {}): [string, Release] {
  const sha256 = createHash('sha256').update(Buffer.alloc(size)).digest('hex');
  return [sha256, { artifact: `of ${size}`, version: '1', sha256, source: 'this test', ...named }];
}

const withEnds = (size: number, ...ends: number[]): Anatomy =>
  anatomy({ size, zip: view, generations: ends.map((end) => ({ end, view })) });

describe('matchRelease', () => {
  it('reads each byte once for all candidates, in pieces of at most 1 MiB', () => {
    const { source, reads } = zeros(5 * MiB);
    const found = matchRelease(withEnds(5 * MiB, MiB + 7, 3 * MiB), source, new Map([release(MiB + 7)]));
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
    const releases = new Map([release(100), release(200), release(300)]);
    expect(matchRelease(withEnds(1000, 100, 200), zeros(1000).source, releases)?.length).toBe(200);
  });

  it('reads one end record and hashes nothing when every size is known and none fits', () => {
    const { source, reads } = zeros(1000);
    expect(matchRelease(withEnds(1000, 100), source, new Map([release(200, { size: 200 })]))).toBeUndefined();
    expect(reads).toEqual([{ offset: 178, length: 22 }]);
  });

  it('reads no prefix that is longer than any release', () => {
    const { source, reads } = zeros(16 * 1024 * MiB);
    const big = 1024 * MiB + 1;
    expect(matchRelease(withEnds(16 * 1024 * MiB, big), source, new Map([release(200)]))).toBeUndefined();
    expect(reads).toEqual([]);
  });

  it('has nothing to say about a file without an archive', () => {
    const { zip: _, ...bare } = anatomy();
    expect(matchRelease(bare, zeros(4096).source, new Map([release(4096)]))).toBeUndefined();
  });
});
