import type { GGUF_READING } from '../../../src/integrity/catalogue/gguf-reading.ts';
import {
  architecture,
  arrayEntry,
  entry,
  numberEntry,
  rawGguf,
  text,
  u32,
  u64,
  VALUE_TYPE,
} from '../../fixtures/gguf-raw.ts';
import type { CheckCases } from '../case.ts';
import { metadata, tiny, weights } from '../weights.ts';

const HUGE = 2n ** 64n - 1n;
const { u8, string, array, bool } = VALUE_TYPE;
const none: never[] = [];
/** Two tensors of 32 bytes; the second as it is told. */
const second = (offset: bigint, name = 'u.weight', dataLength = 64) =>
  rawGguf({ tensors: [{}, { name, offset }], dataLength });

export const GGUF_READING_CASES: Readonly<Record<keyof typeof GGUF_READING, CheckCases>> = {
  'GGUF-001': {
    triggers: [
      weights('a member named .gguf of another format', () => rawGguf({ magic: 'ggjt' })),
      weights('a text', () => Buffer.from('version https://git-lfs.github.com/spec/v1\n')),
    ],
    almost: [weights('weights', () => rawGguf())],
  },
  'GGUF-002': {
    triggers: [
      weights('version 0', () => rawGguf({ version: 0 })),
      weights('version 1', () => rawGguf({ version: 1 })),
      weights('version 4', () => rawGguf({ version: 4 })),
      weights('version 3 of a big-endian machine', () => rawGguf({ version: 0x03000000 })),
    ],
    almost: [weights('version 2', () => rawGguf({ version: 2 }))],
  },
  'GGUF-005': {
    triggers: [
      weights('CVE-2024-23605: a number of entries that wraps', () => rawGguf({ entryCount: HUGE })),
      weights('CVE-2024-25664: the same with a product of 64 bytes', () =>
        rawGguf({ entryCount: 2n ** 58n }),
      ),
      weights('more entries than bound', () => {
        const entries = Array.from({ length: 65_537 }, (_, index) => entry(`k${index}`, u8, Buffer.of(0)));
        return rawGguf({ entries });
      }),
    ],
    almost: [weights('no entries', () => rawGguf({ entries: none }))],
  },
  'GGUF-006': {
    triggers: [
      weights('CVE-2024-21836: a number of tensors that wraps', () => rawGguf({ tensorCount: HUGE })),
      weights('CVE-2024-25666: more tensors than there is room for', () => rawGguf({ tensorCount: 1000n })),
    ],
    almost: [weights('no tensors', () => rawGguf({ tensors: none, dataLength: 0 }))],
  },
  'GGUF-010': {
    triggers: [
      weights('CVE-2024-32878: a type that does not exist', () =>
        rawGguf({ entries: [entry('a.b', 13, u64(0n))] }),
      ),
    ],
    almost: [metadata('the last type that exists', ['a.b', 'f64', 1])],
  },
  'GGUF-011': {
    triggers: [
      weights('a truth value of 2', () => rawGguf({ entries: [entry('a.b', bool, Buffer.of(2))] })),
      weights('a truth value of 255 at the end of a list', () =>
        rawGguf({ entries: [arrayEntry('a.b', bool, 10n, Buffer.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 255))] }),
      ),
    ],
    almost: [metadata('true and false', ['a.b', 'bool[]', [true, false]])],
  },
  'GGUF-012': {
    triggers: [
      weights('CVE-2024-41130: an empty key', () => rawGguf({ entries: [entry('', u8, Buffer.of(0))] })),
      weights('a key with a NUL', () => rawGguf({ entries: [entry('a\0b', u8, Buffer.of(0))] })),
      weights('a key with an escape sequence', () =>
        rawGguf({ entries: [entry('a\x1b[2J', u8, Buffer.of(0))] }),
      ),
      weights('a key that is not UTF-8', () =>
        rawGguf({ entries: [entry(Buffer.of(0xff), u8, Buffer.of(0))] }),
      ),
      weights('a key of 65,536 bytes', () =>
        rawGguf({ entries: [entry('k'.repeat(65_536), u8, Buffer.of(0))] }),
      ),
    ],
    almost: [
      weights('a key of 65,535 bytes', () =>
        rawGguf({ entries: [entry('k'.repeat(65_535), u8, Buffer.of(0))] }),
      ),
    ],
  },
  'GGUF-013': {
    triggers: [
      weights('two architectures', () => rawGguf({ entries: [architecture(), architecture('evil')] })),
    ],
    almost: [
      weights('keys that differ in one letter', () =>
        rawGguf({ entries: [numberEntry('a.b', 1), numberEntry('a.c', 1)] }),
      ),
    ],
  },
  'GGUF-014': {
    triggers: [
      weights('CVE-2024-23496: a text whose length wraps', () =>
        rawGguf({ entries: [entry('a.b', string, u64(HUGE))] }),
      ),
      weights('CVE-2024-25665: a text longer than the file', () =>
        rawGguf({ entries: [entry('a.b', string, u64(1_000_000n))] }),
      ),
      weights('a text that is not UTF-8', () =>
        rawGguf({ entries: [entry('general.name', string, text(Buffer.of(0xc3, 0x28)))] }),
      ),
      weights('an architecture with a NUL', () => rawGguf({ entries: [architecture('llama\0x')] })),
      weights('a chat template with a NUL', () =>
        rawGguf({ entries: [entry('tokenizer.chat_template', string, text('{{ a }}\0{{ b }}'))] }),
      ),
      weights('a text above 16 MiB', () =>
        rawGguf({ entries: [entry('a.b', string, text(Buffer.alloc(16 * 1024 * 1024 + 1, 'x')))] }),
      ),
    ],
    almost: [
      metadata('tokens of any bytes', [
        'tokenizer.ggml.tokens',
        'string[]',
        Array.from({ length: 10 }, (_, index) => Buffer.of(0xff - index, 0)),
      ]),
      metadata('a long text', ['tokenizer.huggingface.json', 'string', 'x'.repeat(2_000_000)]),
    ],
  },
  'GGUF-020': {
    triggers: [
      weights('CVE-2024-21825: a list of texts whose size wraps', () =>
        rawGguf({ entries: [arrayEntry('a.b', string, 2n ** 61n, Buffer.alloc(8))] }),
      ),
      weights('CVE-2024-25667: a list of numbers whose size wraps', () =>
        rawGguf({ entries: [arrayEntry('a.b', VALUE_TYPE.u32, 2n ** 62n, Buffer.alloc(8))] }),
      ),
      weights('CVE-2024-25668: a list of texts longer than the file', () =>
        rawGguf({ entries: [arrayEntry('a.b', string, 100n, text('x'))] }),
      ),
      weights('a list of lists', () =>
        rawGguf({ entries: [arrayEntry('a.b', array, 1n, Buffer.alloc(16))] }),
      ),
      weights('elements of a type that does not exist', () =>
        rawGguf({ entries: [arrayEntry('a.b', 99, 0n, Buffer.alloc(0))] }),
      ),
    ],
    almost: [metadata('an empty list', ['a.b', 'string[]', []])],
  },
  'GGUF-022': {
    triggers: [
      weights('nothing but a magic', () => rawGguf().subarray(0, 4)),
      weights('three bytes', () => Buffer.from('GGU')),
      weights('a header cut within a value', () =>
        rawGguf({
          entries: [entry('a.b', VALUE_TYPE.u64, Buffer.alloc(2))],
          tensors: none,
          dataLength: 0,
        }).subarray(0, 45),
      ),
    ],
    almost: [weights('a header and nothing else', () => rawGguf({ tensors: none, dataLength: 0 }))],
  },
  'GGUF-030': {
    triggers: [
      weights('CVE-2024-41130: no name', () => rawGguf({ tensors: [{ name: '' }] })),
      weights('a name of 64 bytes', () => rawGguf({ tensors: [{ name: 'n'.repeat(64) }] })),
      weights('a path', () => rawGguf({ tensors: [{ name: 'a/b' }] })),
      weights('a way up', () => rawGguf({ tensors: [{ name: '..' }] })),
      weights('a NUL', () => rawGguf({ tensors: [{ name: 'a\0b' }] })),
      weights('bytes that are not UTF-8', () => rawGguf({ tensors: [{ name: Buffer.of(0xff) }] })),
    ],
    almost: [weights('a name of 63 bytes', () => rawGguf({ tensors: [{ name: 'n'.repeat(63) }] }))],
  },
  'GGUF-031': {
    triggers: [weights('two of one name', () => second(32n, 't.weight'))],
    almost: [weights('two of two names', () => second(32n))],
  },
  'GGUF-032': {
    triggers: [
      weights('CVE-2024-21802: five dimensions', () =>
        rawGguf({ tensors: [{ dims: [8n, 1n, 1n, 1n, 1n] }] }),
      ),
      weights('a number of dimensions that wraps', () => rawGguf({ tensors: [{ dimCount: 0xffffffff }] })),
    ],
    almost: [weights('four dimensions', () => rawGguf({ tensors: [{ dims: [2n, 2n, 2n, 1n] }] }))],
  },
  'GGUF-033': {
    triggers: [
      weights('CVE-2026-33298: a product that wraps to 0', () =>
        rawGguf({ tensors: [{ dims: [2n ** 32n, 2n ** 32n] }] }),
      ),
      weights('a dimension with a sign', () => rawGguf({ tensors: [{ dims: [2n ** 63n] }] })),
      weights('a product that only the last dimension makes too large', () =>
        rawGguf({ tensors: [{ dims: [2n ** 21n, 2n ** 21n, 2n ** 21n, 1n] }] }),
      ),
    ],
    almost: [weights('dimensions of one', () => rawGguf({ tensors: [{ dims: [8n, 1n, 1n] }] }))],
  },
  'GGUF-034': {
    triggers: [
      weights('a type that was removed', () => rawGguf({ tensors: [{ type: 4 }] })),
      weights('a type of a fork', () => rawGguf({ tensors: [{ type: 137 }] })),
      weights('a type with a sign', () => rawGguf({ tensors: [{ type: 0xffffffff }] })),
    ],
    almost: [
      weights('a type that only releases 0.8.13 to 0.9.3 know', () =>
        rawGguf({ tensors: [{ type: 31, dims: [32n] }], dataLength: 18 }),
      ),
    ],
  },
  'GGUF-035': {
    triggers: [
      weights('half a block', () => rawGguf({ tensors: [{ type: 2, dims: [16n, 2n] }], dataLength: 18 })),
    ],
    almost: [weights('one block', () => rawGguf({ tensors: [{ type: 2, dims: [32n] }], dataLength: 18 }))],
  },
  'GGUF-036': {
    triggers: [
      weights('CVE-2026-7482: more data than there is', () => rawGguf({ tensors: [{ dims: [1_000_000n] }] })),
      weights('PR #24759: a size near 2^64', () => rawGguf({ tensors: [{ dims: [2n ** 61n - 8n, 1n] }] })),
    ],
    almost: [weights('all the data there is', () => rawGguf())],
  },
  'GGUF-037': {
    triggers: [
      weights('CVE-2025-53630: tensors that share data', () => second(0n)),
      weights('an offset that is not aligned', () => second(33n)),
    ],
    almost: [
      weights('tensors in another order than their data', () =>
        rawGguf({ tensors: [{ offset: 32n }, { name: 'u.weight' }], dataLength: 64 }),
      ),
    ],
  },
  'GGUF-038': {
    triggers: [
      weights('CVE-2026-27940: an offset behind the end', () => second(2n ** 63n)),
      weights('data that end behind the end', () => second(64n)),
      weights('a file cut within its data', () => tiny({}).subarray(0, -100)),
    ],
    almost: [weights('no padding behind the last tensor', () => tiny({}).subarray(0, -24))],
  },
  'GGUF-040': {
    triggers: [
      weights('0', () => rawGguf({ entries: [numberEntry('general.alignment', 0)] })),
      weights('3', () => rawGguf({ entries: [numberEntry('general.alignment', 3)] })),
      weights('V-01: 2^31', () => rawGguf({ entries: [numberEntry('general.alignment', 2 ** 31)] })),
      weights('32 as another type', () =>
        rawGguf({ entries: [entry('general.alignment', VALUE_TYPE.u64, u64(32n))] }),
      ),
      weights('a text', () => rawGguf({ entries: [entry('general.alignment', string, text('32'))] })),
      weights('a list', () =>
        rawGguf({ entries: [arrayEntry('general.alignment', VALUE_TYPE.u32, 1n, u32(32))] }),
      ),
    ],
    almost: [
      weights('64', () => rawGguf({ entries: [numberEntry('general.alignment', 64)], alignment: 64 })),
      weights('1', () => rawGguf({ entries: [numberEntry('general.alignment', 1)], alignment: 1 })),
    ],
  },
  'GGUF-041': {
    triggers: [
      weights('CVE-2025-49847: a very long token', () =>
        rawGguf({
          entries: [
            arrayEntry('tokenizer.ggml.tokens', string, 1n, text(Buffer.alloc(1024 * 1024 + 1, 'x'))),
          ],
        }),
      ),
    ],
    almost: [
      weights('a token of 1 MiB', () =>
        rawGguf({
          entries: [arrayEntry('tokenizer.ggml.tokens', string, 1n, text(Buffer.alloc(1024 * 1024, 'x')))],
        }),
      ),
    ],
  },
};
