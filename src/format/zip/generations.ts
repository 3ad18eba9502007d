import { PaddockError } from '../../lib/errors.ts';
import type { ZipGeneration, ZipMember, ZipView } from '../anatomy.ts';
import { arrange, type Claim, gapsBetween } from '../regions.ts';
import { type ByteSource, prefixSource } from '../source.ts';
import { DIRECTORY_LIMIT, MEMBERS_LIMIT, readZip, zipClaims, zipEnd } from './archive.ts';

/** zipalign aligns to 64 KiB, so an earlier end of the file is less than this before a later member. */
const WINDOW = 128 * 1024;
const SCAN_BUDGET = 256 * 1024 * 1024;
/** Directories that are parsed in search of a generation, whether they turn out to be one or not. */
const ATTEMPTS = 64;
/** Records of these directories together: each is kept, and a genuine file has some hundred in each of a few generations. */
const RECORDS_BUDGET = 16_384;
const RECORD_MINIMUM = 46;
const EOCD32_LENGTH = 22;
const EOCD32 = Buffer.from('504b0506', 'hex');

/**
 * Earlier ends of the file. `zipalign` only appends, so directory and end records of what it was given are still there,
 * in bytes that the current archive does not use, shortly before a member that was added later. A candidate counts if the
 * file cut off behind it is a well-formed archive, none of whose bytes serve something else now.
 * @param claims what is explained already: the program and the current archive
 * @returns generations, oldest first, and what they explain in addition. What is not found stays unaccounted.
 */
export function findGenerations(
  source: ByteSource,
  current: ZipView,
  claims: readonly Claim[],
): { generations: ZipGeneration[]; claims: Claim[] } {
  const found: { generation: ZipGeneration; claims: Claim[] }[] = [];
  const state: Search = { source, members: memberKeys(current.members), scanned: 0, attempts: 0, records: 0 };
  let limit = current.directoryOffset;
  for (;;) {
    const known = arrange([...claims, ...found.flatMap((each) => each.claims)]);
    const next = findNewest(state, gapsBetween(known, 0, limit));
    if (next === undefined) break;
    found.push(next);
    for (const key of memberKeys(next.generation.view.members)) state.members.add(key);
    limit = next.generation.view.directoryOffset;
  }
  found.reverse();
  return {
    generations: found.map(({ generation }) => generation),
    claims: found.flatMap((each, index) => each.claims.map((claim) => ({ ...claim, generation: index }))),
  };
}

interface Search {
  readonly source: ByteSource;
  /** Members of later generations: an earlier one may have them too. */
  readonly members: Set<string>;
  scanned: number;
  attempts: number;
  records: number;
}
type Gap = { readonly start: number; readonly end: number };
type Candidate = { generation: ZipGeneration; claims: Claim[] };

function findNewest(state: Search, gaps: readonly Gap[]): Candidate | undefined {
  for (const gap of [...gaps].reverse()) {
    const start = Math.max(gap.start, gap.end - WINDOW);
    if (gap.end - start < EOCD32_LENGTH) continue;
    state.scanned += gap.end - start;
    if (state.scanned > SCAN_BUDGET) return undefined;
    const window = state.source.read(start, gap.end - start);
    for (const at of occurrences(window).reverse()) {
      const end = start + at + EOCD32_LENGTH;
      const candidate = end <= gap.end ? parse(state, end, gaps) : undefined;
      if (candidate !== undefined) return candidate;
    }
  }
  return undefined;
}

/** Forward, because `Buffer.lastIndexOf` is many times slower. */
function occurrences(window: Buffer): number[] {
  const found: number[] = [];
  for (let at = window.indexOf(EOCD32); at >= 0; at = window.indexOf(EOCD32, at + 1)) found.push(at);
  return found;
}

function parse(state: Search, end: number, gaps: readonly Gap[]): Candidate | undefined {
  state.records += recordsBefore(state.source, end);
  if (++state.attempts > ATTEMPTS || state.records > RECORDS_BUDGET) return undefined;
  const view = readPrefix(state.source, end);
  if (view === undefined || zipEnd(view) !== end) return undefined;
  const dead = view.members.filter((member) => !state.members.has(memberKey(member)));
  const claims = zipClaims(view, dead);
  return claims.every((claim) => isFree(gaps, claim)) ? { generation: { end, view }, claims } : undefined;
}

/** How many records the end record in front of `end` names, if its directory could be one: what parsing it would cost. */
function recordsBefore(source: ByteSource, end: number): number {
  const record = source.read(end - EOCD32_LENGTH, EOCD32_LENGTH);
  const length = record.readUInt32LE(12);
  const records = record.readUInt16LE(10);
  if (length > DIRECTORY_LIMIT || records * RECORD_MINIMUM > length) return 0;
  return Math.min(records, MEMBERS_LIMIT);
}

/** Whether a range lies in one gap. Gaps ascend, so the last one that starts by its offset is the only one possible. */
function isFree(gaps: readonly Gap[], { offset, length }: Claim): boolean {
  let low = 0;
  let high = gaps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((gaps[middle]?.start ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  const gap = gaps[low - 1];
  return gap !== undefined && offset + length <= gap.end;
}

function readPrefix(source: ByteSource, end: number): ZipView | undefined {
  try {
    return readZip(prefixSource(source, end));
  } catch (cause) {
    // Bytes that only look like an end record are no fault of the file; they stay unaccounted.
    if (cause instanceof PaddockError && (cause.code === 'malformed' || cause.code === 'too-large'))
      return undefined;
    throw cause;
  }
}

function memberKeys(members: readonly ZipMember[]): Set<string> {
  return new Set(members.map(memberKey));
}

function memberKey({ localOffset, contentOffset, compressedSize }: ZipMember): string {
  return `${localOffset} ${contentOffset} ${compressedSize}`;
}
