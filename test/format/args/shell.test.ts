// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is the syntax under test
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseShell } from '../../../src/format/args/shell.ts';
import { PaddockError } from '../../../src/lib/errors.ts';

const ENVIRONMENT = { HOME: '/home/u', EMPTY: '', SPACES: "a 'b' $HOME", '9a': 'nine' };
const parse = (text: string) => parseShell(Buffer.from(text), ENVIRONMENT);
const words = (text: string): string[] => parse(text).tokens.map((token) => token.text);

// Each row was compared with the real reader.
describe('words', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['-m model.gguf\n--temp\t0.7\v1\f2\r\n', ['-m', 'model.gguf', '--temp', '0.7', '1', '2']],
    ['no newline at the end', ['no', 'newline', 'at', 'the', 'end']],
    ['# a comment\n-c 0 # another\n-m#no --x', ['-c', '0', '-m#no', '--x']],
    ['this\\ is\' one word\'"ok"# # comment', ['this is one wordok#']],
    ['\'a\nb\' "c\nd"', ['a\nb', 'c\nd']],
    ["'\\x2d$HOME'", ['\\x2d$HOME']], // literal
    ['"\\x2d-unsecure"', ['--unsecure']], // an escape hides the flag
    ['"\\55\\055unsecure"', ['--unsecure']],
    ['"\\x2d\\x2drpc=\\x" x', ['--rpc=x', 'x']], // no digit behind it: a letter
    ['"\\xag" "\\8" "\\19" "\\777"', ['\ng', '\b', '\x11', '�']],
    ['"\\a\\b\\t\\n\\v\\f\\r\\e\\"\\q"', ['\x07\b\t\n\v\f\r\x1b"q']],
    ['\\-\\-u\\x2d \\n', ['--ux2d', '\n']], // no numbers outside quotes
    ['"a\\\nb\\\r\nc"', ['abc']],
    ['--unse\\\ncure', ['--unsecure']],
    ['--unse\\\r\ncure', ['--unsecure']],
    ['--unse\\\n   cure', ['--unsecure']], // white space does not end a word that was continued
    ['foo\\\n# comment\nbar', ['foobar']],
    ["'' x", ['', 'x']],
    ["x ''", ['x']], // an empty word counts, but not as the last one
    ["'open to the end -x", ['open to the end -x']],
    ['"open\\', ['open']],
    ['"a\\12', ['a']], // a number that the end cuts off is lost
    ['"a\\x4', ['a']],
    ['x\\', ['x']],
    ['. .. .... ...x .#', ['.', '..', '....', '...x', '.#']],
    ['a\0b c', ['a', 'c']], // a NUL ends the text of the argument, not the word
  ])('%j', (text, expected) => {
    expect(words(text)).toEqual(expected);
  });
});

describe('variables', () => {
  it.each<[string, string[]]>([
    ['$HOME/x ${HOME}y "$HOME" "${HOME}"', ['/home/u/x', '/home/uy', '/home/u', '/home/u']],
    ['$SPACES', ["a 'b' $HOME"]], // neither split nor read again
    ['$HOMEx', []], // not set: nothing, and the last empty word is none
    ['$EMPTY -x', ['', '-x']],
    ['--r$HOMEx\\\n${EMPTY}pc', ['--rpc']],
    ['$ $- "$"', ['$', '$-', '$']],
    ['$$HOME $$ x', ['$/home/u', '$$', 'x']],
    ['$$', ['$$']],
    ['"$$', ['$']], // quotes lose the last one
    ['$9ab $9a', ['', 'nine']],
    ['${HOME=x}', ['/home/u']], // compared up to the first =
    ['${HOME\0x}', ['/home/u']],
    ['${HOME', ['${HOME']],
    ['${a b} c', ['', 'c']],
    ['$__proto__ ${constructor} x', ['', '', 'x']],
  ])('%j', (text, expected) => {
    expect(words(text)).toEqual(expected);
  });

  it('are told with their place', () => {
    const [token] = parse('-p a$HOME"${NONE}"').tokens.slice(1);
    expect(token?.variables).toEqual([
      { name: 'HOME', offset: 4, length: 5, value: '/home/u' },
      { name: 'NONE', offset: 10, length: 7 },
    ]);
  });

  it('that would fill the memory are refused', () => {
    const environment = { A: 'x'.repeat(100_000) };
    expect(() => parseShell(Buffer.from('$A'.repeat(100)), environment)).toThrow(PaddockError);
  });
});

describe('the place of the user’s arguments', () => {
  it.each<[string, number | undefined, string[]]>([
    ['-m x', undefined, []],
    ['-m x ...', 2, ['insert']],
    ['-m x ...\n--host 0.0.0.0', 2, ['insert']],
    ['... ... a', 0, ['insert', 'nothing']],
    ['"..." \\... ...a', undefined, []],
    ['a\\\n... b', 0, ['insert']], // before the word that is still open, which goes on behind it
  ])('%j', (text, insertAt, effects) => {
    const parsed = parse(text);
    expect(parsed.insertAt).toBe(insertAt);
    expect(parsed.dots.map(({ effect }) => effect)).toEqual(effects);
  });

  it('is inside a word that was left open', () => {
    expect(words('a\\\n... b')).toEqual(['ab']);
  });
});

it('tells where each word is', () => {
  const places = parse('-m  "mo"del\n# x\n\\-c').tokens.map(({ offset, length, line }) => [
    offset,
    length,
    line,
  ]);
  expect(places).toEqual([
    [0, 2, 1],
    [4, 7, 1],
    [16, 3, 3],
  ]);
});

it('takes any bytes, stays inside of them, and gives no more words than there are bytes', () => {
  const piece = fc.oneof(
    fc.constantFrom('...', '\\', '\n', ' ', '"', "'", '$', '{', '}', '\\x', '\\1', '#', '$HOME', '\0'),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const bytes = Buffer.from(pieces.join(''));
      const { tokens, insertAt } = parseShell(bytes, ENVIRONMENT);
      expect(tokens.length).toBeLessThanOrEqual(bytes.length);
      expect(insertAt ?? 0).toBeLessThanOrEqual(tokens.length);
      let last = 0;
      for (const { offset, length, text } of tokens) {
        expect(offset).toBeGreaterThanOrEqual(last);
        expect(offset + length).toBeLessThanOrEqual(bytes.length);
        expect(text).not.toContain('\0');
        last = offset + length;
      }
    }),
    { numRuns: 300 },
  );
});
