import { createHash } from 'node:crypto';
import type { Anatomy, ZipView } from '../format/anatomy.ts';
import { type ByteSource, prefixSource } from '../format/source.ts';
import { readZip } from '../format/zip/archive.ts';
import type { Release } from './tables.ts';

/** A prefix of the file that is byte for byte a published release. */
export interface ReleaseMatch {
  readonly release: Release;
  readonly length: number;
  /** The release's own archive, as it was when the file ended there. */
  readonly view: ZipView;
}

/** No published executable is longer; a longer prefix whose size no table names is not hashed. */
const MAX_RELEASE_BYTES = 1024 ** 3;
const CHUNK_BYTES = 1024 * 1024;
/** Of directories in search of a hidden end of the file: a release has some hundred records. */
const MAX_RECORDS = 4096;
const MAX_WALKS = 32;
const ZIPALIGN_GAP = 24;
const CENTRAL_LENGTH = 46;
const EOCD32_LENGTH = 22;
const EOCD64_LENGTH = 56;
const LOCATOR_LENGTH = 20;
const CENTRAL = 0x02014b50;
const EOCD32 = 0x06054b50;
const EOCD64 = 0x06064b50;

/**
 * The longest prefix that is a published release. `zipalign` only appends, so a file made from a release has that
 * release as its exact prefix, which ends where an earlier zip generation ends, or where the file does. One pass over
 * the longest candidate serves all.
 */
export function matchRelease(
  anatomy: Anatomy,
  source: ByteSource,
  releases: ReadonlyMap<string, Release>,
): ReleaseMatch | undefined {
  const candidates = candidateEnds(anatomy, source, releases);
  const hash = createHash('sha256');
  let done = 0;
  let found: ReleaseMatch | undefined;
  for (const { end, view } of candidates) {
    while (done < end) {
      const length = Math.min(CHUNK_BYTES, end - done);
      hash.update(source.read(done, length));
      done += length;
    }
    const release = releases.get(hash.copy().digest('hex'));
    const own = release === undefined ? undefined : (view ?? readZip(prefixSource(source, end)));
    if (release !== undefined && own !== undefined) found = { release, length: end, view: own };
  }
  return found;
}

/** Where the release may end. What a generation ends is known; other ends have their archive read when the digest fits. */
interface Candidate {
  readonly end: number;
  readonly view?: ZipView;
}

function candidateEnds(
  anatomy: Anatomy,
  source: ByteSource,
  releases: ReadonlyMap<string, Release>,
): Candidate[] {
  const all = [...releases.values()];
  const sizes = new Set(all.flatMap(({ size }) => size ?? []));
  const someUnsized = all.some(({ size }) => size === undefined);
  const ends: Candidate[] = [
    ...anatomy.generations,
    ...(anatomy.zip === undefined ? [] : [{ end: anatomy.size, view: anatomy.zip }]),
  ];
  const known = new Set(ends.map(({ end }) => end));
  const others = [...sizes].filter((size) => endsArchive(source, size));
  if (someUnsized) others.push(...endsBehindMembers(anatomy, source));
  return [...ends, ...[...new Set(others)].filter((end) => !known.has(end)).map((end) => ({ end }))]
    .filter(({ end }) => sizes.has(end) || (someUnsized && end <= MAX_RELEASE_BYTES))
    .sort((a, b) => a.end - b.end);
}

/** Whether an end record without a comment lies in front of `end`. */
function endsArchive(source: ByteSource, end: number): boolean {
  if (end < EOCD32_LENGTH || end > source.size) return false;
  const record = source.read(end - EOCD32_LENGTH, EOCD32_LENGTH);
  return record.readUInt32LE(0) === EOCD32 && record.readUInt16LE(20) === 0;
}

/**
 * Ends of directories that begin right behind a member, or 24 bytes behind it as zipalign writes them. Generations are
 * searched for in a window in front of the next member, so that much padding could hide one.
 */
function endsBehindMembers({ zip }: Anatomy, source: ByteSource): number[] {
  const members = [...(zip?.members ?? [])].sort((a, b) => a.localOffset - b.localOffset);
  const ends: number[] = [];
  let walks = 0;
  for (const [index, { contentOffset, compressedSize }] of members.entries()) {
    const start = contentOffset + compressedSize;
    const next = members[index + 1]?.localOffset ?? zip?.directoryOffset ?? start;
    if (start > MAX_RELEASE_BYTES || walks >= MAX_WALKS) break;
    for (const at of [start, start + ZIPALIGN_GAP]) {
      if (at + CENTRAL_LENGTH > next || source.read(at, 4).readUInt32LE(0) !== CENTRAL) continue;
      walks++;
      const end = endOfDirectory(source, at, next);
      if (end !== undefined) ends.push(end);
    }
  }
  return ends;
}

/** Walks the records of a directory to its end record; undefined if there is none before `limit`. */
function endOfDirectory(source: ByteSource, start: number, limit: number): number | undefined {
  let at = start;
  for (let records = 0; records < MAX_RECORDS && at + CENTRAL_LENGTH <= limit; records++) {
    const bytes = source.read(at, CENTRAL_LENGTH);
    if (bytes.readUInt32LE(0) !== CENTRAL) break;
    at += CENTRAL_LENGTH + [28, 30, 32].reduce((sum, field) => sum + bytes.readUInt16LE(field), 0);
  }
  if (at === start || at + EOCD32_LENGTH > limit) return undefined;
  const signature = source.read(at, 4).readUInt32LE(0);
  const end = at + EOCD32_LENGTH + (signature === EOCD64 ? EOCD64_LENGTH + LOCATOR_LENGTH : 0);
  return end <= limit && endsArchive(source, end) ? end : undefined;
}
