import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { terminalFilter } from '../../src/terminal/filter.ts';

function filter(...chunks: (string | Uint8Array)[]): string {
  const instance = terminalFilter();
  const out = Buffer.concat(
    chunks.map((chunk) => instance.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)),
  );
  instance.end();
  return out.toString('latin1');
}

describe('what passes', () => {
  it.each([
    ['plain text', 'hello\r\n\tworld\b!\u0007'],
    ['colours', '\x1b[1;38;2;1;2;3mred\x1b[0m'],
    ['cursor movement and erasing', '\x1b[2J\x1b[H\x1b[10;5H\x1b[K\x1b[3A'],
    ['a full screen program', '\x1b[?1049h\x1b[?25l\x1b[5;20r\x1b[?25h\x1b[?1049l'],
    ['bracketed paste', '\x1b[?2004h'],
    ['line drawing', '\x1b(0qqq\x1b(B'],
  ])('%s', (_, text) => expect(filter(text)).toBe(text));

  it('UTF-8, also when cut in the middle', () => {
    const text = Buffer.from('née « £ » 猫 🦙');
    expect(Buffer.from(filter(text), 'latin1')).toEqual(text);
    for (let cut = 1; cut < text.length; cut++) {
      expect(Buffer.from(filter(text.subarray(0, cut), text.subarray(cut)), 'latin1')).toEqual(text);
    }
  });
});

describe('what is removed', () => {
  it.each([
    ['the title', 'a\x1b]0;evil\x07b'],
    ['the clipboard', 'a\x1b]52;c;ZXZpbA==\x1b\\b'],
    ['a hyperlink', 'a\x1b]8;;http://x\x1b\\b'],
    ['a device attributes query', 'a\x1b[cb'],
    ['a cursor position query', 'a\x1b[6nb'],
    ['a window report', 'a\x1b[21tb'],
    ['the scrollback eraser', 'a\x1b[3Jb'],
    ['the scrollback eraser with leading zeros', 'a\x1b[0;03Jb'],
    ['a full reset', 'a\x1bcb'],
    ['a device control string', 'a\x1bP$qm\x1b\\b'],
    ['an application command', 'a\x1b_Gf=100\x1b\\b'],
    ['mouse reports', 'a\x1b[?1000hb'],
    ['a mode list with one forbidden mode', 'a\x1b[?25;1003hb'],
    ['a soft reset', 'a\x1b[!pb'],
    ['a C1 string', 'a\u009d52;c;x\x07b'],
    ['a C1 sequence', 'a\u009b6nb'],
    ['NUL and DEL', 'a\0\x7fb'],
  ])('%s', (_, text) => expect(filter(text)).toBe('ab'));

  it('an introducer inside a string does not smuggle the rest through', () => {
    expect(filter('\x1b]0;x\x1b]52;c;y\x07z')).toBe('z');
    expect(filter('\x1b[\x1b]0;x\x07z')).toBe('z');
    expect(filter('\x1b(\x1b]0;x\x07z')).toBe('z');
  });
});

describe('malformed UTF-8', () => {
  const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

  it.each([
    ['C1 controls of an 8-bit terminal', '\x9d52;c;QQ\x07\x9b6n', '52;c;QQ\x076n'],
    ['an overlong form of one in two bytes', '\xc0\x9b6n', '\xc06n'],
    ['in three', '\xe0\x82\x9b6n', '\xe06n'],
    ['in four', '\xf0\x80\x82\x9b6n', '\xf06n'],
    ['one behind half a character', '\xe2\x9b\x1b]0;x\x07\x9b6n', '\xe26n'],
  ])('hides no control: %s', (_, text, left) => expect(filter(bytes(text))).toBe(left));

  it('leaves letters of older character sets', () => {
    expect(filter(bytes('na\xefve \xe9t\xe9.'))).toBe('na\xefve \xe9t\xe9.');
  });

  it('and no byte below 0xa0 passes that is not part of a character', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (some) => {
        const left = filter(some);
        const characters =
          /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}/g;
        expect(left.replace(characters, '')).not.toMatch(/[\x80-\x9f]/);
      }),
      { numRuns: 5000 },
    );
  });
});

it('what is removed does not let two halves of a control meet', () => {
  const bytes = (...values: number[]): Buffer => Buffer.from(values);
  expect(filter(bytes(0xc2, 0, 0x9b, 0x36, 0x6e))).not.toContain('\xc2\x9b');
  expect(filter(bytes(0xc2), Buffer.from('\x1b]0;x\x07'), bytes(0x9d))).not.toContain('\xc2\x9d');
});

describe('properties', () => {
  const noisy = fc.array(
    fc.oneof(
      fc.constantFrom(
        '\x1b',
        '[',
        ']',
        '(',
        'P',
        '?',
        ';',
        '3',
        '25',
        'h',
        'l',
        'J',
        'm',
        'n',
        '\x07',
        '\\',
        'é',
        '\u009b',
      ),
      fc.string(),
    ),
    { maxLength: 60 },
  );

  it('does not depend on how the bytes are cut', () => {
    fc.assert(
      fc.property(noisy, fc.array(fc.nat(200), { maxLength: 5 }), (parts, cuts) => {
        const bytes = Buffer.from(parts.join(''));
        const at = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        expect(filter(...chunks)).toBe(filter(bytes));
      }),
    );
  });

  it('what it lets through it lets through again', () => {
    fc.assert(
      fc.property(noisy, (parts) => {
        const once = filter(parts.join(''));
        expect(filter(Buffer.from(once, 'latin1'))).toBe(once);
      }),
    );
  });

  it('never lets an operating system command, a string or a query through', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters it is about
        expect(filter(bytes)).not.toMatch(/\x1b[\]PX^_c]|\x1b\[[0-9;?]*[cnt]|\xc2[\x80-\x9f]/);
      }),
      { numRuns: 10_000 },
    );
  });
});
