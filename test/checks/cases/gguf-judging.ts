import { architecture, numberEntry, rawGguf } from '../../fixtures/gguf-raw.ts';
import { fixtureBase, modelEntries } from '../../fixtures/llamafile.ts';
import { infozipRewrite, zipalignAppend } from '../../fixtures/zip-writer.ts';
import type { Case, CheckCases } from '../case.ts';
import { judged } from '../judged.ts';
import { metadata, tiny, weights, weightsOf } from '../weights.ts';

const NOTE = { name: 'NOTE.txt', content: Buffer.from('a note\n') };
const TOKENS = ['<s>', '</s>', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const NORMAL = 1;
const BYTE = 6;
/** Ten tokens, the third of which is of type BYTE and spelled as told. */
const byteToken = (is: string, spelling: string): Case =>
  metadata(
    is,
    ['tokenizer.ggml.tokens', 'string[]', TOKENS.map((token, index) => (index === 2 ? spelling : token))],
    ['tokenizer.ggml.token_type', 'i32[]', TOKENS.map((_, index) => (index === 2 ? BYTE : NORMAL))],
  );
const typesFirst = (spelling: string) =>
  tiny({
    metadata: [
      ['tokenizer.ggml.token_type', 'i32[]', [NORMAL, BYTE]],
      ['tokenizer.ggml.tokens', 'string[]', ['a', spelling]],
    ],
  });
const clip = (is: string, ...entries: Parameters<typeof metadata>[1][]) =>
  metadata(is, ['general.architecture', 'string', 'clip'], ...entries);
/** Weights under these names, each saying that it is one part of `count`. */
const split = (is: string, count: number, names: readonly string[]): Case => ({
  is,
  judged: () => {
    const part = tiny({}, [['split.count', 'u16', count]]);
    return judged(
      zipalignAppend(
        fixtureBase(),
        names.map((name) => ({ name, content: part })),
      ),
    );
  },
});

export const GGUF_LAYOUT_CASES = {
  'GGUF-003': {
    triggers: [
      {
        is: 'a member that another tool moved',
        judged: () => judged(infozipRewrite(zipalignAppend(fixtureBase(), modelEntries()), [NOTE])),
      },
    ],
    almost: [weights('a member that zipalign added', () => tiny({}))],
  },
  'GGUF-012a': {
    triggers: [metadata('a capital letter', ['general.Name', 'u8', 1]), metadata('a path', ['a/b', 'u8', 1])],
    almost: [metadata('every character that keys have', ['abc-xyz_0.9', 'u8', 1])],
  },
  'GGUF-032a': {
    triggers: [weights('no dimensions', () => rawGguf({ tensors: [{ dims: [] }], dataLength: 4 }))],
    almost: [weights('one dimension of one', () => rawGguf({ tensors: [{ dims: [1n] }], dataLength: 4 }))],
  },
  'GGUF-033a': {
    triggers: [
      weights('a dimension of 0', () => rawGguf({ tensors: [{ dims: [8n, 0n] }], dataLength: 0 })),
      weights('CVE-2025-0312: a first dimension of 0', () =>
        rawGguf({ tensors: [{ dims: [0n] }], dataLength: 0 }),
      ),
    ],
    almost: [weights('a dimension of 1', () => rawGguf({ tensors: [{ dims: [8n, 1n] }] }))],
  },
  'GGUF-034a': {
    triggers: [
      weightsOf('0.6', 'IQ4_XS', () => rawGguf({ tensors: [{ type: 23, dims: [256n] }], dataLength: 136 })),
      weightsOf('0.8.11', 'interleaved Q4_0', () =>
        rawGguf({ tensors: [{ type: 31, dims: [32n] }], dataLength: 18 }),
      ),
      weightsOf('0.9.3', 'MXFP4', () => rawGguf({ tensors: [{ type: 39, dims: [32n] }], dataLength: 17 })),
    ],
    almost: [
      weightsOf('0.7', 'IQ4_XS', () => rawGguf({ tensors: [{ type: 23, dims: [256n] }], dataLength: 136 })),
      weightsOf('0.7', 'BF16 by its old number', () =>
        rawGguf({ tensors: [{ type: 29, dims: [256n] }], dataLength: 512 }),
      ),
      weightsOf('0.6.1', 'I16 by its old number', () =>
        rawGguf({ tensors: [{ type: 18, dims: [256n] }], dataLength: 512 }),
      ),
      weightsOf('0.8.13', 'interleaved Q4_0', () =>
        rawGguf({ tensors: [{ type: 31, dims: [32n] }], dataLength: 18 }),
      ),
      weightsOf('0.10.0', 'MXFP4', () => rawGguf({ tensors: [{ type: 39, dims: [32n] }], dataLength: 17 })),
      weights('MXFP4, unknown runtime', () =>
        rawGguf({ tensors: [{ type: 39, dims: [32n] }], dataLength: 17 }),
      ),
    ],
  },
  'GGUF-037a': {
    triggers: [
      weights('space before the first tensor', () => rawGguf({ tensors: [{ offset: 64n }], dataLength: 96 })),
      weights('space between tensors', () =>
        rawGguf({ tensors: [{}, { name: 'u.weight', offset: 96n }], dataLength: 128 }),
      ),
    ],
    almost: [
      weights('tensors back to back, in another order', () =>
        rawGguf({ tensors: [{ offset: 32n }, { name: 'u.weight' }], dataLength: 64 }),
      ),
      weights('padding of 28 bytes', () =>
        rawGguf({ tensors: [{ dims: [1n] }, { name: 'u.weight', offset: 32n }], dataLength: 64 }),
      ),
    ],
  },
  'GGUF-038a': {
    triggers: [
      weights('a program behind the tensors', () => Buffer.concat([rawGguf(), Buffer.alloc(500, 0x90)])),
      weights('zeros behind the tensors', () => Buffer.concat([rawGguf(), Buffer.alloc(64)])),
      weights('something behind a header without tensors', () =>
        Buffer.concat([rawGguf({ tensors: [], dataLength: 0 }), Buffer.alloc(500, 1)]),
      ),
    ],
    almost: [
      weights('padding', () => rawGguf({ tensors: [{ dims: [1n] }] })),
      weights('a header without tensors, padded', () => rawGguf({ tensors: [], dataLength: 0 })),
    ],
  },
} as const satisfies Readonly<Record<string, CheckCases>>;

export const GGUF_KEY_CASES = {
  'GGUF-041a': {
    triggers: [
      metadata('fewer scores than tokens', ['tokenizer.ggml.scores', 'f32[]', [0, 1]]),
      metadata('more types than tokens', ['tokenizer.ggml.token_type', 'i32[]', Array(11).fill(NORMAL)]),
      metadata('scores that are whole numbers', ['tokenizer.ggml.scores', 'i32[]', Array(10).fill(0)]),
      metadata('tokens that are numbers', ['tokenizer.ggml.tokens', 'u32[]', Array(10).fill(0)]),
      metadata('tokens that are no list', ['tokenizer.ggml.tokens', 'string', 'abc']),
    ],
    almost: [
      metadata('one of each', ['tokenizer.ggml.token_type', 'i32[]', Array(10).fill(NORMAL)]),
      metadata('merges of another number', ['tokenizer.ggml.merges', 'string[]', ['a b', 'c d']]),
    ],
  },
  'GGUF-042': {
    triggers: [
      metadata('CVE-2025-0312: no attention heads', ['llama.attention.head_count', 'u32', 0]),
      metadata('CVE-2024-12055: more layers than there can be', ['llama.block_count', 'u32', 2 ** 31]),
      metadata('no layers', ['llama.block_count', 'u32', 0]),
      metadata('layers as a text', ['llama.block_count', 'string', '1']),
      metadata('layers of another type', ['llama.block_count', 'u64', 1]),
      metadata('an embedding of length 0', ['llama.embedding_length', 'u32', 0]),
      metadata('a list where none can be', ['llama.context_length', 'u32[]', [512]]),
      metadata('heads of each layer that are fractions', ['llama.attention.head_count', 'f32[]', [1.5]]),
      metadata('an architecture with a newline', ['general.architecture', 'string', 'llama\nx']),
      metadata('an architecture that is a number', ['general.architecture', 'u32', 1]),
      metadata('a chat template that is a number', ['tokenizer.chat_template', 'u32', 1]),
    ],
    almost: [
      metadata('one layer and one head', ['llama.attention.head_count', 'u32', 1]),
      metadata('heads of each layer, some 0', ['llama.attention.head_count_kv', 'i32[]', [4, 0, 4]]),
      metadata(
        'no heads in a model without attention',
        ['general.architecture', 'string', 'mamba'],
        ['mamba.ssm.conv_kernel', 'u32', 4],
        ['mamba.attention.head_count', 'u32', 0],
        ['mamba.feed_forward_length', 'u32', 0],
      ),
      metadata('a key of another architecture', ['gemma.block_count', 'u32', 0]),
      metadata('no architecture', ['general.name', 'string', 'x']),
    ],
  },
  'GGUF-043': {
    triggers: [
      metadata('GHSA-g4cc-763q-h9h6: one behind the list', ['tokenizer.ggml.eos_token_id', 'u32', 10]),
      metadata('far behind the list', ['tokenizer.ggml.bos_token_id', 'u32', 0xfffffffe]),
      metadata('a negative number', ['tokenizer.ggml.unknown_token_id', 'i32', -2]),
      metadata('one of several', ['tokenizer.ggml.eos_token_ids', 'i32[]', [1, 99]]),
      metadata('a text', ['tokenizer.ggml.eot_token_id', 'string', '1']),
      weights('behind a vocabulary that is only a number', () =>
        rawGguf({
          entries: [
            architecture(),
            numberEntry('llama.vocab_size', 5),
            numberEntry('tokenizer.ggml.bos_token_id', 5),
          ],
        }),
      ),
    ],
    almost: [
      metadata('the last token', ['tokenizer.ggml.eos_token_id', 'u32', 9]),
      metadata('no token', ['tokenizer.ggml.bos_token_id', 'u32', 0xffffffff]),
      metadata('something that is no token', ['tokenizer.ggml.token_type_count', 'u32', 99]),
      metadata('padding behind the list', ['tokenizer.ggml.padding_token_id', 'u32', 10]),
    ],
  },
  'GGUF-043a': {
    triggers: [metadata('one behind the list', ['tokenizer.ggml.padding_token_id', 'u32', 10])],
    almost: [metadata('the last token', ['tokenizer.ggml.padding_token_id', 'u32', 9])],
  },
  'GGUF-044': {
    triggers: [
      byteToken('#26511: a negative byte', '<0x-1>'),
      byteToken('#27226: a byte of four digits', '<0xFFFF>'),
      byteToken('a byte without end', '<0x41'),
      byteToken('something behind the byte', '<0x41>x'),
      byteToken('digits that are none', '<0xZZ>'),
      weights('types before tokens', () => typesFirst('<0x-1>')),
      metadata(
        'the last of many',
        ['tokenizer.ggml.tokens', 'string[]', [...Array(5000).fill('<0x41>'), '<0x1>']],
        ['tokenizer.ggml.token_type', 'i32[]', Array(5001).fill(BYTE)],
        ['tokenizer.ggml.scores', 'f32[]', Array(5001).fill(0)],
      ),
    ],
    almost: [
      byteToken('a byte', '<0x41>'),
      byteToken('small letters', '<0xff>'),
      metadata('the same as an ordinary token', [
        'tokenizer.ggml.tokens',
        'string[]',
        TOKENS.map((token, index) => (index === 2 ? '<0x-1>' : token)),
      ]),
      weights('types before tokens', () => typesFirst('<0x41>')),
    ],
  },
  'GGUF-044a': {
    triggers: [byteToken('another spelling', 'A'), byteToken('no spelling', '')],
    almost: [byteToken('a byte', '<0x41>')],
  },
  'GGUF-045': {
    triggers: [
      clip('#27166: patches of size 0', ['clip.vision.patch_size', 'u32', 0]),
      clip('#2289: an image of 4 billion points', ['clip.vision.image_size', 'u32', 0xffffffff]),
      clip('no heads', ['clip.audio.attention.head_count', 'u32', 0]),
      clip('a size that is a fraction', ['clip.vision.image_size', 'f32', 224.5]),
      clip('colours of two numbers', ['clip.vision.image_mean', 'f32[]', [0.5, 0.5]]),
      clip('colours that are whole numbers', ['clip.vision.image_std', 'i32[]', [1, 1, 1]]),
      clip('grid points without partner', ['clip.vision.image_grid_pinpoints', 'i32[]', [336, 672, 336]]),
      clip('a negative version', ['clip.minicpmv_version', 'i32', -1]),
    ],
    almost: [
      clip(
        'an ordinary encoder',
        ['clip.vision.image_size', 'u32', 336],
        ['clip.vision.patch_size', 'u32', 14],
        ['clip.vision.attention.head_count', 'u32', 16],
        ['clip.vision.projection_dim', 'u32', 0],
        ['clip.vision.image_mean', 'f32[]', [0.48, 0.46, 0.41]],
        ['clip.vision.image_grid_pinpoints', 'i32[]', [336, 672]],
        ['clip.minicpmv_version', 'i32', 3],
      ),
      clip('a name that tables have', ['clip.vision.constructor', 'u32', 0]),
    ],
  },
  'GGUF-046': {
    triggers: [
      split('one part of three', 3, ['m-00001-of-00003.gguf']),
      split('the last part is missing', 3, ['m-00001-of-00003.gguf', 'm-00002-of-00003.gguf']),
      split('a name that says nothing of parts', 2, ['model.gguf']),
      split('a name that says another number', 2, ['m-00001-of-00003.gguf']),
    ],
    almost: [
      split('every part', 2, ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf']),
      split('one part of one', 1, ['m-00001-of-00001.gguf']),
      split('no parts', 0, ['model.gguf']),
    ],
  },
} as const satisfies Readonly<Record<string, CheckCases>>;
