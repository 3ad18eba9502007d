import { type DotArgs, type DotArgsToken, type Dots, lineCounter } from './dot-args.ts';

const NUL = 0;
const NEWLINE = 10;
const RETURN = 13;

/**
 * `.args` as releases before 0.8.17 read it: one argument a line, empty lines skipped, `\n` spelt out becomes a newline,
 * and nothing else has a meaning. Only a `...` on the last line stands for the user's arguments; any other is an argument
 * of three dots. The text ends at the first NUL. Never throws; work and result are bounded by the input.
 *
 * Source: cosmopolitan 3.1.3 to 3.9.6, tool/args/args.c (`LoadZipArgs`), with `chomp` and `strtok_r` of its libc.
 */
export function parseLines(bytes: Uint8Array): DotArgs {
  const lines = [...splitLines(bytes)];
  const lineOf = lineCounter(bytes);
  const tokens: DotArgsToken[] = [];
  const dots: Dots[] = [];
  let insertAt: number | undefined;
  for (const [index, { offset, length }] of lines.entries()) {
    const raw = text(bytes, offset, length);
    const last = index === lines.length - 1;
    if (raw === '...') dots.push({ offset, effect: last ? 'insert' : 'literal' });
    if (raw === '...' && last) insertAt = tokens.length;
    else
      tokens.push({
        text: raw.replaceAll('\\n', '\n'),
        offset,
        length,
        line: lineOf(offset),
        variables: [],
      });
  }
  return { tokens, dots, variables: [], ...(insertAt === undefined ? {} : { insertAt }) };
}

function* splitLines(bytes: Uint8Array): Generator<{ offset: number; length: number }> {
  const nul = bytes.indexOf(NUL);
  const end = nul === -1 ? bytes.length : nul;
  for (let at = 0; at < end; ) {
    const offset = at;
    while (at < end && bytes[at] !== NEWLINE && bytes[at] !== RETURN) at++;
    if (at > offset) yield { offset, length: at - offset };
    at++;
  }
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  return Buffer.from(bytes.subarray(offset, offset + length)).toString('utf8');
}
