import { deflateRawSync } from 'node:zlib';
import { crc32 } from '../lib/crc32.ts';

export interface ZipEntry {
  readonly name: string | Buffer;
  readonly content: Buffer;
  readonly method?: 'stored' | 'deflated';
  /** Unix mode; defaults to 0100644. */
  readonly mode?: number;
  /** Fields to write instead of the right ones, for files that are wrong on purpose. */
  readonly local?: Partial<LocalFields>;
  readonly central?: Partial<CentralFields>;
}

export interface LocalFields {
  signature: number;
  needed: number;
  flags: number;
  method: number;
  crc32: number;
  compressedSize: number;
  size: number;
  name: Buffer;
  extra: Buffer;
}

export interface CentralFields extends LocalFields {
  madeBy: number;
  comment: Buffer;
  disk: number;
  externalAttributes: number;
  localOffset: number;
}

/** What the end records say; each can be overridden. Counts and sizes are the whole ones, also above 32 bits. */
export interface TailFields {
  records: number;
  directoryLength: number;
  directoryOffset: number;
  comment: Buffer;
  /** Write the 64-bit record and its locator before the 32-bit one. */
  eocd64: boolean;
  eocd64Records: number;
  eocd64DirectoryLength: number;
  eocd64DirectoryOffset: number;
  locatorOffset: number;
  /** Bytes between directory and end records. */
  gap: Buffer;
  /** Bytes after everything. */
  trailer: Buffer;
}

const UINT32_MAX = 0xffffffff;
const DOS_DATE = 0x576e; // 2023-11-14
const DOS_TIME = 0xb1a6;
const UTF8_FLAG = 0x800;
/** "Made by" of Unix, version to be added. */
export const UNIX = 3 << 8;

export interface Placement {
  readonly needed: number;
  readonly zip64: boolean;
  readonly localOffset: number;
  readonly extra?: Buffer;
}

export function encode(entry: ZipEntry, place: Placement): { local: Buffer; central: Buffer; data: Buffer } {
  const deflated = entry.method === 'deflated';
  const data = deflated ? deflateRawSync(entry.content) : entry.content;
  const size32 = (size: number) => (place.zip64 ? UINT32_MAX : size);
  const shared: LocalFields = {
    signature: 0x04034b50,
    needed: place.needed,
    flags: UTF8_FLAG,
    method: deflated ? 8 : 0,
    crc32: crc32(entry.content),
    compressedSize: size32(data.length),
    size: size32(entry.content.length),
    name: Buffer.from(entry.name),
    extra: place.zip64 ? zip64Extra([entry.content.length, data.length]) : Buffer.alloc(0),
  };
  const central: CentralFields = {
    ...shared,
    signature: 0x02014b50,
    madeBy: UNIX | 45,
    comment: Buffer.alloc(0),
    disk: 0,
    externalAttributes: ((entry.mode ?? 0o100644) << 16) >>> 0,
    localOffset: place.zip64 ? UINT32_MAX : place.localOffset,
    extra: place.zip64
      ? zip64Extra([entry.content.length, data.length, place.localOffset])
      : (place.extra ?? Buffer.alloc(0)),
  };
  return {
    local: encodeLocal({ ...shared, ...entry.local }),
    central: encodeCentral({ ...central, ...entry.central }),
    data,
  };
}

function encodeLocal(fields: LocalFields): Buffer {
  const out = Buffer.alloc(30);
  out.writeUInt32LE(fields.signature, 0);
  writeShared(out, fields, 4);
  return Buffer.concat([out, fields.name, fields.extra]);
}

function encodeCentral(fields: CentralFields): Buffer {
  const out = Buffer.alloc(46);
  out.writeUInt32LE(fields.signature, 0);
  out.writeUInt16LE(fields.madeBy, 4);
  writeShared(out, fields, 6);
  out.writeUInt16LE(fields.comment.length, 32);
  out.writeUInt16LE(fields.disk, 34);
  out.writeUInt32LE(fields.externalAttributes, 38);
  out.writeUInt32LE(fields.localOffset, 42);
  return Buffer.concat([out, fields.name, fields.extra, fields.comment]);
}

/** The 26 bytes that local and central headers have in common, from `at`. */
function writeShared(out: Buffer, fields: LocalFields, at: number): void {
  out.writeUInt16LE(fields.needed, at);
  out.writeUInt16LE(fields.flags, at + 2);
  out.writeUInt16LE(fields.method, at + 4);
  out.writeUInt16LE(DOS_TIME, at + 6);
  out.writeUInt16LE(DOS_DATE, at + 8);
  out.writeUInt32LE(fields.crc32, at + 10);
  out.writeUInt32LE(fields.compressedSize, at + 14);
  out.writeUInt32LE(fields.size, at + 18);
  out.writeUInt16LE(fields.name.length, at + 22);
  out.writeUInt16LE(fields.extra.length, at + 24);
}

function zip64Extra(values: readonly number[]): Buffer {
  const out = Buffer.alloc(4 + values.length * 8);
  out.writeUInt16LE(1, 0);
  out.writeUInt16LE(values.length * 8, 2);
  for (const [index, value] of values.entries()) out.writeBigUInt64LE(BigInt(value), 4 + index * 8);
  return out;
}

/** Central directory and end records, the directory beginning at file offset `at`. */
export function directory(records: readonly Buffer[], at: number, overrides: Partial<TailFields>): Buffer {
  const body = Buffer.concat(records);
  const eocd64 = overrides.eocd64 ?? false;
  const gap = overrides.gap ?? Buffer.alloc(0);
  const comment = overrides.comment ?? Buffer.alloc(0);
  const parts: Buffer[] = [body, gap];
  if (eocd64)
    parts.push(encodeEocd64(records.length, body.length, at, at + body.length + gap.length, overrides));
  const end = Buffer.alloc(22);
  const count = (overrides.records ?? records.length) & 0xffff;
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE((overrides.directoryLength ?? body.length) >>> 0, 12);
  end.writeUInt32LE(overrides.directoryOffset ?? (eocd64 ? UINT32_MAX : at), 16);
  end.writeUInt16LE(comment.length, 20);
  parts.push(end, comment, overrides.trailer ?? Buffer.alloc(0));
  return Buffer.concat(parts);
}

function encodeEocd64(
  records: number,
  length: number,
  directoryOffset: number,
  recordOffset: number,
  overrides: Partial<TailFields>,
): Buffer {
  const out = Buffer.alloc(76);
  const count = BigInt(overrides.eocd64Records ?? records);
  out.writeUInt32LE(0x06064b50, 0);
  out.writeBigUInt64LE(44n, 4);
  out.writeUInt16LE(UNIX | 45, 12);
  out.writeUInt16LE(45, 14);
  out.writeBigUInt64LE(count, 24);
  out.writeBigUInt64LE(count, 32);
  out.writeBigUInt64LE(BigInt(overrides.eocd64DirectoryLength ?? length), 40);
  out.writeBigUInt64LE(BigInt(overrides.eocd64DirectoryOffset ?? directoryOffset), 48);
  out.writeUInt32LE(0x07064b50, 56);
  out.writeBigUInt64LE(BigInt(overrides.locatorOffset ?? recordOffset), 64);
  out.writeUInt32LE(1, 72);
  return out;
}

interface ExistingRecord {
  readonly name: Buffer;
  readonly bytes: Buffer;
  readonly localOffset: number;
}

/** Records of a file that these functions wrote: the end record is its last 22 bytes. None if there is no zip yet. */
export function existingRecords(file: Buffer): ExistingRecord[] {
  const end = file.length - 22;
  if (end < 0 || file.readUInt32LE(end) !== 0x06054b50) return [];
  const big = file.readUInt32LE(end + 16) === UINT32_MAX;
  let at = big ? Number(file.readBigUInt64LE(end - 76 + 48)) : file.readUInt32LE(end + 16);
  const count = big ? Number(file.readBigUInt64LE(end - 76 + 32)) : file.readUInt16LE(end + 10);
  const records: ExistingRecord[] = [];
  for (let index = 0; index < count; index++) {
    const nameLength = file.readUInt16LE(at + 28);
    const length = 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
    const bytes = file.subarray(at, at + length);
    const offset32 = bytes.readUInt32LE(42);
    const localOffset =
      offset32 === UINT32_MAX ? Number(bytes.readBigUInt64LE(46 + nameLength + 20)) : offset32;
    records.push({ name: bytes.subarray(46, 46 + nameLength), bytes, localOffset });
    at += length;
  }
  return records;
}

/** Length of local header and content. */
export function memberLength(file: Buffer, at: number): number {
  const nameLength = file.readUInt16LE(at + 26);
  const size = file.readUInt32LE(at + 18);
  const whole = size === UINT32_MAX ? Number(file.readBigUInt64LE(at + 30 + nameLength + 12)) : size;
  return 30 + nameLength + file.readUInt16LE(at + 28) + whole;
}

export function writeLocalOffset(record: Buffer, offset: number): void {
  if (record.readUInt32LE(42) !== UINT32_MAX) record.writeUInt32LE(offset, 42);
  else record.writeBigUInt64LE(BigInt(offset), 46 + record.readUInt16LE(28) + 20);
}
