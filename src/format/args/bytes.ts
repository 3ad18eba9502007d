/** Bytes that mean something in `.args`. */
export const NEWLINE = 10;
export const RETURN = 13;
export const HASH = 35;
export const DOLLAR = 36;
export const QUOTE = 39;
export const DOUBLE_QUOTE = 34;
export const DOT = 46;
export const BACKSLASH = 92;
export const SMALL_X = 120;
export const OPEN_BRACE = 123;
export const CLOSE_BRACE = 125;

/** Escapes of one letter, inside double quotes and outside of all quotes. */
export const LETTERS: ReadonlyMap<number, number> = new Map(
  Object.entries({ a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, e: 27 }).map(([letter, value]) => [
    letter.charCodeAt(0),
    value,
  ]),
);

export function isSpace(byte: number | undefined): boolean {
  return byte === 32 || (byte !== undefined && byte >= 9 && byte <= 13);
}

export function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

export function isName(byte: number): boolean {
  return isDigit(byte) || byte === 95 || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
}

export function hexValue(byte: number | undefined): number | undefined {
  const digit = String.fromCharCode(byte ?? 0);
  return /^[0-9a-fA-F]$/.test(digit) ? Number.parseInt(digit, 16) : undefined;
}

export function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
