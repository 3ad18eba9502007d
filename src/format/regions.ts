import type { Region } from './anatomy.ts';
import { malformed } from './faults.ts';
import type { ByteSource } from './source.ts';

/** A range that a reader can explain. Where two claims overlap, the higher rank has the bytes: specific beats general. */
export type Claim = Region & { readonly rank: number };

/** Sections of a plain ELF < mapped segments < zip structures < headers, tables and loaders of the program. */
export const RANK = { section: 0, segment: 1, zip: 2, structure: 3 } as const;

/** Gaps above this are not read but `unaccounted`: alignment never leaves more, and reading would take long. */
const GAP_LIMIT = 16 * 1024 * 1024;
/** Bytes of all gaps together that are read. */
const GAP_BUDGET = 256 * 1024 * 1024;
const CHUNK = 1024 * 1024;

/** Regions from byte 0 to the end: the claims, clipped by rank, and between them `padding` (zeros) or `unaccounted`. */
export function tile(source: ByteSource, claims: readonly Claim[]): Region[] {
  const covered = arrange(claims);
  const regions: Region[] = [];
  let budget = GAP_BUDGET;
  let at = 0;
  const fill = (end: number) => {
    const length = end - at;
    if (length === 0) return;
    const affordable = length <= GAP_LIMIT && length <= budget;
    if (affordable) budget -= length;
    regions.push(...(affordable ? explainGap(source, at, end) : [unaccounted(at, end)]));
  };
  for (const region of covered) {
    fill(region.offset);
    regions.push(region);
    at = region.offset + region.length;
  }
  fill(source.size);
  return regions;
}

/** Claims sorted and clipped so that none overlap. */
export function arrange(claims: readonly Claim[]): Region[] {
  const ranks = [...new Set(claims.map(({ rank }) => rank))].sort((a, b) => b - a);
  let result: Region[] = [];
  for (const rank of ranks) {
    const layer = claims.filter((claim) => claim.rank === rank && claim.length > 0);
    layer.sort((a, b) => a.offset - b.offset);
    result = beneath(result, layer.map(withoutRank));
  }
  return result;
}

/** Ranges of `[start, end)` that no region covers. `regions` is sorted and does not overlap. */
export function gapsBetween(
  regions: readonly Region[],
  start: number,
  end: number,
): { start: number; end: number }[] {
  const gaps: { start: number; end: number }[] = [];
  let at = start;
  for (const { offset, length } of regions) {
    if (offset > at && at < end) gaps.push({ start: at, end: Math.min(offset, end) });
    at = Math.max(at, offset + length);
  }
  if (at < end) gaps.push({ start: at, end });
  return gaps;
}

/** @throws PaddockError `malformed` if a claim of `left` shares a byte with one of `right`: a case of `check`. */
export function refuseOverlap(
  left: readonly Claim[],
  right: readonly Claim[],
  message: string,
  check: string,
): void {
  const sorted = [...right].filter(({ length }) => length > 0).sort((a, b) => a.offset - b.offset);
  // Ends do not ascend where claims of one side overlap; the running maximum does, and finds the same conflicts.
  const ends: number[] = [];
  for (const { offset, length } of sorted) ends.push(Math.max(ends.at(-1) ?? 0, offset + length));
  for (const claim of left) {
    if (claim.length === 0) continue;
    const other = sorted[firstAbove(ends, claim.offset)];
    if (other === undefined || other.offset >= claim.offset + claim.length) continue;
    throw malformed(message, {
      check,
      offset: Math.max(claim.offset, other.offset),
      expected: `${claim.label} apart from ${other.label}`,
      found: `[${claim.offset}, ${claim.offset + claim.length}) and [${other.offset}, ${other.offset + other.length})`,
    });
  }
}

/** `upper` with those parts of `lower` that it leaves free. Both are sorted; `lower` may overlap itself. */
function beneath(upper: readonly Region[], lower: readonly Region[]): Region[] {
  const out: Region[] = [];
  let index = 0;
  let lowerEnd = 0;
  for (const claim of lower) {
    const end = claim.offset + claim.length;
    let at = Math.max(claim.offset, lowerEnd);
    lowerEnd = Math.max(lowerEnd, end);
    while (at < end) {
      let next = upper[index];
      while (next !== undefined && next.offset + next.length <= at) {
        out.push(next);
        next = upper[++index];
      }
      const stop = Math.min(next?.offset ?? end, end);
      if (stop > at) out.push({ ...claim, offset: at, length: stop - at });
      at = next !== undefined && stop < end ? next.offset + next.length : end;
    }
  }
  return out.concat(upper.slice(index));
}

/** Index of the first of the ascending `values` that is above `value`; their length if none is. */
function firstAbove(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function withoutRank({ rank: _, ...region }: Claim): Region {
  return region;
}

/** Zeros at both ends are padding; what lies between the first and the last byte that is not zero is not. */
function explainGap(source: ByteSource, start: number, end: number): Region[] {
  let first = -1;
  let last = -1;
  for (let at = start; at < end; at += CHUNK) {
    const chunk = source.read(at, Math.min(CHUNK, end - at));
    const from = firstNonZero(chunk);
    if (from < 0) continue;
    if (first < 0) first = at + from;
    last = at + lastNonZero(chunk);
  }
  if (first < 0) return [padding(start, end)];
  return [padding(start, first), unaccounted(first, last + 1), padding(last + 1, end)].filter(
    ({ length }) => length > 0,
  );
}

const ZEROS = Buffer.alloc(CHUNK);

function firstNonZero(chunk: Buffer): number {
  if (chunk.equals(ZEROS.subarray(0, chunk.length))) return -1;
  return chunk.findIndex((byte) => byte !== 0);
}

function lastNonZero(chunk: Buffer): number {
  return chunk.findLastIndex((byte) => byte !== 0);
}

function padding(start: number, end: number): Region {
  return { kind: 'padding', offset: start, length: end - start, label: 'zeros' };
}

function unaccounted(start: number, end: number): Region {
  return {
    kind: 'unaccounted',
    offset: start,
    length: end - start,
    label: 'no reader can explain these bytes',
  };
}
