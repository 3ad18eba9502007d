import { createHash } from 'node:crypto';
import { asUntrusted, escapeText, type Untrusted } from '../../lib/text.ts';
import type { ZipMember, ZipView } from '../anatomy.ts';
import { malformed, tooLarge } from '../faults.ts';
import { type Claim, RANK } from '../regions.ts';
import type { ByteSource } from '../source.ts';
import { refuseOtherViews } from './compare.ts';
import { EOCD32_LENGTH, EOCD64_LENGTH, findZipEnd, LOCATOR_LENGTH } from './end.ts';
import { headerSource } from './headers.ts';
import type { EndRecord } from './zipos.ts';

/** Bounds of ours: a release has some hundred members in a directory of 20 KiB. */
const MEMBERS_LIMIT = 32_768;
const DIRECTORY_LIMIT = 16 * 1024 * 1024;
const NAME_LIMIT = 1024;
const CENTRAL_LENGTH = 46;
const LOCAL_LENGTH = 30;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const UINT32_MAX = 0xffffffff;
/** UTF-8 names and the two deflate level hints. Anything else (encryption, data descriptors) readers treat differently. */
const FLAGS_ALLOWED = 0x0806;
const EXTRA_ZIP64 = 1;
/** Info-ZIP's Unicode path: some readers take the member's name from it. Behind version and checksum of the name (5 bytes). */
const EXTRA_UNICODE_PATH = 0x7075;

/**
 * The zip archive that the program will see as /zip: end record as zipos searches it, records by their count, and for
 * each member method and sizes from the local header. Absolute offsets only.
 * @param tailExplained see `findZipEnd`
 * @returns undefined if zipos would find no archive.
 * @throws PaddockError `malformed` where records contradict each other or the file, so that two readers could see two
 * archives; `too-large` above 32,768 members or a directory of 16 MiB.
 */
export function readZip(file: ByteSource, tailExplained = false): ZipView | undefined {
  const source = headerSource(file);
  const end = findZipEnd(source, tailExplained);
  if (end === undefined) return undefined;
  const { records, directoryOffset, directoryLength } = end;
  if (records > MEMBERS_LIMIT || directoryLength > DIRECTORY_LIMIT) {
    throw tooLarge(
      'the zip directory is too large to be judged',
      directoryOffset,
      `at most ${MEMBERS_LIMIT} members in ${DIRECTORY_LIMIT} bytes`,
      `${records} members in ${directoryLength} bytes`,
      'ZIP-007',
    );
  }
  const members = readDirectory(source, end);
  refuseSharedBytes(members, directoryOffset);
  const view: ZipView = {
    eocd: end.kind,
    eocdOffset: end.offset,
    directoryOffset,
    directoryLength,
    members,
  };
  // A program that was linked together with its archive is older than llamafile and its loader of weights.
  if (!tailExplained) refuseOtherViews(source, view);
  return view;
}

/** What the archive explains of the file. `generation` as in `Region`. */
export function zipClaims(view: ZipView, members = view.members): Claim[] {
  const claims: Claim[] = [];
  const rank = RANK.zip;
  for (const { name, localOffset, contentOffset, compressedSize } of members) {
    const label = escapeText(name, 80);
    const length = contentOffset - localOffset;
    claims.push({ kind: 'zip-local-header', offset: localOffset, length, label, member: name, rank });
    claims.push({
      kind: 'zip-content',
      offset: contentOffset,
      length: compressedSize,
      label,
      member: name,
      rank,
    });
  }
  const add = (kind: Claim['kind'], offset: number, length: number, label: string) =>
    claims.push({ kind, offset, length, label, rank });
  add('zip-directory', view.directoryOffset, view.directoryLength, `${view.members.length} records`);
  let at = view.eocdOffset;
  if (view.eocd === 'eocd64') {
    add('zip-eocd64', at, EOCD64_LENGTH, '64-bit end record');
    at += EOCD64_LENGTH;
    add('zip-eocd64-locator', at, LOCATOR_LENGTH, 'locator of the 64-bit end record');
    at += LOCATOR_LENGTH;
  }
  add('zip-eocd', at, EOCD32_LENGTH, 'end record');
  return claims;
}

/** First byte after the archive. */
export function zipEnd(view: ZipView): number {
  return view.eocdOffset + EOCD32_LENGTH + (view.eocd === 'eocd64' ? EOCD64_LENGTH + LOCATOR_LENGTH : 0);
}

/** The fields that local and central headers have in common, zip64 extras resolved. */
interface Header {
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly nameBytes: Buffer;
}

function readDirectory(source: ByteSource, end: EndRecord): ZipMember[] {
  const directory = source.read(end.directoryOffset, end.directoryLength);
  const members: ZipMember[] = [];
  let at = 0;
  for (let index = 0; index < end.records; index++) {
    const length = recordLength(directory, at, end.directoryOffset);
    members.push(readMember(source, directory.subarray(at, at + length), end.directoryOffset + at, end));
    at += length;
  }
  if (at !== directory.length) {
    throw malformed('the zip directory holds more than its records', {
      check: 'ZIP-011',
      offset: end.directoryOffset + at,
      expected: `${end.records} records in ${directory.length} bytes`,
      found: `${end.records} records in ${at} bytes`,
    });
  }
  return members;
}

function recordLength(directory: Buffer, at: number, base: number): number {
  const whole = at + CENTRAL_LENGTH <= directory.length;
  if (!whole || directory.readUInt32LE(at) !== CENTRAL) {
    throw malformed('the zip directory has a record without its signature', {
      check: 'ZIP-011',
      offset: base + at,
      expected: '50 4b 01 02',
      found: directory.subarray(at, at + 4).toString('hex') || 'the end of the directory',
    });
  }
  const variable = [28, 30, 32].reduce((sum, field) => sum + directory.readUInt16LE(at + field), 0);
  if (at + CENTRAL_LENGTH + variable <= directory.length) return CENTRAL_LENGTH + variable;
  throw malformed('a zip record is longer than the directory', {
    check: 'ZIP-011',
    offset: base + at,
    expected: `at most ${directory.length - at} bytes`,
    found: `${CENTRAL_LENGTH + variable} bytes`,
  });
}

function readMember(source: ByteSource, record: Buffer, recordOffset: number, end: EndRecord): ZipMember {
  const nameLength = record.readUInt16LE(28);
  if (nameLength > NAME_LIMIT) {
    throw tooLarge(
      'the name of a zip member is too long',
      recordOffset,
      `${NAME_LIMIT} bytes`,
      `${nameLength}`,
      'ZIP-007',
    );
  }
  const extra = record.subarray(
    CENTRAL_LENGTH + nameLength,
    CENTRAL_LENGTH + nameLength + record.readUInt16LE(30),
  );
  const wide = zip64Extra(extra, record.subarray(CENTRAL_LENGTH, CENTRAL_LENGTH + nameLength), recordOffset);
  const central = decodeHeader(record, 8, CENTRAL_LENGTH, wide, recordOffset);
  const localOffset = widen(record.readUInt32LE(42), wide, recordOffset, end.directoryOffset);
  const { local, localExtra, contentOffset } = readLocal(source, localOffset, end);
  refuseDifference(central, local, localOffset);
  const { method, compressedSize, size, crc32 } = local;
  return {
    name: decodeName(central.nameBytes),
    recordSha256: createHash('sha256').update(record).digest('hex'),
    recordOffset,
    recordLength: record.length,
    localOffset,
    contentOffset,
    method,
    compressedSize,
    size,
    crc32,
    mode: record.readUInt16LE(40),
    isUtf8: isUtf8(central.nameBytes),
    madeBy: record.readUInt16LE(4),
    extras: [...new Set([...extraIds(extra), ...extraIds(localExtra)])].sort((a, b) => a - b),
    commentLength: record.readUInt16LE(32),
    disk: record.readUInt16LE(34),
  };
}

function readLocal(
  source: ByteSource,
  at: number,
  end: EndRecord,
): { local: Header; localExtra: Buffer; contentOffset: number } {
  const fits = at + LOCAL_LENGTH <= end.directoryOffset;
  const fixed = fits ? source.read(at, LOCAL_LENGTH) : Buffer.alloc(LOCAL_LENGTH);
  if (!fits || fixed.readUInt32LE(0) !== LOCAL) {
    throw malformed('a zip record points where no local header is', {
      check: 'ZIP-010',
      offset: at,
      expected: `50 4b 03 04 before the directory at byte ${end.directoryOffset}`,
      found: fits ? fixed.subarray(0, 4).toString('hex') : 'the directory or what follows it',
    });
  }
  const nameLength = fixed.readUInt16LE(26);
  const extraLength = fixed.readUInt16LE(28);
  const contentOffset = at + LOCAL_LENGTH + nameLength + extraLength;
  const header = source.read(at, LOCAL_LENGTH + nameLength + extraLength);
  const wide = zip64Extra(
    header.subarray(LOCAL_LENGTH + nameLength),
    header.subarray(LOCAL_LENGTH, LOCAL_LENGTH + nameLength),
    at,
  );
  const local = decodeHeader(header, 6, LOCAL_LENGTH, wide, at);
  if (contentOffset + local.compressedSize > end.directoryOffset) {
    throw malformed('the content of a zip member reaches into the directory', {
      check: 'ZIP-042',
      offset: at,
      expected: `an end before byte ${end.directoryOffset}`,
      found: `byte ${contentOffset + local.compressedSize}`,
    });
  }
  return { local, localExtra: header.subarray(LOCAL_LENGTH + nameLength), contentOffset };
}

/** `at` is where flags are: the same fields follow in both kinds of header. */
function decodeHeader(bytes: Buffer, at: number, fixed: number, wide: bigint[], offset: number): Header {
  const flags = bytes.readUInt16LE(at);
  const method = bytes.readUInt16LE(at + 2);
  const limit = Number.MAX_SAFE_INTEGER;
  const size = widen(bytes.readUInt32LE(at + 16), wide, offset, limit);
  const compressedSize = widen(bytes.readUInt32LE(at + 12), wide, offset, limit);
  const nameBytes = bytes.subarray(fixed, fixed + bytes.readUInt16LE(at + 20));
  if ((flags & ~FLAGS_ALLOWED) !== 0) {
    throw malformed('a zip member uses features that readers treat differently', {
      check: 'ZIP-035',
      offset,
      expected: 'no encryption, no data descriptor',
      found: `flags 0x${flags.toString(16)}`,
    });
  }
  if (method === 0 && size !== compressedSize) {
    throw malformed('a stored zip member has two sizes', {
      check: 'ZIP-032',
      offset,
      expected: `${size} bytes, as many as the content has`,
      found: `${compressedSize} bytes in the file`,
    });
  }
  return { flags, method, crc32: bytes.readUInt32LE(at + 8), compressedSize, size, nameBytes };
}

/** Values of the one zip64 extra field, in their order: size, compressed size, offset. */
function zip64Extra(extra: Buffer, name: Buffer, offset: number): bigint[] {
  const values: bigint[] = [];
  let seen = false;
  for (let at = 0; at < extra.length; ) {
    const id = at + 4 <= extra.length ? extra.readUInt16LE(at) : -1;
    const length = id < 0 ? 0 : extra.readUInt16LE(at + 2);
    const twice = id === EXTRA_ZIP64 && seen;
    if (id < 0 || twice || at + 4 + length > extra.length) {
      throw malformed('the extra fields of a zip member are not well-formed', {
        check: 'ZIP-036',
        offset,
        expected: 'whole fields, at most one for zip64',
        found: id < 0 ? 'a cut field' : `field 0x${id.toString(16)} of ${length} bytes`,
      });
    }
    if (id === EXTRA_UNICODE_PATH && !extra.subarray(at + 9, at + 4 + length).equals(name)) {
      throw malformed('an extra field gives a zip member another name', {
        check: 'ZIP-037',
        offset,
        expected: escapeText(decodeName(name), 80),
        found: escapeText(decodeName(extra.subarray(at + 9, at + 4 + length)), 80),
      });
    }
    if (id === EXTRA_ZIP64) {
      seen = true;
      for (let value = 0; value + 8 <= length; value += 8) values.push(extra.readBigUInt64LE(at + 4 + value));
    }
    at += 4 + length;
  }
  return values;
}

/** Numbers of the fields; `zip64Extra` has seen that they are whole. */
function extraIds(extra: Buffer): number[] {
  const ids: number[] = [];
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2))
    ids.push(extra.readUInt16LE(at));
  return ids;
}

/** Takes the next zip64 value where the 32-bit field says so. Callers ask in the order of the extra field. */
function widen(field: number, wide: bigint[], offset: number, limit: number): number {
  if (field !== UINT32_MAX) return field;
  const value = wide.shift();
  if (value !== undefined && value <= BigInt(limit)) return Number(value);
  throw malformed('a zip member has no usable 64-bit size or offset', {
    check: 'ZIP-032',
    offset,
    expected: `a zip64 value of at most ${limit}`,
    found: value === undefined ? 'none' : String(value),
  });
}

function refuseDifference(central: Header, local: Header, offset: number): void {
  const facts = ({ nameBytes, flags, method, crc32, compressedSize, size }: Header) =>
    `${escapeText(decodeName(nameBytes), 80)}, flags ${flags}, method ${method}, crc ${crc32.toString(16)}, ${compressedSize} of ${size} bytes`;
  const same =
    central.nameBytes.equals(local.nameBytes) &&
    central.method === local.method &&
    central.crc32 === local.crc32 &&
    central.compressedSize === local.compressedSize &&
    central.size === local.size;
  if (same) return;
  throw malformed('a zip member is described in two ways: directory and local header differ', {
    check: central.nameBytes.equals(local.nameBytes) ? 'ZIP-032' : 'ZIP-030',
    offset,
    expected: facts(central),
    found: facts(local),
  });
}

function refuseSharedBytes(members: readonly ZipMember[], directoryOffset: number): void {
  const sorted = [...members].sort((a, b) => a.localOffset - b.localOffset);
  for (const [index, member] of sorted.entries()) {
    const end = member.contentOffset + member.compressedSize;
    const next = sorted[index + 1]?.localOffset ?? directoryOffset;
    if (end <= next) continue;
    throw malformed('two zip members share bytes', {
      check: 'ZIP-040',
      offset: next,
      expected: `${escapeText(member.name, 80)} to end by byte ${next}`,
      found: `byte ${end}`,
    });
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function isUtf8(bytes: Buffer): boolean {
  return decodeName(bytes) !== bytes.toString('latin1') || bytes.every((byte) => byte < 0x80);
}

/** UTF-8 where it is, else one character a byte: never fails, and never turns two names of one kind into the same. */
function decodeName(bytes: Buffer): Untrusted {
  try {
    return asUntrusted(UTF8.decode(bytes));
  } catch {
    // Not UTF-8: the runtime compares raw bytes, so the name stays usable.
    return asUntrusted(bytes.toString('latin1'));
  }
}
