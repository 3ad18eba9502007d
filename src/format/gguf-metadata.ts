import { asUntrusted, escapeText, type Untrusted } from '../lib/text.ts';
import type { GgufArray, GgufFacts, GgufValue, GgufVocabulary } from './anatomy.ts';
import { malformed, tooLarge } from './faults.ts';
import type { GgufCursor } from './gguf-cursor.ts';
import { LIMITS, SCALAR_BYTES, VALUE } from './gguf-types.ts';
import { VocabularyScan } from './gguf-vocabulary.ts';

export interface Metadata {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly entries: GgufFacts['entries'];
  readonly vocabulary: GgufVocabulary;
}

const KEY = /^[\x21-\x7e]+$/;
/** C code compares and prints these as strings that end at the first NUL. */
const NAMES =
  /^(general\.(architecture|type|name)|tokenizer\.ggml\.(model|pre)|tokenizer\.chat_template(\..+)?)$/;
const DEFAULT_ALIGNMENT = 32;
/** Of each array element that is kept. */
const SHOWN_BYTES = 1024;
/** Read at once: at most 64 KiB. */
const CHUNK_ELEMENTS = 16_384;

/** `count` metadata entries from where the cursor stands. @throws PaddockError `malformed`, `too-large` */
export function readMetadata(cursor: GgufCursor, count: number): Metadata {
  const metadata = new Map<string, GgufValue>();
  const entries = new Map<string, { at: number; type: number }>();
  const scan = new VocabularyScan();
  const start = cursor.at;
  let kept = 0;
  for (let index = 0; index < count; index++) {
    const offset = cursor.at;
    const key = readKey(cursor);
    if (metadata.has(key)) {
      throw malformed('a metadata key appears twice, and loaders differ in which one counts', {
        check: 'GGUF-013',
        offset,
        expected: 'each key once',
        found: escapeText(key, 80),
      });
    }
    const { type, value } = readValue(cursor, key, scan);
    kept += key.length + weight(value);
    if (kept > LIMITS.keptBytes) {
      const expected = `${LIMITS.keptBytes} bytes without arrays`;
      throw tooLarge('the metadata is too large', start, expected, 'more', 'GGUF-022');
    }
    metadata.set(key, value);
    entries.set(key, { at: offset, type });
  }
  return { metadata, entries, vocabulary: scan.result() };
}

/** Of tensor data, in bytes. @throws PaddockError `malformed` for a `general.alignment` that is no such number */
export function alignmentOf({ metadata, entries }: Pick<Metadata, 'metadata' | 'entries'>): number {
  const value = metadata.get('general.alignment');
  const entry = entries.get('general.alignment');
  if (value === undefined || entry === undefined) return DEFAULT_ALIGNMENT;
  const right =
    typeof value === 'number' &&
    entry.type === VALUE.u32 &&
    value <= LIMITS.alignment &&
    Number.isInteger(Math.log2(value));
  if (right) return value;
  throw malformed('general.alignment is not usable', {
    check: 'GGUF-040',
    offset: entry.at,
    expected: `a power of two, 1 to ${LIMITS.alignment}, of type ${VALUE.u32} (u32)`,
    found: `${typeof value === 'object' ? 'an array' : escapeText(String(value), 40)}, of type ${entry.type}`,
  });
}

function readKey(cursor: GgufCursor): string {
  const offset = cursor.at;
  const key = cursor.text('a metadata key', 'GGUF-012', LIMITS.keyBytes);
  if (KEY.test(key)) return key;
  throw malformed('a metadata key is not a name', {
    check: 'GGUF-012',
    offset,
    expected: `1 to ${LIMITS.keyBytes} printable ASCII characters without spaces`,
    found: escapeText(key, 80),
  });
}

function readValue(
  cursor: GgufCursor,
  key: string,
  scan: VocabularyScan,
): { readonly type: number; readonly value: GgufValue } {
  const offset = cursor.at;
  const type = cursor.u32();
  if (type === VALUE.array) return { type, value: readArray(cursor, key, scan) };
  if (type === VALUE.string) return { type, value: readText(cursor, key) };
  if (SCALAR_BYTES[type] === undefined) throw unknownType(offset, type, 'GGUF-010');
  return { type, value: readScalar(cursor, type) };
}

function readText(cursor: GgufCursor, key: string): Untrusted {
  const offset = cursor.at;
  const text = cursor.text(`the value of ${escapeText(key, 80)}`, 'GGUF-014');
  if (!NAMES.test(key) || !text.includes('\0')) return text;
  throw malformed(`the value of ${escapeText(key, 80)} holds a NUL byte`, {
    check: 'GGUF-014',
    offset,
    expected: 'text without NUL bytes, as the loader takes what comes before the first one',
    found: escapeText(text, 80),
  });
}

function readArray(cursor: GgufCursor, key: string, scan: VocabularyScan): GgufArray {
  const offset = cursor.at;
  const elementType = cursor.u32();
  const size = SCALAR_BYTES[elementType];
  if (size === undefined && elementType !== VALUE.string) throw unknownType(offset, elementType, 'GGUF-020');
  const what = `the length of ${escapeText(key, 80)}`;
  const length = cursor.count((cursor.remaining - 8) / (size ?? 8), what, 'GGUF-020');
  if (length > LIMITS.arrayElements) {
    const expected = `at most ${LIMITS.arrayElements}`;
    throw tooLarge('the GGUF has too many array elements', offset, expected, `${length}`, 'GGUF-020');
  }
  if (elementType === VALUE.string)
    return { elementType, length, head: readTokens(cursor, key, length, scan) };
  return { elementType, length, head: readScalars(cursor, key, { elementType, length }, scan) };
}

/** Tokens may hold any bytes, so what is not UTF-8 is no fault here. */
function readTokens(cursor: GgufCursor, key: string, length: number, scan: VocabularyScan): Untrusted[] {
  const head: Untrusted[] = [];
  const watched = scan.beginTokens(key, length);
  for (let index = 0; index < length; index++) {
    const offset = cursor.at;
    if (!watched && index >= LIMITS.arrayHead) {
      refuseLong(cursor.skipString(), offset);
      continue;
    }
    const { length: bytes, start } = cursor.stringStart(index < LIMITS.arrayHead ? SHOWN_BYTES : 8);
    refuseLong(bytes, offset);
    if (watched) scan.token(index, start, bytes);
    if (index < LIMITS.arrayHead) head.push(asUntrusted(start.toString('utf8')));
  }
  return head;
}

function refuseLong(bytes: number, offset: number): void {
  if (bytes <= LIMITS.elementBytes) return;
  throw malformed('an element of a string array is too long', {
    check: 'GGUF-041',
    offset,
    expected: `at most ${LIMITS.elementBytes} bytes`,
    found: `${bytes} bytes`,
  });
}

function readScalars(
  cursor: GgufCursor,
  key: string,
  { elementType, length }: Pick<GgufArray, 'elementType' | 'length'>,
  scan: VocabularyScan,
): (number | bigint | boolean)[] {
  const head: (number | bigint | boolean)[] = [];
  const start = cursor.at;
  while (head.length < Math.min(length, LIMITS.arrayHead)) head.push(readScalar(cursor, elementType));
  cursor.at = start;
  const watched = scan.beginTypes(key, length, elementType);
  const size = SCALAR_BYTES[elementType] ?? 0;
  if (!watched && elementType !== VALUE.bool) {
    cursor.skip(length * size);
    return head;
  }
  for (let index = 0; index < length; index += CHUNK_ELEMENTS) {
    const offset = cursor.at;
    const chunk = cursor.bytes(Math.min(CHUNK_ELEMENTS, length - index) * size);
    if (watched) scan.types(index, chunk);
    else refuseOddTruth(chunk, offset);
  }
  return head;
}

function refuseOddTruth(chunk: Buffer, offset: number): void {
  const odd = chunk.findIndex((byte) => byte > 1);
  if (odd !== -1) throw oddTruth(offset + odd, chunk[odd] ?? 0);
}

function oddTruth(offset: number, byte: number) {
  return malformed('a truth value is neither 0 nor 1', {
    check: 'GGUF-011',
    offset,
    expected: '0 or 1',
    found: `${byte}`,
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
      throw oddTruth(offset, bytes.readUInt8(0));
    case VALUE.u64:
      return bytes.readBigUInt64LE(0);
    case VALUE.i64:
      return bytes.readBigInt64LE(0);
    case VALUE.f64:
      return bytes.readDoubleLE(0);
    default:
      throw unknownType(offset, type, 'GGUF-010');
  }
}

function weight(value: GgufValue): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object') return 8;
  return value.head.reduce((sum: number, each) => sum + (typeof each === 'string' ? each.length : 8), 0);
}

function unknownType(offset: number, type: number, check: string) {
  return malformed('a metadata value has a type that does not exist', {
    check,
    offset,
    expected: 'type 0 to 12, and no array in an array',
    found: `type ${type}`,
  });
}
