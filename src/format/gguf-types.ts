/** Value types of GGUF metadata: id → bytes of one value; strings and arrays have their own length. */
export const SCALAR_BYTES: readonly (number | undefined)[] = [
  1,
  1,
  2,
  2,
  4,
  4,
  4,
  1,
  undefined,
  undefined,
  8,
  8,
  8,
];
export const VALUE = {
  u8: 0,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

type TypeRow = readonly [name: string, elements: number, bytes: number];

/** Tensor type id → name, elements and bytes of one block. */
export type TensorTypes = Readonly<Record<number, TypeRow>>;

/** Elements and bytes of one block of each tensor type (ggml.c and ggml-common.h, type_traits). */
const BLOCKS = {
  F32: [1, 4],
  F16: [1, 2],
  Q4_0: [32, 18],
  Q4_1: [32, 20],
  Q5_0: [32, 22],
  Q5_1: [32, 24],
  Q8_0: [32, 34],
  Q8_1: [32, 36],
  Q2_K: [256, 84],
  Q3_K: [256, 110],
  Q4_K: [256, 144],
  Q5_K: [256, 176],
  Q6_K: [256, 210],
  Q8_K: [256, 292],
  IQ2_XXS: [256, 66],
  IQ2_XS: [256, 74],
  IQ3_XXS: [256, 98],
  IQ1_S: [256, 50],
  IQ4_NL: [32, 18],
  IQ3_S: [256, 110],
  IQ2_S: [256, 82],
  IQ4_XS: [256, 136],
  I8: [1, 1],
  I16: [1, 2],
  I32: [1, 4],
  I64: [1, 8],
  F64: [1, 8],
  IQ1_M: [256, 56],
  BF16: [1, 2],
  Q4_0_4_4: [32, 18],
  Q4_0_4_8: [32, 18],
  Q4_0_8_8: [32, 18],
  TQ1_0: [256, 54],
  TQ2_0: [256, 66],
  MXFP4: [32, 17],
  NVFP4: [64, 36],
  Q1_0: [128, 18],
  Q2_0: [64, 18],
} as const;
type TypeName = keyof typeof BLOCKS;

/** Ids that have meant the same since GGUF began. */
const FIRST: Readonly<Record<number, TypeName>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  6: 'Q5_0',
  7: 'Q5_1',
  8: 'Q8_0',
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  12: 'Q4_K',
  13: 'Q5_K',
  14: 'Q6_K',
  15: 'Q8_K',
};
const FROM_0_7: Readonly<Record<number, TypeName>> = {
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
};
const FROM_0_7_1: Readonly<Record<number, TypeName>> = { ...FROM_0_7, 29: 'IQ1_M', 30: 'BF16' };
/** Interleaved copies of Q4_0, removed again before 0.10; their ids were not given to others. */
const INTERLEAVED: Readonly<Record<number, TypeName>> = { 31: 'Q4_0_4_4', 32: 'Q4_0_4_8', 33: 'Q4_0_8_8' };
const FROM_0_10: Readonly<Record<number, TypeName>> = {
  ...FROM_0_7_1,
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
  40: 'NVFP4',
  41: 'Q1_0',
  42: 'Q2_0',
};

/**
 * What ids above 15 mean, by the first llamafile release whose ggml.h says so (enum ggml_type at the tags 0.1 to 0.9.3).
 * The 0.10 releases are given all of today's types: which of them the latest ids need is not told apart.
 */
const ERAS: readonly (readonly [since: string, types: Readonly<Record<number, TypeName>>])[] = [
  ['0.1', { 16: 'I8', 17: 'I16', 18: 'I32' }],
  ['0.6.1', { 16: 'IQ2_XXS', 17: 'I8', 18: 'I16', 19: 'I32' }],
  ['0.6.2', { 16: 'IQ2_XXS', 17: 'IQ2_XS', 18: 'I8', 19: 'I16', 20: 'I32' }],
  ['0.7', { ...FROM_0_7, 29: 'BF16' }],
  ['0.7.1', FROM_0_7_1],
  ['0.8.13', { ...FROM_0_7_1, ...INTERLEAVED }],
  ['0.10', FROM_0_10],
];

/**
 * For a runtime that is not known: every id by its meaning of today, and those that only past releases know. A type of today
 * is never longer than the one that had its number before, so that weights by an old numbering show gaps and no overlaps.
 */
export const ANY_TYPES: TensorTypes = table({ ...FROM_0_10, ...INTERLEAVED });

/** The tensor types that a llamafile release ("0.9.3") knows, each by its own numbering. */
export function tensorTypesOf(version: string): TensorTypes {
  const era = ERAS.findLast(([since]) => compareVersions(since, version) <= 0) ?? ERAS[0];
  return table(era?.[1] ?? {});
}

/** Negative if release `a` is older than `b`, 0 if they are the same. Only the numbers count: "0.8.2" < "0.8.12" < "0.10". */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => (text.match(/\d+/g) ?? []).slice(0, 4).map(Number));
  for (let index = 0; index < 4; index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function table(more: Readonly<Record<number, TypeName>>): TensorTypes {
  const rows = Object.entries({ ...FIRST, ...more }).map(([id, name]) => [id, [name, ...BLOCKS[name]]]);
  return Object.fromEntries(rows) as TensorTypes;
}

/** Bounds of ours. Reaching one is `too-large`; the file's own bounds are checked before. */
export const LIMITS = {
  metadata: 65_536,
  tensors: 65_536,
  keyBytes: 65_535,
  stringBytes: 16 * 1024 * 1024,
  /** Of one element of a string array: no token is longer. */
  elementBytes: 1024 * 1024,
  /** Of all metadata values that are kept. */
  keptBytes: 32 * 1024 * 1024,
  arrayElements: 4 * 1024 * 1024,
  arrayHead: 8,
  tensorNameBytes: 63,
  alignment: 1024 * 1024,
  headerBytes: 64 * 1024 * 1024,
} as const;
