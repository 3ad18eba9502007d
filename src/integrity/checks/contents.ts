import { inflateRawSync } from 'node:zlib';
import type { Anatomy, ZipMember } from '../../format/anatomy.ts';
import type { ByteSource } from '../../format/source.ts';
import { crc32 } from '../../lib/crc32.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/** Longer stored members are weights and libraries: their checksum is left to a pass over the whole file. */
const STORED_LIMIT = 16 * 1024 * 1024;
/** Of one member, packed and unpacked, which both are in memory. No member that the runtime unpacks is a fifth of it. */
const UNPACKED_LIMIT = 32 * 1024 * 1024;
/** Of all compressed members together, unpacked, and of all stored ones: what a start may cost. */
const BUDGET = 256 * 1024 * 1024;
/** Deflate packs zeros 1,032 to 1; texts, sources and pages stay below 20 to 1. */
const RATIO_LIMIT = 1000;
const RATIO_FREE_BYTES = 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
/** zlib takes no less. */
const LEAST_CHUNK_BYTES = 64;

/**
 * ZIP-033, ZIP-041 and ZIP-046: whether the contents are what their headers say, for all compressed members, and for stored ones
 * up to 16 MiB and 256 MiB together. The other stored ones are for `LargeContents`.
 */
export function checkContents(anatomy: Anatomy, source: ByteSource): Finding[] {
  const compressed = within(membersOf(anatomy, 8), UNPACKED_LIMIT);
  return [
    ...storedMembers(anatomy).now.flatMap((member) => stored(member, source)),
    ...compressed.now.flatMap((member) => deflated(member, source)),
    ...compressed.later.map(notJudged),
  ];
}

function membersOf({ zip }: Anatomy, method: number): ZipMember[] {
  return (zip?.members ?? []).filter((member) => member.method === method);
}

function storedMembers(anatomy: Anatomy): Plan {
  return within(membersOf(anatomy, 0), STORED_LIMIT);
}

interface Plan {
  readonly now: readonly ZipMember[];
  readonly later: readonly ZipMember[];
}

/** Members in their order, each of at most `limitBytes` in the file and unpacked, as long as they fit into the budget together. */
function within(members: readonly ZipMember[], limitBytes: number): Plan {
  const now: ZipMember[] = [];
  const later: ZipMember[] = [];
  let budget = BUDGET;
  for (const member of members) {
    const bytes = Math.max(member.size, member.compressedSize);
    const fits = bytes <= limitBytes && bytes <= budget;
    if (fits) budget -= bytes;
    (fits ? now : later).push(member);
  }
  return { now, later };
}

function stored(member: ZipMember, source: ByteSource): Finding[] {
  let sum = 0;
  for (let done = 0; done < member.size; done += CHUNK_BYTES) {
    const length = Math.min(CHUNK_BYTES, member.size - done);
    sum = crc32(source.read(member.contentOffset + done, length), sum);
  }
  return compare(member, sum);
}

function deflated(member: ZipMember, source: ByteSource): Finding[] {
  const { size, compressedSize, contentOffset } = member;
  if (size > RATIO_FREE_BYTES && size > compressedSize * RATIO_LIMIT) {
    return [
      packed(member, `at most ${RATIO_LIMIT} times the packed size`, `${compressedSize} bytes for ${size}`),
    ];
  }
  const whole = `${size} bytes, from all ${compressedSize} packed ones`;
  try {
    // The types do not know what `info` gives.
    const result = inflateRawSync(source.read(contentOffset, compressedSize), {
      maxOutputLength: Math.max(1, size),
      // In one piece: pieces would have to be joined, and be in memory twice.
      chunkSize: Math.max(LEAST_CHUNK_BYTES, size + 1),
      info: true,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    const used = result.engine.bytesWritten;
    if (result.buffer.length !== size || used !== compressedSize) {
      return [packed(member, whole, `${result.buffer.length} bytes, from ${used} packed ones`)];
    }
    return compare(member, crc32(result.buffer));
  } catch (cause) {
    // The finding is the report: broken data, or more than the header says.
    const code = (cause as NodeJS.ErrnoException).code ?? 'no data';
    return [packed(member, whole, code === 'ERR_BUFFER_TOO_LARGE' ? 'more bytes' : `broken data (${code})`)];
  }
}

function compare(member: ZipMember, sum: number): Finding[] {
  if (sum === member.crc32) return [];
  const hex = (value: number) => value.toString(16).padStart(8, '0');
  return [
    finding(
      'ZIP-033',
      {
        offset: member.contentOffset,
        length: member.compressedSize,
        expected: `CRC-32 ${hex(member.crc32)}`,
        found: hex(sum),
      },
      escapeText(member.name, 60),
    ),
  ];
}

function packed(member: ZipMember, expected: string, found: string): Finding {
  const { contentOffset: offset, compressedSize: length, name } = member;
  return finding('ZIP-041', { offset, length, expected, found }, escapeText(name, 60));
}

function notJudged({ contentOffset: offset, compressedSize, size, name }: ZipMember): Finding {
  const expected = `at most ${UNPACKED_LIMIT} bytes, and ${BUDGET} with the members before it`;
  const found = `${size} bytes, packed into ${compressedSize}`;
  return finding('ZIP-046', { offset, length: compressedSize, expected, found }, escapeText(name, 60));
}

/** CRC-32 of each large stored member: the offset of its content → what it came to. */
export type Checksums = Readonly<Record<string, number>>;

/**
 * Checksums of the stored members that `checkContents` leaves out, out of one pass over the whole file. Fed with all of it, in
 * order and without gaps; keeps nothing of it.
 */
export class LargeContents {
  private readonly open: { readonly member: ZipMember; sum: number; done: number }[];
  private at = 0;

  constructor(anatomy: Anatomy) {
    this.open = storedMembers(anatomy).later.map((member) => ({ member, sum: 0, done: 0 }));
  }

  /** The next bytes of the file. */
  update(offset: number, bytes: Buffer): void {
    if (offset !== this.at) throw new RangeError(`bytes from ${offset}, expected from ${this.at}`);
    this.at += bytes.length;
    for (const each of this.open) {
      const start = each.member.contentOffset + each.done - offset;
      if (start < 0 || start >= bytes.length || each.done === each.member.size) continue;
      const part = bytes.subarray(start, start + each.member.size - each.done);
      each.sum = crc32(part, each.sum);
      each.done += part.length;
    }
  }

  /** Whether these are the checksums of all of them. */
  isCoveredBy(checksums: Checksums): boolean {
    return this.open.every(({ member }) => checksums[String(member.contentOffset)] !== undefined);
  }

  /** What the pass came to; members that it did not reach to the end are missing. */
  checksums(): Checksums {
    const whole = this.open.filter(({ member, done }) => done === member.size);
    return Object.fromEntries(whole.map(({ member, sum }) => [String(member.contentOffset), sum]));
  }
}

/** ZIP-033 for the members of a pass, or of one that is remembered. */
export function checkLargeContents(anatomy: Anatomy, checksums: Checksums): Finding[] {
  return (anatomy.zip?.members ?? []).flatMap((member) => {
    const sum = checksums[String(member.contentOffset)];
    return sum === undefined || member.method !== 0 ? [] : compare(member, sum);
  });
}
