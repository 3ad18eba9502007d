import { malformed } from '../faults.ts';
import type { ByteSource } from '../source.ts';
import { locateWeights } from './weights.ts';
import { type EndRecord, locateZipos, ZIPOS_VERSIONS } from './zipos.ts';

export const EOCD32_LENGTH = 22;
export const EOCD64_LENGTH = 56;
export const LOCATOR_LENGTH = 20;
/** From a 32-bit record zipos looks back this far for a locator, and prefers that. */
const LOOK_BACK = 128;
const EOCD32 = 0x06054b50;
/** zipos searches this far back from the end, and one byte more. */
const WINDOW = 0x11000 + 1;
const EOCD64_BYTES = Buffer.from('504b0606', 'hex');
const LOCATOR_BYTES = Buffer.from('504b0607', 'hex');
const UINT32_MAX = 0xffffffff;

/**
 * The end record that cosmopolitan's zipos takes (GetZipEocd, IsZipEocd32, IsZipEocd64), or undefined if it finds none.
 * @param tailExplained whether bytes behind the archive are something else's: a segment's
 * @throws PaddockError `malformed` if other readers could take another one: bytes after it, a comment, gaps, a zip64
 * record that its 32-bit twin contradicts, or no members. llamafile's own loader of weights searches in another way
 * (llamafile/llamafile.c); on what passes here it takes the same record.
 */
export function findZipEnd(source: ByteSource, tailExplained = false): EndRecord | undefined {
  const end = locateZipos(source);
  const behind = end === undefined ? 0 : end.offset + EOCD32_LENGTH;
  if (end?.kind !== 'eocd64') refuseBrokenRecords(source, behind);
  if (end === undefined) {
    if (!tailExplained) refuseHiddenArchive(source);
    return undefined;
  }
  const last = end.kind === 'eocd64' ? end.offset + EOCD64_LENGTH + LOCATOR_LENGTH : end.offset;
  if (end.kind === 'eocd64') checkTwin(source, end, last);
  else refuseLocators(source, end);
  checkTail(source, last, tailExplained);
  if (end.records === 0 || end.directoryOffset + end.directoryLength !== end.offset) {
    throw malformed('the zip directory does not end where its end record begins', {
      check: 'ZIP-006',
      offset: end.offset,
      expected: `at least one record, in a directory that ends at byte ${end.offset}`,
      found: `${end.records} records, ${end.directoryLength} bytes from byte ${end.directoryOffset}`,
    });
  }
  return end;
}

/** 64-bit record, locator and 32-bit record must follow one another and say the same. */
function checkTwin(source: ByteSource, end: EndRecord, last: number): void {
  const fault = (offset: number, expected: string, found: string) =>
    malformed('the 64-bit and the 32-bit zip end records contradict each other', {
      check: 'ZIP-005',
      offset,
      expected,
      found,
    });
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

/** 64-bit end records that zipos passed over, as their numbers cannot be right: other readers may look less closely. */
function refuseBrokenRecords(source: ByteSource, from: number): void {
  const start = Math.max(from, source.size - WINDOW);
  const tail = start < source.size ? source.read(start, source.size - start) : Buffer.alloc(0);
  for (let at = tail.indexOf(LOCATOR_BYTES); at >= 0; at = tail.indexOf(LOCATOR_BYTES, at + 1)) {
    const position = at + LOCATOR_LENGTH <= tail.length ? tail.readBigUInt64LE(at + 8) : -1n;
    if (position < 0n || position + BigInt(EOCD64_LENGTH) > BigInt(source.size)) continue;
    const record = source.read(Number(position), EOCD64_LENGTH);
    if (!record.subarray(0, 4).equals(EOCD64_BYTES)) continue;
    throw malformed('a 64-bit zip end record cannot be right', {
      check: 'ZIP-005',
      offset: Number(position),
      expected: `a directory of whole records before it, and a locator behind it that names byte ${position}`,
      found: `${record.readBigUInt64LE(32)} records in ${record.readBigUInt64LE(40)} bytes from byte ${record.readBigUInt64LE(48)}, size ${record.readBigUInt64LE(4)}`,
    });
  }
}

/** Where the newest zipos finds no archive, no other reader of a release may find one. */
function refuseHiddenArchive(source: ByteSource): void {
  const other =
    ZIPOS_VERSIONS.map((version) => locateZipos(source, version)).find((end) => end !== undefined) ??
    locateWeights(source);
  if (other === undefined) return;
  throw malformed('one reader of the runtime finds an archive where another finds none', {
    check: 'ZIP-001',
    offset: other.offset,
    expected: 'an end record that all of them take, or none',
    found: `${other.records} records, ${other.directoryLength} bytes from byte ${other.directoryOffset}`,
  });
}

/** A locator that this version of zipos passes over, another one or another tool may follow. */
function refuseLocators(source: ByteSource, end: EndRecord): void {
  const start = Math.max(0, end.offset - LOOK_BACK);
  const before = source.read(start, end.offset - start);
  const at = before.indexOf(LOCATOR_BYTES);
  if (at < 0) return;
  throw malformed('there is a locator of a 64-bit zip end record that leads nowhere', {
    check: 'ZIP-004',
    offset: start + at,
    expected: 'none before a 32-bit end record that names the directory itself',
    found: 'its signature, 50 4b 06 07',
  });
}

function checkTail(source: ByteSource, last: number, explained: boolean): void {
  const comment = source.read(last + 20, 2).readUInt16LE(0);
  const after = source.size - last - EOCD32_LENGTH;
  if (comment === 0 && (after === 0 || explained)) return;
  throw malformed('bytes follow the end of the zip archive', {
    check: 'ZIP-002',
    offset: last + EOCD32_LENGTH,
    expected: 'the end of the file',
    found:
      comment === 0 ? `${after} more bytes` : `a comment of ${comment} bytes, ${after} more bytes in all`,
  });
}
