import fc from 'fast-check';
import { expect, it } from 'vitest';
import { arrange, type Claim, gapsBetween, refuseOverlap, tile } from '../../src/format/regions.ts';
import { type ByteSource, bufferSource } from '../../src/format/source.ts';
import { refusal } from './support.ts';

const SIZE = 200;
const claim = (offset: number, length: number, rank = 1, kind: Claim['kind'] = 'segment'): Claim => ({
  kind,
  offset,
  length,
  rank,
  label: `${kind} ${rank}`,
});
const claims = fc.array(
  fc
    .tuple(fc.nat(SIZE), fc.nat(60), fc.integer({ min: 0, max: 3 }))
    .map(([offset, length, rank]) => claim(offset, Math.min(length, SIZE - offset), rank)),
  { maxLength: 20 },
);
const owner = (all: readonly Claim[], at: number) =>
  Math.max(
    -1,
    ...all.filter(({ offset, length }) => offset <= at && at < offset + length).map(({ rank }) => rank),
  );

it('every byte belongs to the highest claim on it, or to a gap', () => {
  const source = bufferSource(Buffer.alloc(SIZE));
  fc.assert(
    fc.property(claims, (all) => {
      const ranks: number[] = [];
      for (const { kind, label, length } of tile(source, all)) {
        expect(length).toBeGreaterThan(0);
        ranks.push(...Array(length).fill(kind === 'padding' ? -1 : Number(label.at(-1))));
      }
      expect(ranks).toEqual(Array.from({ length: SIZE }, (_, at) => owner(all, at)));
    }),
  );
});

it('gaps are what no region covers', () => {
  fc.assert(
    fc.property(claims, fc.nat(SIZE), (all, start) => {
      const free = new Set<number>();
      for (const gap of gapsBetween(arrange(all), start, SIZE)) {
        expect(gap.end).toBeGreaterThan(gap.start);
        for (let at = gap.start; at < gap.end; at++) free.add(at);
      }
      for (let at = 0; at < SIZE; at++) expect(free.has(at)).toBe(at >= start && owner(all, at) < 0);
    }),
  );
});

it('an overlap is refused exactly where there is one', () => {
  fc.assert(
    fc.property(claims, claims, (left, right) => {
      const shared = Array.from({ length: SIZE }, (_, at) => at).some(
        (at) => owner(left, at) >= 0 && owner(right, at) >= 0,
      );
      const act = () => refuseOverlap(left, right, 'overlap', 'APE-024');
      if (shared) expect(refusal(act).code).toBe('malformed');
      else expect(act).not.toThrow();
    }),
  );
});

it('a gap is trimmed to the bytes that are not zero', () => {
  const bytes = Buffer.alloc(3 * 1024 * 1024);
  bytes[1_500_000] = 1;
  bytes[2_500_000] = 1;
  expect(tile(bufferSource(bytes), [])).toMatchObject([
    { kind: 'padding', length: 1_500_000 },
    { kind: 'unaccounted', length: 1_000_001 },
    { kind: 'padding' },
  ]);
});

it('a gap above 16 MiB is unaccounted and not read', () => {
  const source: ByteSource = {
    size: 2 ** 40,
    read() {
      throw new Error('read');
    },
  };
  expect(tile(source, [])).toMatchObject([{ kind: 'unaccounted', offset: 0, length: 2 ** 40 }]);
});
