import { type Chain, storyChain } from './chain.ts';
import { type GgufEntry, type GgufTensor, writeGguf } from './gguf-writer.ts';
import { halves } from './half.ts';

/** U+2581 stands for a space at the start of a word, as in SentencePiece vocabularies. */
const SPACE = '\u2581';
const TOKEN = { unknown: 0, begin: 1, end: 2, firstByte: 3, firstPiece: 259 } as const;
const TYPE = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;
const HEAD_WIDTH = 32;
const FEED_FORWARD = 32;
const CONTEXT = 512;
const ROPE_BASE = 10_000;
/** Makes one position's score stand out by 17 or more, so that attention looks at nothing but the token before. */
const ATTENTION_SCALE = 12;
/** Logits: never (no word of the chain), hardly ever (never seen to follow), and the malus of an unseen word two places on. */
const NEVER = -30;
const UNSEEN = -14;
const UNSEEN_AFTER_NEXT = -6;

/**
 * The demo's model: a valid GGUF of the llama architecture whose weights say which word follows which in a short text of
 * ours. The embedding of a word is a unit vector; the only layer's attention copies the word before it into the second
 * half of the vector; the output matrix holds the logarithms of the transition probabilities. The same bytes every time.
 */
export function buildDemoModel(): Buffer {
  const chain = storyChain();
  const pieces = wordPieces(chain.words);
  const states = stateCount(chain);
  const width = 2 * states + HEAD_WIDTH;
  return writeGguf({
    metadata: [...header(width), ...vocabulary(pieces)],
    tensors: [
      matrix('token_embd.weight', embedding(chain, pieces, states, width), width),
      vector('output_norm.weight', width, Math.sqrt(3 / width)),
      matrix('output.weight', output(chain, pieces, states, width), width),
      ...layer(states, width),
    ],
  });
}

/**
 * Pieces by which the merging of SentencePiece arrives at every word: each word with its leading space, and each of
 * its beginnings. Punctuation marks stand alone.
 */
function wordPieces(words: readonly string[]): string[] {
  const pieces = new Set<string>();
  for (const word of words) {
    const spaced = isMark(word) ? word : SPACE + word;
    for (let length = 1; length <= spaced.length; length++) pieces.add(spaced.slice(0, length));
  }
  return [...pieces];
}

function isMark(word: string): boolean {
  return word === '.' || word === ',';
}

/** One for each word, one for the beginning, one for everything else, rounded up to whole heads. */
function stateCount(chain: Chain): number {
  return Math.ceil((chain.words.length + 2) / HEAD_WIDTH) * HEAD_WIDTH;
}

function header(width: number): GgufEntry[] {
  return [
    ['general.architecture', 'string', 'llama'],
    ['general.name', 'string', 'paddock demo'],
    ['general.license', 'string', 'Apache-2.0'],
    ['general.file_type', 'u32', 1],
    ['llama.context_length', 'u32', CONTEXT],
    ['llama.embedding_length', 'u32', width],
    ['llama.block_count', 'u32', 1],
    ['llama.feed_forward_length', 'u32', FEED_FORWARD],
    ['llama.attention.head_count', 'u32', width / HEAD_WIDTH],
    ['llama.attention.head_count_kv', 'u32', width / HEAD_WIDTH],
    ['llama.attention.layer_norm_rms_epsilon', 'f32', 1e-6],
    ['llama.rope.dimension_count', 'u32', HEAD_WIDTH],
    ['llama.rope.freq_base', 'f32', ROPE_BASE],
  ];
}

function vocabulary(pieces: readonly string[]): GgufEntry[] {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...pieces];
  const types = tokens.map((_, token) => {
    if (token === TOKEN.unknown) return TYPE.unknown;
    if (token < TOKEN.firstByte) return TYPE.control;
    return token < TOKEN.firstPiece ? TYPE.byte : TYPE.normal;
  });
  return [
    ['tokenizer.ggml.model', 'string', 'llama'],
    ['tokenizer.ggml.tokens', 'string[]', tokens],
    ['tokenizer.ggml.scores', 'f32[]', tokens.map((_, token) => Math.min(0, TOKEN.firstPiece - token))],
    ['tokenizer.ggml.token_type', 'i32[]', types],
    ['tokenizer.ggml.bos_token_id', 'u32', TOKEN.begin],
    ['tokenizer.ggml.eos_token_id', 'u32', TOKEN.end],
    ['tokenizer.ggml.unknown_token_id', 'u32', TOKEN.unknown],
  ];
}

/** For each token the index of its word, or of the beginning, or of everything else. */
function tokenStates(chain: Chain, pieces: readonly string[]): number[] {
  const begin = chain.words.length;
  const other = begin + 1;
  const words = new Map(chain.words.map((word, index) => [isMark(word) ? word : SPACE + word, index]));
  const specials = Array.from({ length: TOKEN.firstPiece }, (_, token) =>
    token === TOKEN.begin ? begin : other,
  );
  return [...specials, ...pieces.map((piece) => words.get(piece) ?? other)];
}

/** A row for each token: 1 at its state, and 1 at the place from which queries and keys are made. */
function embedding(chain: Chain, pieces: readonly string[], states: number, width: number): Float32Array {
  const rows = tokenStates(chain, pieces);
  const out = new Float32Array(rows.length * width);
  for (const [token, state] of rows.entries()) {
    out[token * width + state] = 1;
    out[token * width + 2 * states] = 1;
  }
  return out;
}

/** A row for each token: what each current word, and each word before it, says for or against it. */
function output(chain: Chain, pieces: readonly string[], states: number, width: number): Float32Array {
  const begin = chain.words.length;
  const rows = tokenStates(chain, pieces);
  const out = new Float32Array(rows.length * width);
  for (const [token, word] of rows.entries()) {
    const speakable = word < begin || token === TOKEN.end;
    for (let state = 0; state <= begin + 1; state++) {
      out[token * width + state] = speakable
        ? transition(chain, state, token === TOKEN.end ? 'end' : word)
        : NEVER;
      const seen = token === TOKEN.end ? state === chain.ending[0] : seenAfterNext(chain, state, word);
      out[token * width + states + state] = seen ? 0 : UNSEEN_AFTER_NEXT;
    }
  }
  return out;
}

/** The logarithm of the probability that `word` follows `state`. What is no word is followed by a new sentence. */
function transition(chain: Chain, state: number, word: number | 'end'): number {
  const row = chain.next.get(state) ?? chain.starts;
  const total = [...row.values()].reduce((sum, count) => sum + count, 0);
  if (word === 'end') return state === chain.ending[1] ? Math.log(1 / total) : UNSEEN;
  const count = row.get(word);
  return count === undefined ? UNSEEN : Math.log(count / total);
}

/** A sentence may begin after any other, so its first word is never held against it. */
function seenAfterNext(chain: Chain, state: number, word: number): boolean {
  if (chain.starts.has(word)) return true;
  const seen = chain.afterNext.get(state);
  if (seen !== undefined) return seen.has(word);
  return [...chain.starts.keys()].some((start) => chain.next.get(start)?.has(word) === true);
}

function layer(states: number, width: number): GgufTensor[] {
  const query = new Float32Array(width * width);
  const key = new Float32Array(width * width);
  const value = new Float32Array(width * width);
  const attention = new Float32Array(width * width);
  for (let row = 0; row < width; row++) {
    const pair = Math.floor((row % HEAD_WIDTH) / 2);
    // Rotary positions turn a pair by its angle at each step; a query that is one step behind meets the key before it.
    const angle = -(ROPE_BASE ** ((-2 * pair) / HEAD_WIDTH));
    const even = row % 2 === 0;
    query[row * width + 2 * states] = ATTENTION_SCALE * (even ? Math.cos(angle) : Math.sin(angle));
    key[row * width + 2 * states] = even ? ATTENTION_SCALE : 0;
    if (row < states) value[row * width + row] = 1;
    if (row >= states && row < 2 * states) attention[row * width + row - states] = 1;
  }
  const none = new Float32Array(width * FEED_FORWARD);
  return [
    vector('blk.0.attn_norm.weight', width, Math.sqrt(2 / width)),
    matrix('blk.0.attn_q.weight', query, width),
    matrix('blk.0.attn_k.weight', key, width),
    matrix('blk.0.attn_v.weight', value, width),
    matrix('blk.0.attn_output.weight', attention, width),
    vector('blk.0.ffn_norm.weight', width, 1),
    matrix('blk.0.ffn_gate.weight', none, width),
    matrix('blk.0.ffn_up.weight', none, width),
    matrix('blk.0.ffn_down.weight', none, FEED_FORWARD),
  ];
}

/** Rows of `columns` numbers. */
function matrix(name: string, numbers: Float32Array, columns: number): GgufTensor {
  return { name, dims: [columns, numbers.length / columns], type: 'F16', data: halves(numbers) };
}

function vector(name: string, length: number, value: number): GgufTensor {
  const numbers = new Float32Array(length).fill(value);
  return { name, dims: [length], type: 'F32', data: Buffer.from(numbers.buffer) };
}
