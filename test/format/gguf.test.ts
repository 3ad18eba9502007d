import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readGguf } from '../../src/format/gguf.ts';
import { type ByteSource, bufferSource } from '../../src/format/source.ts';
import { type GgufModel, writeGguf } from '../fixtures/gguf-writer.ts';
import { TINY_MODEL } from '../fixtures/llamafile.ts';
import { expectRefusal } from './support.ts';

const read = (bytes: Buffer) => readGguf(bufferSource(bytes), 0, bytes.length);
const good = writeGguf(TINY_MODEL);
const withModel = (change: Partial<GgufModel>) => writeGguf({ ...TINY_MODEL, ...change });
/** The file with one field changed. */
const patched = (at: number, write: (bytes: Buffer, at: number) => void) => {
  const bytes = Buffer.from(good);
  write(bytes, at);
  return bytes;
};
const u32 = (value: number) => (bytes: Buffer, at: number) => void bytes.writeUInt32LE(value, at);
const u64 = (value: bigint) => (bytes: Buffer, at: number) => void bytes.writeBigUInt64LE(value, at);
const HUGE = 2n ** 64n - 1n;
const FIRST_KEY = 24;
const FIRST_TYPE = FIRST_KEY + 8 + 'general.architecture'.length;
const TENSOR = good.indexOf('token_embd.weight') - 8;
const TENSOR_DIMS = TENSOR + 8 + 'token_embd.weight'.length;
const TENSOR_TYPE = TENSOR_DIMS + 4 + 16;

it('reads every kind of value', () => {
  const bytes = withModel({
    metadata: [
      ['k.u8', 'u8', 200],
      ['k.i8', 'i8', -5],
      ['k.u16', 'u16', 60000],
      ['k.i16', 'i16', -600],
      ['k.u32', 'u32', 4e9],
      ['k.i32', 'i32', -4e8],
      ['k.f32', 'f32', 0.5],
      ['k.bool', 'bool', true],
      ['k.string', 'string', 'täxt'],
      ['k.u64', 'u64', HUGE],
      ['k.i64', 'i64', -(2n ** 63n)],
      ['k.f64', 'f64', 1 / 3],
      ['k.list', 'u16[]', Array.from({ length: 20 }, (_, index) => index)],
      ['k.flags', 'bool[]', [true, false]],
      ['k.words', 'string[]', [Buffer.from([0xff, 0x00]), 'b']],
      ['k.none', 'string[]', []],
    ],
  });
  const { metadata } = read(bytes).facts;
  expect(Object.fromEntries([...metadata].slice(0, 12).map(([key, value]) => [key.slice(2), value]))).toEqual(
    {
      u8: 200,
      i8: -5,
      u16: 60000,
      i16: -600,
      u32: 4e9,
      i32: -4e8,
      f32: 0.5,
      bool: true,
      string: 'täxt',
      u64: HUGE,
      i64: -(2n ** 63n),
      f64: 1 / 3,
    },
  );
  expect(metadata.get('k.list')).toEqual({ elementType: 2, length: 20, head: [0, 1, 2, 3, 4, 5, 6, 7] });
  expect(metadata.get('k.words')).toEqual({ elementType: 8, length: 2, head: ['\ufffd\0', 'b'] });
  expect(metadata.get('k.none')).toEqual({ elementType: 8, length: 0, head: [] });
});

it('places header and tensors', () => {
  const { facts, tensors } = read(good);
  expect(facts.headerLength).toBe(TENSOR + 2 * (8 + 4 + 4 + 8) + 17 + 18 + 16 + 8);
  expect(tensors).toEqual([{ offset: Math.ceil(facts.headerLength / 32) * 32, length: 160 + 8 }]);
});

it('honours general.alignment', () => {
  const metadata = [...TINY_MODEL.metadata, ['general.alignment', 'u32', 256] as const];
  const { tensors } = read(withModel({ metadata, alignment: 256 }));
  expect((tensors[0]?.offset ?? 1) % 256).toBe(0);
});

describe('refuses', () => {
  const tensor = (change: object) =>
    withModel({ tensors: [{ ...TINY_MODEL.tensors[1], ...change }] as never });
  const cases: Readonly<Record<string, [Buffer, RegExp]>> = {
    'another magic': [patched(0, u32(0)), /begin/],
    'version 1': [patched(4, u32(1)), /version/],
    'version 4': [patched(4, u32(4)), /version/],
    'a big-endian file': [patched(4, u32(0x03000000)), /version/],
    'too many tensors for the file': [patched(8, u64(HUGE)), /tensors/],
    'too many entries for the file': [patched(16, u64(2n ** 61n)), /metadata/],
    'a key without end': [patched(FIRST_KEY, u64(HUGE)), /string/],
    'an empty key': [withModel({ metadata: [['', 'u8', 1]] }), /key/],
    'a key with a NUL': [withModel({ metadata: [['a\0b', 'u8', 1]] }), /key/],
    'a key twice': [
      withModel({
        metadata: [
          ['a', 'u8', 1],
          ['a', 'u8', 2],
        ],
      }),
      /twice/,
    ],
    'a type that does not exist': [patched(FIRST_TYPE, u32(13)), /type/],
    'a string without end': [patched(FIRST_TYPE + 4, u64(HUGE)), /string/],
    'a string that is not UTF-8': [withModel({ metadata: [['a', 'string', Buffer.from([0xff])]] }), /UTF-8/],
    'a truth value of 2': [withModel({ metadata: [['a', 'bool', 2]] }), /truth/],
    'a truth value of 2 in an array': [
      withModel({ metadata: [['a', 'bool[]', [0, 0, 0, 0, 0, 0, 0, 0, 0, 2]]] }),
      /truth/,
    ],
    'an alignment of 0': [withModel({ metadata: [['general.alignment', 'u32', 0]] }), /alignment/],
    'an alignment of 3': [withModel({ metadata: [['general.alignment', 'u32', 3]] }), /alignment/],
    'an alignment of 2 GiB': [withModel({ metadata: [['general.alignment', 'u32', 2 ** 31]] }), /alignment/],
    'an alignment that is text': [
      withModel({ metadata: [['general.alignment', 'string', '32']] }),
      /alignment/,
    ],
    'a tensor without a name': [tensor({ name: '' }), /name/],
    'a tensor name of 64 bytes': [tensor({ name: 'n'.repeat(64) }), /name/],
    'a tensor name with a path': [tensor({ name: '../etc' }), /name/],
    'a tensor name twice': [
      withModel({ tensors: [TINY_MODEL.tensors[1], TINY_MODEL.tensors[1]] as never }),
      /one name/,
    ],
    'five dimensions': [tensor({ dims: [4, 1, 1, 1, 1] }), /dimensions/],
    'dimensions that wrap around': [patched(TENSOR_DIMS + 4, u64(2n ** 63n)), /multiply/],
    'a product that wraps around': [
      patched(TENSOR_DIMS + 4, (bytes, at) => {
        bytes.writeBigUInt64LE(2n ** 33n, at);
        bytes.writeBigUInt64LE(2n ** 33n, at + 8);
      }),
      /multiply/,
    ],
    'a tensor type that was removed': [patched(TENSOR_TYPE, u32(4)), /type/],
    'a tensor type beyond the table': [patched(TENSOR_TYPE, u32(99)), /type/],
    'part of a block': [patched(TENSOR_TYPE, u32(2)), /block/],
    'an offset that is not aligned': [patched(TENSOR_TYPE + 4, u64(1n)), /alignment/],
    'an offset outside': [patched(TENSOR_TYPE + 4, u64(2n ** 63n)), /inside/],
    'tensors that share data': [patched(read(good).facts.headerLength - 8, u64(0n)), /share/],
    'data that ends early': [good.subarray(0, -40), /leaves/],
  };
  it.each(Object.entries(cases))('%s', (_, [bytes, message]) => {
    expectRefusal(() => read(bytes), 'malformed', message);
  });

  it('an array in an array', () => {
    const bytes = withModel({ metadata: [['a', 'u32[]', [1, 2, 3]]] });
    bytes.writeUInt32LE(9, 24 + 9 + 4);
    expectRefusal(() => read(bytes), 'malformed', /type/);
  });

  it.each([0, 3, 10, 23, 30, 60, 200])('a header cut after %i bytes', (length) => {
    expectRefusal(() => read(good.subarray(0, length)), 'malformed', /./);
  });
});

it('reads a header of many tokens with little memory, and no tensor data', () => {
  const tokens = Array.from({ length: 50_000 }, (_, index) => `token number ${index}`);
  const bytes = withModel({ metadata: [['tokenizer.ggml.tokens', 'string[]', tokens]] });
  let largest = 0;
  let last = 0;
  const inner = bufferSource(bytes);
  const source: ByteSource = {
    size: bytes.length,
    read(offset, length) {
      largest = Math.max(largest, length);
      last = Math.max(last, offset);
      return inner.read(offset, length);
    },
  };
  const { facts } = readGguf(source, 0, bytes.length);
  expect(facts.metadata.get('tokenizer.ggml.tokens')).toMatchObject({ length: 50_000 });
  expect(largest).toBeLessThanOrEqual(256 * 1024);
  expect(last).toBeLessThan(facts.headerLength);
});

it('any change of a byte gives facts or a PaddockError', () => {
  const edit = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const bytes = Buffer.from(good);
      for (const [at, value] of edits) bytes[at] = value;
      expectSane(bytes);
    }),
    { numRuns: 500 },
  );
});

it('any bytes behind the magic give facts or a PaddockError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (rest) => {
      expectSane(Buffer.concat([Buffer.from('GGUF\x03\0\0\0', 'latin1'), rest]));
    }),
  );
});

const STORIES = '../shared/data/stories260K.gguf';
it.skipIf(!existsSync(STORIES))(`real weights (skipped without ${STORIES})`, () => {
  const bytes = readFileSync(STORIES);
  const { facts, tensors } = read(bytes);
  expect(facts).toMatchObject({ architecture: 'llama', quantisation: 'F32' });
  const end = tensors.at(-1);
  expect((end?.offset ?? 0) + (end?.length ?? 0)).toBeLessThanOrEqual(bytes.length);
});

function expectSane(bytes: Buffer): void {
  try {
    const { facts, tensors } = read(bytes);
    expect(facts.headerLength).toBeLessThanOrEqual(bytes.length);
    for (const { offset, length } of tensors) expect(offset + length).toBeLessThanOrEqual(bytes.length);
  } catch (cause) {
    if ((cause as Error).name !== 'PaddockError') throw cause;
  }
}
