import { escapeText, type Untrusted } from '../lib/text.ts';
import type { GgufArray, GgufFacts, GgufValue } from './anatomy.ts';
import { malformed, tooLarge } from './faults.ts';
import { GgufCursor } from './gguf-cursor.ts';
import { readTensors } from './gguf-tensors.ts';
import { LIMITS, SCALAR_BYTES, VALUE } from './gguf-types.ts';
import type { ByteSource } from './source.ts';

export interface GgufLayout {
  readonly facts: GgufFacts;
  /** Ranges of tensor data, absolute, in the order of the file; tensors that lie back to back are one range. */
  readonly tensors: readonly { readonly offset: number; readonly length: number }[];
}

const MAGIC = 'GGUF';
const KEY = /^[\x21-\x7e]+$/;
const DEFAULT_ALIGNMENT = 32;
/** Shortest metadata entry: key of one byte, type, one-byte value. Shortest tensor info: name, n_dims, type, offset. */
const ENTRY_MINIMUM = 14;
const TENSOR_MINIMUM = 25;

/**
 * Walks the header of the GGUF in `[offset, offset + length)` with a window of 256 KiB; tensor data is not read.
 * @throws PaddockError `malformed` on anything that a llamafile's loader of some release would mistake or refuse (versions other
 * than 2 and 3, counts and lengths beyond the member, duplicate keys or names, tensors that overlap or leave the member),
 * `too-large` at a bound of ours.
 */
export function readGguf(source: ByteSource, offset: number, length: number, member?: Untrusted): GgufLayout {
  const cursor = new GgufCursor(source, offset, offset + length);
  const version = readPreamble(cursor);
  const tensorCount = cursor.count(cursor.remaining / TENSOR_MINIMUM, 'the number of tensors');
  const entries = cursor.count(cursor.remaining / ENTRY_MINIMUM, 'the number of metadata entries');
  bound(tensorCount, LIMITS.tensors, 'tensors', offset + 8);
  bound(entries, LIMITS.metadata, 'metadata entries', offset + 16);
  const metadata = readMetadata(cursor, entries);
  const alignment = alignmentOf(metadata, offset);
  const tensors = readTensors(cursor, tensorCount, { start: offset, end: offset + length, alignment });
  const text = (key: string): Untrusted | undefined => {
    const value = metadata.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const architecture = text('general.architecture');
  const name = text('general.name');
  const facts: GgufFacts = {
    offset,
    version,
    metadata,
    tensorCount,
    parameterCount: tensors.parameterCount,
    headerLength: tensors.headerLength,
    ...(member === undefined ? {} : { member }),
    ...(architecture === undefined ? {} : { architecture }),
    ...(name === undefined ? {} : { name }),
    ...(tensors.commonestType === undefined ? {} : { quantisation: tensors.commonestType }),
  };
  return { facts, tensors: tensors.ranges };
}

function readPreamble(cursor: GgufCursor): number {
  const offset = cursor.at;
  const magic = cursor.bytes(4).toString('latin1');
  if (magic !== MAGIC) {
    throw malformed('the weights do not begin like a GGUF', {
      offset,
      expected: 'GGUF',
      found: Buffer.from(magic, 'latin1').toString('hex'),
    });
  }
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  throw malformed('this version of GGUF cannot be run', {
    offset: offset + 4,
    expected: 'version 2 or 3, little-endian',
    found: (version & 0xffff) === 0 ? 'a big-endian file' : `version ${version}`,
  });
}

function readMetadata(cursor: GgufCursor, entries: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  const start = cursor.at;
  let kept = 0;
  for (let index = 0; index < entries; index++) {
    const offset = cursor.at;
    const key = readKey(cursor);
    if (metadata.has(key)) {
      throw malformed('a metadata key appears twice, and loaders differ in which one counts', {
        offset,
        expected: 'each key once',
        found: escapeText(key, 80),
      });
    }
    const value = readValue(cursor, key);
    kept += key.length + weight(value);
    if (kept > LIMITS.keptBytes) {
      throw tooLarge('the metadata is too large', start, `${LIMITS.keptBytes} bytes without arrays`, 'more');
    }
    metadata.set(key, value);
  }
  return metadata;
}

function readKey(cursor: GgufCursor): string {
  const offset = cursor.at;
  const key = cursor.text('a metadata key');
  if (key.length <= LIMITS.keyBytes && KEY.test(key)) return key;
  throw malformed('a metadata key is not a name', {
    offset,
    expected: `1 to ${LIMITS.keyBytes} printable ASCII characters without spaces`,
    found: escapeText(key, 80),
  });
}

function readValue(cursor: GgufCursor, key: string): GgufValue {
  const offset = cursor.at;
  const type = cursor.u32();
  if (type === VALUE.array) return readArray(cursor, key);
  if (type === VALUE.string) return cursor.text(`the value of ${escapeText(key, 80)}`);
  if (SCALAR_BYTES[type] === undefined) throw unknownType(offset, type);
  return readScalar(cursor, type);
}

function readArray(cursor: GgufCursor, key: string): GgufArray {
  const offset = cursor.at;
  const elementType = cursor.u32();
  const size = SCALAR_BYTES[elementType];
  if (size === undefined && elementType !== VALUE.string) throw unknownType(offset, elementType);
  const length = cursor.count((cursor.remaining - 8) / (size ?? 8), `the length of ${escapeText(key, 80)}`);
  bound(length, LIMITS.arrayElements, 'array elements', offset);
  const head: (number | bigint | boolean | Untrusted)[] = [];
  for (let index = 0; index < length; index++) {
    const kept = index < LIMITS.arrayHead;
    if (elementType === VALUE.string) {
      // Tokens may hold any bytes, so what is not UTF-8 is no fault here.
      if (kept) head.push(readToken(cursor));
      else tokenLength(cursor.at, cursor.skipString());
    } else if (kept || elementType === VALUE.bool) {
      const value = readScalar(cursor, elementType);
      if (kept) head.push(value);
    } else {
      cursor.skip((length - index) * (size ?? 0));
      break;
    }
  }
  return { elementType, length, head };
}

function readToken(cursor: GgufCursor): Untrusted {
  const offset = cursor.at;
  const length = tokenLength(offset, cursor.count(cursor.remaining - 8, 'the length of a string'));
  const shown = Math.min(length, 1024);
  const bytes = cursor.bytes(shown).toString('utf8');
  cursor.skip(length - shown);
  return bytes as Untrusted;
}

function tokenLength(offset: number, length: number): number {
  if (length <= LIMITS.keptStringBytes) return length;
  throw malformed('an element of a string array is too long', {
    offset,
    expected: `at most ${LIMITS.keptStringBytes} bytes`,
    found: `${length} bytes`,
  });
}

function readScalar(cursor: GgufCursor, type: number): number | bigint | boolean {
  const offset = cursor.at;
  const bytes = cursor.bytes(SCALAR_BYTES[type] ?? 0);
  switch (type) {
    case 0:
      return bytes.readUInt8(0);
    case 1:
      return bytes.readInt8(0);
    case 2:
      return bytes.readUInt16LE(0);
    case 3:
      return bytes.readInt16LE(0);
    case 4:
      return bytes.readUInt32LE(0);
    case 5:
      return bytes.readInt32LE(0);
    case 6:
      return bytes.readFloatLE(0);
    case VALUE.bool:
      if (bytes.readUInt8(0) <= 1) return bytes.readUInt8(0) === 1;
      throw malformed('a truth value is neither 0 nor 1', {
        offset,
        expected: '0 or 1',
        found: `${bytes[0]}`,
      });
    case VALUE.u64:
      return bytes.readBigUInt64LE(0);
    case VALUE.i64:
      return bytes.readBigInt64LE(0);
    case VALUE.f64:
      return bytes.readDoubleLE(0);
    default:
      throw unknownType(offset, type);
  }
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, offset: number): number {
  const value = metadata.get('general.alignment');
  if (value === undefined) return DEFAULT_ALIGNMENT;
  const right =
    typeof value === 'number' &&
    value >= 1 &&
    value <= LIMITS.alignment &&
    Number.isInteger(Math.log2(value));
  if (right) return value;
  throw malformed('general.alignment is not usable', {
    offset,
    expected: `a power of two, 1 to ${LIMITS.alignment}`,
    found: typeof value === 'object' ? 'an array' : escapeText(String(value), 40),
  });
}

function weight(value: GgufValue): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object') return 8;
  return value.head.reduce((sum: number, each) => sum + (typeof each === 'string' ? each.length : 8), 0);
}

function bound(count: number, limit: number, what: string, offset: number): void {
  if (count > limit) throw tooLarge(`the GGUF has too many ${what}`, offset, `at most ${limit}`, `${count}`);
}

function unknownType(offset: number, type: number) {
  return malformed('a metadata value has a type that does not exist', {
    offset,
    expected: 'type 0 to 12, and no array in an array',
    found: `type ${type}`,
  });
}
