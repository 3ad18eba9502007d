import { halves } from '../../src/demo/half.ts';
import { type GgufTensor, writeGguf } from '../fixtures/gguf-writer.ts';

export interface SmallModelShape {
  readonly type?: 'F32' | 'F16';
  /** No `output.weight`: the embedding serves. */
  readonly tied?: boolean;
  readonly kvHeads?: 1 | 2 | 4;
  readonly layers?: number;
}

const WIDTH = 32;
const HEADS = 4;
const FEED_FORWARD = 48;
const PIECES = [
  '<unk>',
  '<s>',
  '</s>',
  '<0x61>',
  '<0x62>',
  '\u2581',
  'a',
  'b',
  'c',
  'ab',
  '\u2581a',
  '\u2581ab',
  'bca',
];

/** A complete llama model of a few kilobytes with weights that mean nothing and are the same every time. */
export function smallModel({
  type = 'F32',
  tied = false,
  kvHeads = 2,
  layers = 1,
}: SmallModelShape = {}): Buffer {
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) / 2 ** 24 - 0.5;
  };
  const numbers = (count: number, scale: number) =>
    Float32Array.from({ length: count }, () => random() * scale);
  const matrix = (name: string, columns: number, rows: number): GgufTensor => {
    const data = numbers(columns * rows, 1.5);
    return {
      name,
      dims: [columns, rows],
      type,
      data: type === 'F16' ? halves(data) : Buffer.from(data.buffer),
    };
  };
  const vector = (name: string): GgufTensor => {
    const data = numbers(WIDTH, 0.5).map((value) => 1 + value);
    return { name, dims: [WIDTH], type: 'F32', data: Buffer.from(data.buffer) };
  };
  const kvWidth = (WIDTH / HEADS) * kvHeads;
  const blocks = Array.from({ length: layers }, (_, layer) => [
    vector(`blk.${layer}.attn_norm.weight`),
    matrix(`blk.${layer}.attn_q.weight`, WIDTH, WIDTH),
    matrix(`blk.${layer}.attn_k.weight`, WIDTH, kvWidth),
    matrix(`blk.${layer}.attn_v.weight`, WIDTH, kvWidth),
    matrix(`blk.${layer}.attn_output.weight`, WIDTH, WIDTH),
    vector(`blk.${layer}.ffn_norm.weight`),
    matrix(`blk.${layer}.ffn_gate.weight`, WIDTH, FEED_FORWARD),
    matrix(`blk.${layer}.ffn_up.weight`, WIDTH, FEED_FORWARD),
    matrix(`blk.${layer}.ffn_down.weight`, FEED_FORWARD, WIDTH),
  ]);
  return writeGguf({
    metadata: [
      ['general.architecture', 'string', 'llama'],
      ['llama.context_length', 'u32', 64],
      ['llama.embedding_length', 'u32', WIDTH],
      ['llama.block_count', 'u32', layers],
      ['llama.feed_forward_length', 'u32', FEED_FORWARD],
      ['llama.attention.head_count', 'u32', HEADS],
      ['llama.attention.head_count_kv', 'u32', kvHeads],
      ['llama.attention.layer_norm_rms_epsilon', 'f32', 1e-5],
      ['llama.rope.dimension_count', 'u32', WIDTH / HEADS],
      ['tokenizer.ggml.model', 'string', 'llama'],
      ['tokenizer.ggml.tokens', 'string[]', PIECES],
      ['tokenizer.ggml.scores', 'f32[]', PIECES.map((_, token) => -token)],
      ['tokenizer.ggml.token_type', 'i32[]', PIECES.map((_, token) => [2, 3, 3, 6, 6][token] ?? 1)],
    ],
    tensors: [
      matrix('token_embd.weight', WIDTH, PIECES.length),
      vector('output_norm.weight'),
      ...(tied ? [] : [matrix('output.weight', WIDTH, PIECES.length)]),
      ...blocks.flat(),
    ],
  });
}
