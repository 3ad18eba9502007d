import fc from 'fast-check';
import { expect, it } from 'vitest';
import { scanPrintf } from '../../src/format/printf.ts';

const header = (fill: number) => Buffer.alloc(64, fill);
const octal = (bytes: Buffer) => [...bytes].map((byte) => `\\${byte.toString(8)}`).join('');
const line = (bytes: Buffer) => `printf '${octal(bytes)}' >&7\n`;

it('decodes one to three octal digits, also where more digits follow in the text', () => {
  const text = `xx printf '\\1\\12\\123\\1234${'z'.repeat(60)}'....`;
  const [attempt] = scanPrintf(Buffer.from(text, 'latin1'));
  expect(attempt?.offset).toBe(3);
  expect(attempt?.header.toString('latin1', 0, 6)).toBe('\x01\x0a\x53\x534z');
});

it('keeps the low eight bits of a nine-bit number', () => {
  const [attempt] = scanPrintf(Buffer.from(`printf '\\510${'a'.repeat(63)}'....`, 'latin1'));
  expect(attempt?.header[0]).toBe(0x48);
});

it('takes a backslash without a digit as itself', () => {
  const [attempt] = scanPrintf(Buffer.from(`printf '\\n${'a'.repeat(63)}'....`, 'latin1'));
  expect(attempt?.header.toString('latin1', 0, 3)).toBe('\\na');
});

it('finds every occurrence, also in the middle of a line, and tries the buffer at the end', () => {
  const text = `# comment ${line(header(7))}${line(header(8))}rest of it`;
  const attempts = scanPrintf(Buffer.from(text, 'latin1'));
  expect(attempts.map(({ offset }) => offset)).toEqual([10, text.indexOf("printf '", 11), undefined]);
  expect(attempts.map(({ header: [first] }) => first)).toEqual([7, 8, 8]);
});

it('a short one is not tried, but leaves its bytes in the buffer', () => {
  const text = `${line(header(7))}printf '\\1\\2' ....`;
  const attempts = scanPrintf(Buffer.from(text, 'latin1'));
  expect(attempts).toHaveLength(2);
  expect([...(attempts[1]?.header.subarray(0, 3) ?? [])]).toEqual([1, 2, 7]);
});

it('an unfinished one ends three bytes before the buffer, as in the loader', () => {
  const attempts = scanPrintf(Buffer.from(`printf '${'a'.repeat(70)}`, 'latin1'));
  expect(attempts[0]?.header.toString('latin1')).toBe('a'.repeat(64));
  const short = scanPrintf(Buffer.from(`printf '${'a'.repeat(66)}`, 'latin1'));
  expect(short.map(({ offset }) => offset)).toEqual([undefined]);
});

it('ends on any input, with headers of 64 bytes', () => {
  const piece = fc.oneof(
    fc.constant(Buffer.from("printf '")),
    fc.constant(Buffer.from('\\777')),
    fc.constant(Buffer.from("'")),
    fc.uint8Array({ maxLength: 90 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const bytes = Buffer.concat(pieces).subarray(0, 8192);
      const before = Buffer.from(bytes);
      const attempts = scanPrintf(bytes);
      expect(attempts.every(({ header: { length } }) => length === 64)).toBe(true);
      expect(bytes.equals(before)).toBe(true);
    }),
  );
});
