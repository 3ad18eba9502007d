import { type GGUFParseOutput, gguf } from '@huggingface/gguf';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GgufArray, GgufFacts, GgufValue } from '../../src/format/anatomy.ts';
import { type GgufLayout, readGguf } from '../../src/format/gguf.ts';
import { ANY_TYPES } from '../../src/format/gguf-types.ts';
import { type ByteSource, bufferSource } from '../../src/format/source.ts';
import { checkWeights } from '../../src/integrity/checks/weights.ts';
import {
  arrayEntry,
  entry,
  type RawGguf,
  type RawTensor,
  rawGguf,
  text,
  u32,
  u64,
  VALUE_TYPE,
} from '../fixtures/gguf-raw.ts';
import type { GgufEntry, GgufScalarType, GgufTensor } from '../fixtures/gguf-writer.ts';
import { writeGguf } from '../fixtures/gguf-writer.ts';

const read = (bytes: Buffer) => readGguf(bufferSource(bytes), 0, bytes.length);

/** The reference's parser takes a byte order mark off a text, ours keeps it. */
const TEXT = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((value) => !value.startsWith('\ufeff'));
const KEY = fc.stringMatching(/^[a-z0-9_]{1,8}(\.[a-z0-9_]{1,8}){1,2}$/);
const SCALARS: Readonly<Record<GgufScalarType, fc.Arbitrary<number | bigint | boolean | string>>> = {
  u8: fc.integer({ min: 0, max: 255 }),
  i8: fc.integer({ min: -128, max: 127 }),
  u16: fc.integer({ min: 0, max: 65_535 }),
  i16: fc.integer({ min: -32_768, max: 32_767 }),
  u32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  i32: fc.integer(),
  f32: fc.float({ noNaN: true }),
  bool: fc.boolean(),
  string: TEXT,
  u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  f64: fc.double({ noNaN: true }),
};
const ENTRY: fc.Arbitrary<GgufEntry> = fc.oneof(
  ...Object.entries(SCALARS).flatMap(([type, value]) => [
    fc.tuple(KEY, fc.constant(type as GgufScalarType), value),
    fc.tuple(KEY, fc.constant(`${type as GgufScalarType}[]` as const), fc.array(value, { maxLength: 12 })),
  ]),
);
const TENSOR: fc.Arbitrary<GgufTensor> = fc
  .tuple(
    KEY,
    fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
    fc.constantFrom('F32' as const, 'F16' as const),
  )
  .map(([name, dims, type]) => {
    const elements = dims.reduce((product, dim) => product * dim, 1);
    return { name, dims, type, data: Buffer.alloc(elements * (type === 'F32' ? 4 : 2), 7) };
  });
const MODEL = fc.record({
  metadata: fc.uniqueArray(ENTRY, { selector: ([key]) => key, maxLength: 8 }),
  tensors: fc.uniqueArray(TENSOR, { selector: ({ name }) => name, maxLength: 6 }),
});

/** Of the reference: https://github.com/huggingface/huggingface.js, packages/gguf. */
function readByReference(bytes: Buffer): Promise<GGUFParseOutput> {
  const answer = async (_: unknown, init?: RequestInit) => {
    const range = new Headers(init?.headers).get('range') ?? 'bytes=0-';
    const [from = 0, to = bytes.length] = (range.match(/\d+/g) ?? []).map(Number);
    return new Response(new Uint8Array(bytes.subarray(from, to + 1)), { status: 206 });
  };
  return gguf('https://localhost/model.gguf', { fetch: answer as typeof fetch });
}

it('what our writer writes is the same to our reader and to the one of Hugging Face', async () => {
  await fc.assert(
    fc.asyncProperty(MODEL, async (model) => {
      const bytes = writeGguf(model);
      const [{ facts, infos }, theirs] = [read(bytes), await readByReference(bytes)];
      const {
        version,
        tensor_count: tensorCount,
        kv_count: entries,
        ...metadata
      } = theirs.metadata as never as Record<string, unknown>;
      expect([facts.version, facts.tensorCount, facts.metadata.size]).toEqual(
        [version, tensorCount, entries].map(Number),
      );
      expect([...facts.metadata.keys()].sort()).toEqual(Object.keys(metadata).sort());
      for (const [key, value] of facts.metadata) expectSame(value, metadata[key]);
      expect(infos.map(({ name, dims, type, offset }) => [name, dims, type, BigInt(offset)])).toEqual(
        theirs.tensorInfos.map(({ name, shape, dtype, offset }) => [
          name,
          shape,
          ANY_TYPES[dtype]?.[0],
          offset,
        ]),
      );
    }),
    { numRuns: 300 },
  );
});

function expectSame(ours: GgufValue, theirs: unknown): void {
  if (typeof ours !== 'object') {
    expect(ours).toEqual(theirs);
    return;
  }
  const { length, head }: GgufArray = ours;
  const list = theirs as unknown[];
  expect(length).toBe(list.length);
  expect(head).toEqual(list.slice(0, 8));
}

it('every tensor type of Hugging Face’s list that we know has our name', async () => {
  const { GGMLQuantizationType } = await import('@huggingface/gguf');
  for (const [id, [name]] of Object.entries(ANY_TYPES)) {
    const theirs = (GGMLQuantizationType as unknown as Record<string, string | undefined>)[id];
    if (theirs !== undefined) expect(theirs).toBe(name);
  }
});

const LIES = fc.oneof(
  fc.constantFrom(0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 61n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 300n }),
);
const KNOWN_KEYS = fc.oneof(
  KEY,
  fc.constantFrom(
    'general.architecture',
    'general.alignment',
    'llama.block_count',
    'llama.vocab_size',
    'tokenizer.chat_template',
    'tokenizer.ggml.tokens',
    'tokenizer.ggml.token_type',
    'tokenizer.ggml.scores',
    'tokenizer.ggml.eos_token_id',
    'clip.vision.image_size',
    'split.count',
    '',
  ),
);
const BYTES = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const RAW_ENTRY = fc.oneof(
  fc
    .tuple(KNOWN_KEYS, fc.integer({ min: 0, max: 14 }), BYTES)
    .map(([key, type, value]) => entry(key, type, value)),
  fc
    .tuple(KNOWN_KEYS, fc.integer({ min: 0, max: 14 }), LIES, BYTES)
    .map(([key, type, length, elements]) => arrayEntry(key, type, length, elements)),
  fc.tuple(KNOWN_KEYS, LIES, BYTES).map(([key, length, bytes]) => {
    return entry(key, VALUE_TYPE.string, Buffer.concat([u64(length), bytes]));
  }),
  fc.tuple(KNOWN_KEYS, fc.nat()).map(([key, value]) => entry(key, VALUE_TYPE.u32, u32(value))),
  fc.tuple(KNOWN_KEYS, TEXT).map(([key, value]) => entry(key, VALUE_TYPE.string, text(value))),
);
const RAW_TENSOR: fc.Arbitrary<RawTensor> = fc.record(
  {
    name: fc.oneof(KEY, TEXT),
    dims: fc.array(LIES, { maxLength: 6 }),
    dimCount: fc.nat({ max: 8 }),
    type: fc.nat({ max: 45 }),
    offset: fc.oneof(LIES, fc.constantFrom(0n, 32n, 64n)),
  },
  { requiredKeys: ['name'] },
);
const RAW: fc.Arbitrary<RawGguf> = fc.record(
  {
    version: fc.constantFrom(2, 3, 3, 3, 1, 0x03000000),
    tensorCount: LIES,
    entryCount: LIES,
    entries: fc.array(RAW_ENTRY, { maxLength: 6 }),
    tensors: fc.array(RAW_TENSOR, { maxLength: 5 }),
    dataLength: fc.nat({ max: 200 }),
  },
  { requiredKeys: ['entries', 'tensors'] },
);

it('a header whose counts, lengths, types and offsets lie gives facts or a PaddockError, and no large reads', async () => {
  let whole = 0;
  await fc.assert(
    fc.asyncProperty(RAW, async (fields) => {
      const facts = await expectBounded(rawGguf(fields));
      if (facts !== undefined) whole++;
    }),
    { numRuns: 3000 },
  );
  expect(whole, 'headers that were right by chance').toBeGreaterThan(10);
});

it('a right header with one field changed gives facts or a PaddockError, and no large reads', async () => {
  const tokens = Array.from({ length: 20 }, (_, index) => `<0x${index.toString(16)}>`);
  const good = writeGguf({
    metadata: [
      ['general.architecture', 'string', 'llama'],
      ['general.alignment', 'u32', 32],
      ['tokenizer.ggml.token_type', 'i32[]', tokens.map(() => 6)],
      ['tokenizer.ggml.tokens', 'string[]', tokens],
      ['tokenizer.chat_template', 'string', '{% for m in messages %}{{ m.content }}{% endfor %}'],
      ['tokenizer.ggml.eos_token_id', 'u32', 2],
    ],
    tensors: [
      { name: 'a.weight', dims: [4, 2], type: 'F32', data: Buffer.alloc(32) },
      { name: 'b.weight', dims: [4], type: 'F16', data: Buffer.alloc(8) },
    ],
  });
  const { headerLength } = read(good).facts;
  const change = fc.tuple(fc.nat(headerLength - 8), fc.constantFrom(1, 4, 8), LIES);
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = Buffer.from(good);
      for (const [at, width, value] of changes) bytes.set(u64(value).subarray(0, width), at);
      await expectBounded(bytes);
    }),
    { numRuns: 3000 },
  );
});

/** Judges the bytes; reads may not add up to more than a few times their length. */
async function expectBounded(bytes: Buffer): Promise<GgufFacts | undefined> {
  const inner = bufferSource(bytes);
  let total = 0;
  const source: ByteSource = {
    size: bytes.length,
    read(offset, length) {
      total += length;
      return inner.read(offset, length);
    },
  };
  let layout: GgufLayout | undefined;
  try {
    layout = readGguf(source, 0, bytes.length);
    await checkWeights({ models: [layout.facts] } as never, source);
  } catch (cause) {
    if ((cause as Error).name !== 'PaddockError') throw cause;
  }
  expect(total).toBeLessThanOrEqual(8 * bytes.length);
  return layout?.facts;
}
