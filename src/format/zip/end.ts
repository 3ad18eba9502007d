import { malformed } from '../faults.ts';
import type { ByteSource } from '../source.ts';

/** Where the directory of an archive is, by the record that zipos settles on. */
export interface ZipEnd {
  readonly kind: 'eocd32' | 'eocd64';
  readonly offset: number;
  readonly records: number;
  readonly directoryOffset: number;
  readonly directoryLength: number;
}

export const EOCD32_LENGTH = 22;
export const EOCD64_LENGTH = 56;
export const LOCATOR_LENGTH = 20;
/** cosmopolitan looks this far back from the end (libc/str/getzipeocd.c); one byte more where its loop runs over. */
const WINDOW = 0x11000 + 1;
/** From a 32-bit record it looks back this far for a locator, and prefers that. */
const LOOK_BACK = 128;
const RECORD_MINIMUM = 46;
const EOCD32 = 0x06054b50;
const EOCD64 = 0x06064b50;
const LOCATOR = 0x07064b50;
const UINT32_MAX = 0xffffffff;

/**
 * The end record that cosmopolitan's zipos takes (GetZipEocd, IsZipEocd32, IsZipEocd64), or undefined if it finds none.
 * @param tailExplained whether bytes behind the archive are something else's: a segment's
 * @throws PaddockError `malformed` if other readers could take another one: bytes after it, a comment, gaps, a zip64
 * record that its 32-bit twin contradicts, or no members. llamafile's own loader of weights searches in another way
 * (llamafile/llamafile.c); on what passes here it takes the same record.
 */
export function findZipEnd(source: ByteSource, tailExplained = false): ZipEnd | undefined {
  const end = search(source);
  if (end === undefined) return undefined;
  const last = end.kind === 'eocd64' ? end.offset + EOCD64_LENGTH + LOCATOR_LENGTH : end.offset;
  if (end.kind === 'eocd64') checkTwin(source, end, last);
  checkTail(source, last, tailExplained);
  if (end.records === 0 || end.directoryOffset + end.directoryLength !== end.offset) {
    throw malformed('the zip directory does not end where its end record begins', {
      offset: end.offset,
      expected: `at least one record, in a directory that ends at byte ${end.offset}`,
      found: `${end.records} records, ${end.directoryLength} bytes from byte ${end.directoryOffset}`,
    });
  }
  return end;
}

function search(source: ByteSource): ZipEnd | undefined {
  const size = source.size;
  const length = Math.min(size, WINDOW);
  const start = size - length;
  const window = source.read(start, length);
  const locatorAt = (at: number): ZipEnd | undefined =>
    window.readUInt32LE(at) === LOCATOR && at + LOCATOR_LENGTH <= length
      ? eocd64At(source, window.readBigUInt64LE(at + 8))
      : undefined;
  for (let at = length - 4; at >= 0; at--) {
    const big = locatorAt(at);
    if (big !== undefined) return big;
    if (window.readUInt32LE(at) !== EOCD32) continue;
    const small = eocd32At(window, start, at);
    if (small === undefined) continue;
    for (let back = at; back >= Math.max(0, at - LOOK_BACK + 1); back--) {
      const preferred = locatorAt(back);
      if (preferred !== undefined) return preferred;
    }
    return small;
  }
  return undefined;
}

function eocd32At(window: Buffer, start: number, at: number): ZipEnd | undefined {
  if (at + EOCD32_LENGTH > window.length) return undefined;
  const field16 = (offset: number) => window.readUInt16LE(at + offset);
  const directoryLength = window.readUInt32LE(at + 12);
  const directoryOffset = window.readUInt32LE(at + 16);
  const records = field16(10);
  const fits =
    at + EOCD32_LENGTH + field16(20) <= window.length &&
    field16(4) === field16(6) &&
    field16(8) === records &&
    records * RECORD_MINIMUM <= directoryLength &&
    directoryOffset !== UINT32_MAX &&
    directoryOffset + directoryLength <= start + at;
  return fits ? { kind: 'eocd32', offset: start + at, records, directoryOffset, directoryLength } : undefined;
}

function eocd64At(source: ByteSource, position: bigint): ZipEnd | undefined {
  if (position + BigInt(EOCD64_LENGTH) > BigInt(source.size)) return undefined;
  const offset = Number(position);
  const record = source.read(offset, EOCD64_LENGTH);
  if (record.readUInt32LE(0) !== EOCD64) return undefined;
  // Releases differ in whether these sums may wrap around; a genuine file has none that come near.
  const [own, records, length, directory] = [4, 32, 40, 48].map((at) => record.readBigUInt64LE(at)) as Four;
  for (const value of [own, records, length, directory]) {
    if (value <= BigInt(source.size)) continue;
    throw malformed('the 64-bit zip end record holds a number beyond the file', {
      offset,
      expected: `at most ${source.size}`,
      found: String(value),
    });
  }
  const locator = offset + Number(own) + 12;
  if (locator + LOCATOR_LENGTH > source.size) return undefined;
  const bytes = source.read(locator, LOCATOR_LENGTH);
  if (bytes.readUInt32LE(0) !== LOCATOR || bytes.readBigUInt64LE(8) !== position) return undefined;
  if (directory + length > position || records * BigInt(RECORD_MINIMUM) > length) return undefined;
  return {
    kind: 'eocd64',
    offset,
    records: Number(records),
    directoryOffset: Number(directory),
    directoryLength: Number(length),
  };
}
type Four = [bigint, bigint, bigint, bigint];

/** 64-bit record, locator and 32-bit record must follow one another and say the same. */
function checkTwin(source: ByteSource, end: ZipEnd, last: number): void {
  const fault = (offset: number, expected: string, found: string) =>
    malformed('the 64-bit and the 32-bit zip end records contradict each other', { offset, expected, found });
  const record = source.read(end.offset, EOCD64_LENGTH);
  if (record.readBigUInt64LE(4) !== 44n || record.readBigUInt64LE(24) !== BigInt(end.records)) {
    throw fault(
      end.offset,
      `size 44 and ${end.records} records`,
      `size ${record.readBigUInt64LE(4)}, other counts`,
    );
  }
  const present = last + EOCD32_LENGTH <= source.size && source.read(last, 4).readUInt32LE(0) === EOCD32;
  if (!present) throw fault(last, 'a 32-bit end record behind the locator', 'none');
  const twin = source.read(last, EOCD32_LENGTH);
  const locator = source.read(last - LOCATOR_LENGTH, LOCATOR_LENGTH);
  // Whole values only: a reader that stops at the 32-bit record must find the same directory, or none. The bounds of ours keep
  // count and length below their 16 and 32 bits.
  const agree = (found: number, value: number, unset: number) => found === unset || found === value;
  const same =
    twin.readUInt16LE(4) === twin.readUInt16LE(6) &&
    twin.readUInt16LE(8) === twin.readUInt16LE(10) &&
    agree(twin.readUInt16LE(10), end.records, 0xffff) &&
    agree(twin.readUInt32LE(12), end.directoryLength, UINT32_MAX) &&
    agree(twin.readUInt32LE(16), end.directoryOffset, UINT32_MAX) &&
    locator.readUInt32LE(4) === 0 &&
    locator.readUInt32LE(16) === 1 &&
    record.readBigUInt64LE(16) === 0n;
  if (!same) {
    throw fault(
      last,
      `${end.records} records, ${end.directoryLength} bytes from byte ${end.directoryOffset}`,
      `${twin.readUInt16LE(10)} records, ${twin.readUInt32LE(12)} bytes from byte ${twin.readUInt32LE(16)}`,
    );
  }
}

function checkTail(source: ByteSource, last: number, explained: boolean): void {
  const comment = source.read(last + 20, 2).readUInt16LE(0);
  const after = source.size - last - EOCD32_LENGTH;
  if (comment === 0 && (after === 0 || explained)) return;
  throw malformed('bytes follow the end of the zip archive', {
    offset: last + EOCD32_LENGTH,
    expected: 'the end of the file',
    found:
      comment === 0 ? `${after} more bytes` : `a comment of ${comment} bytes, ${after} more bytes in all`,
  });
}
