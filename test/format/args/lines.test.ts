import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLines } from '../../../src/format/args/lines.ts';

const lines = (text: string): string[] => parseLines(Buffer.from(text)).tokens.map((token) => token.text);

describe('lines', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['\n\r\n\n', []],
    ['-m\nmodel.gguf\n', ['-m', 'model.gguf']],
    ['-m\r\nmodel.gguf\r\n\r\n-c\n0', ['-m', 'model.gguf', '-c', '0']],
    ['-p\nTwo words # "quotes" $HOME\n', ['-p', 'Two words # "quotes" $HOME']], // nothing has a meaning
    ['"\\x2d-unsecure"', ['"\\x2d-unsecure"']],
    ['--unse\\\ncure', ['--unse\\', 'cure']],
    [' -c \n\t\n', [' -c ', '\t']], // white space is part of the argument
    ['-r\\nUser:\\\\n\\t', ['-r\nUser:\\\n\\t']], // \n is a newline, also behind another backslash
    ['a\0b\nc', ['a']],
  ])('%j', (text, expected) => {
    expect(lines(text)).toEqual(expected);
  });
});

describe('the place of the user’s arguments', () => {
  it.each<[string, number | undefined, string[], string[]]>([
    ['-c\n0\n...\n', 2, ['-c', '0'], ['insert']],
    ['-c\n...\r\n\r\n', 1, ['-c'], ['insert']],
    ['...\n-c', undefined, ['...', '-c'], ['literal']],
    ['...\n...', 1, ['...'], ['literal', 'insert']],
    ['... ', undefined, ['... '], []],
    ['-c 0 ...', undefined, ['-c 0 ...'], []],
    ['...\0\n', 0, [], ['insert']],
  ])('%j', (text, insertAt, expected, effects) => {
    const parsed = parseLines(Buffer.from(text));
    expect(parsed.insertAt).toBe(insertAt);
    expect(parsed.tokens.map((token) => token.text)).toEqual(expected);
    expect(parsed.dots.map(({ effect }) => effect)).toEqual(effects);
  });
});

it('takes any bytes; the places are those of the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const { offset, length, text, line } of parseLines(bytes).tokens) {
        const raw = Buffer.from(bytes.subarray(offset, offset + length)).toString('utf8');
        expect(text).toBe(raw.replaceAll('\\n', '\n'));
        expect(line).toBe(bytes.subarray(0, offset).filter((byte) => byte === 10).length + 1);
      }
    }),
  );
});
