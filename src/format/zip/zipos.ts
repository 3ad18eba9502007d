import { tooLarge } from '../faults.ts';
import type { ByteSource } from '../source.ts';

/**
 * cosmopolitan's reader of /zip, as it is: it answers what the program would see, and finds nothing wrong with anything.
 * Source: jart/cosmopolitan, libc/str/{getzipeocd,iszipeocd32,iszipeocd64,getzipcfileoffset,getziplfile*size}.c and
 * libc/runtime/zipos-{get,open}.c at the releases 3.0 to 4.0.2.
 */
export interface ZiposVersion {
  readonly name: string;
  /** A 32-bit end record whose offset says "see the 64-bit one" is none. */
  readonly skipsDeferredOffset: boolean;
  /**
   * Where the values of a zip64 extra field are looked for: `fixed` places, whatever else is there, in fields that may reach
   * beyond the extra fields; or where they must be, with the two sizes of a local header mistaken for one another or not.
   */
  readonly zip64: 'fixed' | 'sizes-swapped' | 'by-presence';
  /** Ends the program where it opens a member whose local header has no signature; later versions do not look. */
  readonly demandsLocalSignature: boolean;
  /** Whether a release of llamafile was built with it: 0.1 asked for 3.1 already. */
  readonly inLlamafiles: boolean;
}

/** Every release that reads in its own way. */
export const ZIPOS_VERSIONS: readonly ZiposVersion[] = (
  [
    ['3.0 and 3.0.1', false, 'fixed', true, false],
    ['3.0.2', true, 'fixed', true, false],
    ['3.1 to 3.3.2', true, 'sizes-swapped', true, true],
    ['3.3.3 to 3.5.1', true, 'by-presence', true, true],
    ['3.5.2 and later', true, 'by-presence', false, true],
  ] as const
).map(([name, skipsDeferredOffset, zip64, demandsLocalSignature, inLlamafiles]) => ({
  name,
  skipsDeferredOffset,
  zip64,
  demandsLocalSignature,
  inLlamafiles,
}));
/** Whose end record counts where nothing is said of a version. */
export const NEWEST_ZIPOS = ZIPOS_VERSIONS[ZIPOS_VERSIONS.length - 1] as ZiposVersion;

/** An end record and the directory that it names: whole numbers as they stand, within the file. */
export interface EndRecord {
  readonly kind: 'eocd32' | 'eocd64';
  readonly offset: number;
  readonly records: number;
  readonly directoryOffset: number;
  readonly directoryLength: number;
}

export interface SeenMember {
  readonly recordOffset: number;
  readonly name: Buffer;
  readonly method: number;
  /** −1 where the reader finds no value. Signed 64 bits, as the reader has them. */
  readonly localOffset: bigint;
  readonly contentOffset: bigint;
  readonly size: bigint;
  readonly compressedSize: bigint;
}

/** `crash`: the reader would leave the file or end the program. */
export type ZiposView =
  | { readonly end: EndRecord; readonly members: readonly SeenMember[] }
  | { readonly end?: EndRecord; readonly crash: string }
  | { readonly none: true };

const WINDOW = 0x11000;
const LOOK_BACK = 128;
const EOCD32_MINIMUM = 22;
const EOCD64_MINIMUM = 56;
const LOCATOR_LENGTH = 20;
const RECORD_MINIMUM = 46;
const LOCAL_MINIMUM = 30;
const EOCD32 = 0x06054b50;
const EOCD64 = 0x06064b50;
const LOCATOR = 0x07064b50;
const LOCAL = 0x04034b50;
const UINT32_MAX = 0xffffffff;
/** Bound of ours: above it the emulation would cost more than any llamafile does. */
const RECORDS_LIMIT = 32_768;

/** The end record that it takes, searched backwards through the last 69,633 bytes; undefined if there is none. */
export function locateZipos(
  source: ByteSource,
  { skipsDeferredOffset }: Pick<ZiposVersion, 'skipsDeferredOffset'> = NEWEST_ZIPOS,
): EndRecord | undefined {
  const size = source.size;
  const window = Math.max(0, size - WINDOW - 1);
  // A locator may stand before the window.
  const start = Math.max(0, window - LOOK_BACK);
  const tail = source.read(start, size - start);
  const locatorAt = (at: number): EndRecord | undefined =>
    at + LOCATOR_LENGTH <= tail.length && tail.readUInt32LE(at) === LOCATOR
      ? eocd64At(source, tail.readBigUInt64LE(at + 8))
      : undefined;
  for (const at of signatures(tail).reverse()) {
    if (at < window - start) break;
    const big = locatorAt(at);
    if (big !== undefined) return big;
    const small = eocd32At(tail, start, at, skipsDeferredOffset);
    if (small === undefined) continue;
    for (let back = at; back >= 0 && at - back < LOOK_BACK; back--) {
      const preferred = locatorAt(back);
      if (preferred !== undefined) return preferred;
    }
    return small;
  }
  return undefined;
}

const SIGNATURES = [EOCD32, LOCATOR].map((value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
});

/** Where an end record or a locator could begin, ascending. Forward, because `Buffer.lastIndexOf` is many times slower. */
export function signatures(bytes: Buffer): number[] {
  const found: number[] = [];
  for (const signature of SIGNATURES) {
    for (let at = bytes.indexOf(signature); at >= 0; at = bytes.indexOf(signature, at + 1)) found.push(at);
  }
  return found.sort((a, b) => a - b);
}

function eocd32At(tail: Buffer, start: number, at: number, skipsDeferred: boolean): EndRecord | undefined {
  if (at + EOCD32_MINIMUM > tail.length || tail.readUInt32LE(at) !== EOCD32) return undefined;
  const short = (field: number) => tail.readUInt16LE(at + field);
  const records = short(10);
  const directoryLength = tail.readUInt32LE(at + 12);
  const directoryOffset = tail.readUInt32LE(at + 16);
  const legitimate =
    at + EOCD32_MINIMUM + short(20) <= tail.length &&
    short(4) === short(6) &&
    short(8) === records &&
    records * RECORD_MINIMUM <= directoryLength &&
    !(skipsDeferred && directoryOffset === UINT32_MAX) &&
    directoryOffset + directoryLength <= start + at;
  if (!legitimate) return undefined;
  return { kind: 'eocd32', offset: start + at, records, directoryOffset, directoryLength };
}

function eocd64At(source: ByteSource, position: bigint): EndRecord | undefined {
  const size = BigInt(source.size);
  if (position + BigInt(EOCD64_MINIMUM) > size) return undefined;
  const offset = Number(position);
  const record = source.read(offset, EOCD64_MINIMUM);
  if (record.readUInt32LE(0) !== EOCD64) return undefined;
  // The size of the record is added to 12 without a look at the carry; the sums after that are checked.
  const locator = position + BigInt.asUintN(64, record.readBigUInt64LE(4) + 12n);
  if (locator + BigInt(LOCATOR_LENGTH) > size) return undefined;
  const bytes = source.read(Number(locator), LOCATOR_LENGTH);
  if (bytes.readUInt32LE(0) !== LOCATOR || bytes.readBigUInt64LE(8) !== position) return undefined;
  const records = record.readBigUInt64LE(32);
  const length = record.readBigUInt64LE(40);
  const directory = record.readBigUInt64LE(48);
  if (directory + length > position || records * BigInt(RECORD_MINIMUM) > length) return undefined;
  return {
    kind: 'eocd64',
    offset,
    records: Number(records),
    directoryOffset: Number(directory),
    directoryLength: Number(length),
  };
}

/**
 * All that one version sees: records by their count and lengths, whatever their first bytes say; sizes, method and start of the
 * content by the local header.
 * @throws PaddockError `too-large` above 32,768 records.
 */
export function ziposView(source: ByteSource, version: ZiposVersion): ZiposView {
  const end = locateZipos(source, version);
  if (end === undefined) return { none: true };
  if (end.records > RECORDS_LIMIT) {
    throw tooLarge(
      'the zip directory is too large to be judged',
      end.directoryOffset,
      `at most ${RECORDS_LIMIT} members`,
      `${end.records} members`,
      'ZIP-007',
    );
  }
  const members: SeenMember[] = [];
  let at = end.directoryOffset;
  for (let index = 0; index < end.records; index++) {
    const record = readVariable(source, at, RECORD_MINIMUM, [28, 30, 32]);
    if (record === undefined) return { end, crash: `record ${index} leaves the file` };
    const member = seenMember(source, record, at, version);
    if (typeof member === 'string') return { end, crash: member };
    members.push(member);
    at += record.length;
  }
  return { end, members };
}

/** A header of fixed length with variable parts behind it, whose 16-bit lengths stand at `fields`. */
function readVariable(
  source: ByteSource,
  at: number,
  minimum: number,
  fields: readonly number[],
): Buffer | undefined {
  if (at + minimum > source.size) return undefined;
  const fixed = source.read(at, minimum);
  const length = fields.reduce((sum, field) => sum + fixed.readUInt16LE(field), minimum);
  return at + length > source.size ? undefined : source.read(at, length);
}

function seenMember(
  source: ByteSource,
  record: Buffer,
  recordOffset: number,
  version: ZiposVersion,
): SeenMember | string {
  const name = record.subarray(RECORD_MINIMUM, RECORD_MINIMUM + record.readUInt16LE(28));
  const extraAt = RECORD_MINIMUM + name.length;
  const own = record.subarray(extraAt, extraAt + record.readUInt16LE(30));
  const extra = extraOf(source, recordOffset + extraAt, own, version);
  const centralSizes = { compressed: record.readUInt32LE(20), whole: record.readUInt32LE(24) };
  const localOffset = offsetOf(record.readUInt32LE(42), extra, centralSizes, version);
  if (localOffset < 0n || localOffset > BigInt(source.size)) return 'a local header lies outside the file';
  const local = readVariable(source, Number(localOffset), LOCAL_MINIMUM, [26, 28]);
  if (local === undefined) return 'a local header leaves the file';
  if (version.demandsLocalSignature && local.readUInt32LE(0) !== LOCAL) {
    return 'a local header without its signature';
  }
  const nameEnd = LOCAL_MINIMUM + local.readUInt16LE(26);
  const localExtra = extraOf(source, Number(localOffset) + nameEnd, local.subarray(nameEnd), version);
  const sizes = { compressed: local.readUInt32LE(18), whole: local.readUInt32LE(22) };
  return {
    recordOffset,
    name,
    method: local.readUInt16LE(8),
    localOffset,
    contentOffset: localOffset + BigInt(local.length),
    size: wholeSize(sizes, localExtra, version),
    compressedSize: compressedSize(sizes, localExtra, version),
  };
}

/** Extra fields. For the oldest versions `bytes` goes on behind them: the lengths of fields may lead there. */
interface Extra {
  readonly bytes: Buffer;
  readonly length: number;
}
/** A header of a field that begins on the last byte, and three values. */
const BEYOND = 4 + 24;

/** `own`, which begins at byte `at`, with what follows where the version may look there. Behind the file a mapped page has zeros. */
function extraOf(source: ByteSource, at: number, own: Buffer, { zip64 }: ZiposVersion): Extra {
  const length = own.length;
  if (zip64 !== 'fixed' || length === 0) return { bytes: own, length };
  const bytes = source.read(at, Math.min(length + BEYOND, source.size - at));
  return { bytes: Buffer.concat([bytes, Buffer.alloc(length + BEYOND - bytes.length)]), length };
}

interface Sizes {
  readonly compressed: number;
  readonly whole: number;
}

function offsetOf(field: number, extra: Extra, sizes: Sizes, { zip64 }: ZiposVersion): bigint {
  if (field !== UINT32_MAX) return BigInt(field);
  if (zip64 === 'fixed') return fixedValue(extra, 16);
  const before = (sizes.compressed === UINT32_MAX ? 8 : 0) + (sizes.whole === UINT32_MAX ? 8 : 0);
  return zip64At(extra, before);
}

function wholeSize(sizes: Sizes, extra: Extra, { zip64 }: ZiposVersion): bigint {
  if (sizes.whole !== UINT32_MAX) return BigInt(sizes.whole);
  if (zip64 === 'fixed') return fixedValue(extra, 0);
  const swapped = zip64 === 'sizes-swapped' && sizes.compressed === UINT32_MAX;
  return zip64At(extra, swapped ? 8 : 0);
}

function compressedSize(sizes: Sizes, extra: Extra, { zip64 }: ZiposVersion): bigint {
  if (sizes.compressed !== UINT32_MAX) return BigInt(sizes.compressed);
  if (zip64 === 'fixed') return fixedValue(extra, 8);
  if (zip64 === 'sizes-swapped') return zip64At(extra, 0);
  return zip64At(extra, sizes.whole === UINT32_MAX ? 8 : 0);
}

function zip64At({ bytes, length }: Extra, offset: number): bigint {
  return zip64Value(bytes.subarray(0, length), offset) ?? -1n;
}

function fixedValue({ bytes, length }: Extra, offset: number): bigint {
  for (let at = 0; at < length; at += 4 + bytes.readUInt16LE(at + 2)) {
    const longEnough = offset + 8 <= bytes.readUInt16LE(at + 2);
    if (bytes.readUInt16LE(at) === 1 && longEnough) return bytes.readBigInt64LE(at + 4 + offset);
  }
  return BigInt(UINT32_MAX);
}

/** The first zip64 field that is long enough, as signed 64 bits; fields that leave the extra end the search. */
export function zip64Value(extra: Buffer, offset: number): bigint | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const length = extra.readUInt16LE(at + 2);
    if (at + 4 + length > extra.length) return undefined;
    if (extra.readUInt16LE(at) === 1 && offset + 8 <= length) return extra.readBigInt64LE(at + 4 + offset);
    at += 4 + length;
  }
  return undefined;
}
