import { createHash } from 'node:crypto';
import { asUntrusted, escapeText, type Untrusted } from '../../lib/text.ts';
import type { ZipMember } from '../anatomy.ts';
import { malformed, tooLarge } from '../faults.ts';
import type { ByteSource } from '../source.ts';
import type { EndRecord } from './zipos.ts';

export const CENTRAL_LENGTH = 46;
const LOCAL_LENGTH = 30;
const LOCAL = 0x04034b50;
const UINT32_MAX = 0xffffffff;
/** Bound of ours. */
const NAME_LIMIT = 1024;
/** UTF-8 names and the two deflate level hints. Anything else (encryption, data descriptors) readers treat differently. */
const FLAGS_ALLOWED = 0x0806;
const EXTRA_ZIP64 = 1;
/** Info-ZIP's Unicode path: some readers take the member's name from it. Behind version and checksum of the name (5 bytes). */
const EXTRA_UNICODE_PATH = 0x7075;

/**
 * One member by its record in the directory and its local header, which must say the same.
 * @param record the record's bytes, which begin at `recordOffset`
 * @throws PaddockError `malformed` where they differ, or hold what readers understand in different ways; `too-large` for a name
 * of more than 1,024 bytes.
 */
export function readMember(
  source: ByteSource,
  record: Buffer,
  recordOffset: number,
  end: EndRecord,
): ZipMember {
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
    dosAttributes: record.readUInt16LE(38),
    isUtf8: isUtf8(central.nameBytes),
    madeBy: record.readUInt16LE(4),
    extras: [...new Set([...extraIds(extra), ...extraIds(localExtra)])].sort((a, b) => a - b),
    commentLength: record.readUInt16LE(32),
    disk: record.readUInt16LE(34),
  };
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
  refuseReach(at, contentOffset, end);
  const header = source.read(at, LOCAL_LENGTH + nameLength + extraLength);
  const wide = zip64Extra(
    header.subarray(LOCAL_LENGTH + nameLength),
    header.subarray(LOCAL_LENGTH, LOCAL_LENGTH + nameLength),
    at,
  );
  const local = decodeHeader(header, 6, LOCAL_LENGTH, wide, at);
  refuseReach(at, contentOffset + local.compressedSize, end);
  return { local, localExtra: header.subarray(LOCAL_LENGTH + nameLength), contentOffset };
}

function refuseReach(offset: number, reach: number, { directoryOffset }: EndRecord): void {
  if (reach <= directoryOffset) return;
  throw malformed('a zip member reaches into the directory', {
    check: 'ZIP-042',
    offset,
    expected: `an end before byte ${directoryOffset}`,
    found: `byte ${reach}`,
  });
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
