import { Scalar } from 'yaml';

/**
 * Where a character of a scalar's value stands in the file. YAML folds lines, strips indentation and undoes escapes, but
 * keeps everything else in order: characters that are no white space are counted off one by one, and white space is where the
 * next of them begins.
 * @param node with a range, of `text`
 * @param index into `node.value`; the length of the value means behind the last character
 * @returns offset in `text`
 */
export function offsetInScalar(text: string, node: Scalar<string>, index: number): number {
  const [start, end] = node.range ?? [0, 0];
  const wanted = solid(node.value.slice(0, index));
  let seen = 0;
  let behind = start;
  for (const [offset, length, char] of characters(text, node, start, end)) {
    if (isSpace(char)) continue;
    if (seen === wanted && index < node.value.length) return offset;
    seen++;
    behind = offset + length;
  }
  return behind;
}

function solid(text: string): number {
  return [...text].filter((char) => !isSpace(char)).length;
}

function isSpace(char: string): boolean {
  return /^\s$/u.test(char);
}

type Character = readonly [offset: number, length: number, char: string];

/** The characters that the source stands for; more white space than the value has, but nothing else more. */
function* characters(
  text: string,
  { type }: Scalar<string>,
  start: number,
  end: number,
): Generator<Character> {
  const quote = type === Scalar.QUOTE_DOUBLE || type === Scalar.QUOTE_SINGLE ? 1 : 0;
  const block = type === Scalar.BLOCK_LITERAL || type === Scalar.BLOCK_FOLDED;
  const from = block ? text.indexOf('\n', start) + 1 || end : start + quote; // behind the line of `|` or `>`
  for (let at = from; at < end - quote; ) {
    const one = next(text, at, type);
    yield one;
    at += one[1];
  }
}

function next(text: string, at: number, type: Scalar<string>['type']): Character {
  const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (type === Scalar.QUOTE_SINGLE && char === "'") return [at, 2, char];
  if (type !== Scalar.QUOTE_DOUBLE || char !== '\\') return [at, char.length, char];
  const code = text[at + 1] ?? '';
  const digits = HEX_DIGITS[code];
  if (digits === undefined) return [at, 2, SPACES.includes(code) ? ' ' : code];
  const point = Number.parseInt(text.slice(at + 2, at + 2 + digits), 16);
  return [at, 2 + digits, String.fromCodePoint(point)];
}

/** Escapes of double quotes (YAML 1.2, 5.7): with a number of hexadecimal digits, and those that come to white space. */
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const SPACES = 'ntvfr \tN_LP\n\r';
