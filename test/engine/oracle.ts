/**
 * The llama architecture once more, as plainly as it can be written: double precision, no cache, everything computed
 * anew for each position. It shares nothing with the engine that it checks.
 */
export interface Weights {
  readonly numbers: ReadonlyMap<string, number>;
  readonly tensors: ReadonlyMap<string, Float64Array>;
}

/** Reads the scalar metadata and the tensors of a well-formed GGUF. */
export function readWeights(file: Buffer): Weights {
  let at = 8;
  const take = (length: number) => {
    at += length;
    return at - length;
  };
  const u32 = () => file.readUInt32LE(take(4));
  const u64 = () => Number(file.readBigUInt64LE(take(8)));
  const text = () => {
    const start = take(u64());
    return file.toString('utf8', start, at);
  };
  const numbers = new Map<string, number>();
  const value = (type: number): number => {
    const start = take(SIZES[type] ?? 0);
    if (type === 6) return file.readFloatLE(start);
    if (type === 4) return file.readUInt32LE(start);
    if (type === 8) text();
    if (type === 9) {
      const element = u32();
      const count = u64();
      for (let i = 0; i < count; i++) value(element);
    }
    return Number.NaN;
  };
  const tensorCount = u64();
  const valueCount = u64();
  for (let i = 0; i < valueCount; i++) numbers.set(text(), value(u32()));
  const infos = Array.from({ length: tensorCount }, () => ({
    name: text(),
    count: Array.from({ length: u32() }, u64).reduce((product, dim) => product * dim, 1),
    type: u32(),
    offset: u64(),
  }));
  const data = Math.ceil(at / 32) * 32;
  const tensors = new Map(
    infos.map(({ name, count, type, offset }) => [name, read(file, data + offset, count, type)]),
  );
  return { numbers, tensors };
}

const SIZES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

function read(file: Buffer, start: number, count: number, type: number): Float64Array {
  const out = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    out[i] = type === 0 ? file.readFloatLE(start + 4 * i) : fromHalf(file.readUInt16LE(start + 2 * i));
  }
  return out;
}

export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** Logits after each of the tokens. */
export function logits(weights: Weights, tokens: readonly number[]): number[][] {
  const number = (key: string) => weights.numbers.get(`llama.${key}`) ?? Number.NaN;
  const tensor = (name: string) => weights.tensors.get(name) ?? new Float64Array();
  const width = number('embedding_length');
  const heads = number('attention.head_count');
  const kvHeads = number('attention.head_count_kv');
  const epsilon = number('attention.layer_norm_rms_epsilon');
  const ropeWidth = number('rope.dimension_count');
  const base = weights.numbers.get('llama.rope.freq_base') ?? 10_000;
  const headWidth = width / heads;
  const embedding = tensor('token_embd.weight');
  let xs = tokens.map((token) => [...embedding.subarray(token * width, (token + 1) * width)]);

  for (let layer = 0; layer < number('block_count'); layer++) {
    const part = (name: string) => tensor(`blk.${layer}.${name}.weight`);
    const normed = xs.map((x) => normalise(x, part('attn_norm'), epsilon));
    const turned = (name: string) =>
      normed.map((x, at) => rotate(multiply(part(name), x), at, headWidth, ropeWidth, base));
    const queries = turned('attn_q');
    const keys = turned('attn_k');
    const values = normed.map((x) => multiply(part('attn_v'), x));
    xs = xs.map((x, at) => {
      const attended = Array.from({ length: heads }, (_, head) => {
        const slice = (vector: number[] | undefined, index: number) =>
          (vector ?? []).slice(index * headWidth, (index + 1) * headWidth);
        const shared = Math.floor(head / (heads / kvHeads));
        const query = slice(queries[at], head);
        const scores = keys
          .slice(0, at + 1)
          .map((key) => dot(query, slice(key, shared)) / Math.sqrt(headWidth));
        const top = Math.max(...scores);
        const shares = scores.map((score) => Math.exp(score - top));
        const total = shares.reduce((sum, share) => sum + share, 0);
        return Array.from({ length: headWidth }, (_, i) =>
          shares.reduce(
            (sum, share, t) => sum + (share / total) * (values[t]?.[shared * headWidth + i] ?? 0),
            0,
          ),
        );
      }).flat();
      return add(x, multiply(part('attn_output'), attended));
    });
    xs = xs.map((x) => {
      const inner = normalise(x, part('ffn_norm'), epsilon);
      const gate = multiply(part('ffn_gate'), inner);
      const up = multiply(part('ffn_up'), inner);
      const product = gate.map((value, i) => (value / (1 + Math.exp(-value))) * (up[i] ?? 0));
      return add(x, multiply(part('ffn_down'), product));
    });
  }
  const output = weights.tensors.get('output.weight') ?? embedding;
  return xs.map((x) => multiply(output, normalise(x, tensor('output_norm.weight'), epsilon)));
}

function multiply(matrix: Float64Array, x: readonly number[]): number[] {
  return Array.from({ length: matrix.length / x.length }, (_, row) =>
    x.reduce((sum, value, column) => sum + value * (matrix[row * x.length + column] ?? 0), 0),
  );
}

function normalise(x: readonly number[], weight: Float64Array, epsilon: number): number[] {
  const scale = 1 / Math.sqrt(dot(x, x) / x.length + epsilon);
  return x.map((value, i) => value * scale * (weight[i] ?? 0));
}

function rotate(x: number[], position: number, headWidth: number, ropeWidth: number, base: number): number[] {
  const out = [...x];
  for (let i = 0; i + 1 < x.length; i += 2) {
    const inHead = i % headWidth;
    if (inHead >= ropeWidth) continue;
    const angle = position * base ** (-inHead / ropeWidth);
    const a = x[i] ?? 0;
    const b = x[i + 1] ?? 0;
    out[i] = a * Math.cos(angle) - b * Math.sin(angle);
    out[i + 1] = a * Math.sin(angle) + b * Math.cos(angle);
  }
  return out;
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

function add(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, i) => value + (b[i] ?? 0));
}
