import { escapeText } from '../../lib/text.ts';
import type { ScriptDifference } from '../ape-facts.ts';
import { type Hole, type Line, spell, type Word } from './words.ts';

/** One known script: a name for people, its lines, and whether anything may follow the last of them. */
export interface Template {
  readonly name: string;
  readonly lines: readonly Line[];
  /**
   * `nothing`: the script ends with its last line. `anything`: that line leaves the shell, and the program follows.
   * `document`: that line begins a document, to the token `@`, with a script behind it.
   */
  readonly behind: 'nothing' | 'anything' | 'document';
}

export interface Filled {
  readonly hole: Hole;
  /** Position in the script of the first character that fills it. */
  readonly at: number;
  readonly value: number;
  /** Decoded, of a `header`; the text, of a `version`. */
  readonly bytes: Buffer;
}

export type Match =
  | { readonly template: Template; readonly filled: readonly Filled[] }
  | { readonly difference: ScriptDifference };

const SHOWN = 160;

/**
 * Which of the known scripts `text` is, with what fills its holes; else where it first differs from the one that it follows
 * longest. Every character counts: a token that is not the template's, a second space, a line too many.
 * @param start offset of the script in the file: differences are told as offsets in the file.
 */
export function matchScript(text: string, start: number, templates: readonly Template[]): Match {
  let best: ScriptDifference | undefined;
  for (const template of templates) {
    const match = matchTemplate(text, start, template);
    if ('template' in match) return match;
    if (best === undefined || match.difference.offset > best.offset) best = match.difference;
  }
  return {
    difference: best ?? difference({ text, start, line: 0, from: 0, at: 0, name: 'none', expected: '' }),
  };
}

function matchTemplate(text: string, start: number, template: Template): Match {
  const filled: Filled[] = [];
  let from = 0;
  for (const [index, line] of template.lines.entries()) {
    const end = matchLine(text, from, line, filled);
    if (end.ok && text[end.at] === '\n') {
      from = end.at + 1;
      continue;
    }
    const where = { text, start, line: index, from, at: end.at, name: template.name };
    return { difference: difference({ ...where, expected: spell(line) }) };
  }
  if (from === text.length || template.behind !== 'nothing') return { template, filled };
  const where = { text, start, line: template.lines.length, from, at: from, name: template.name };
  return { difference: difference({ ...where, expected: 'the end of the script' }) };
}

type Progress = { readonly ok: boolean; readonly at: number };

function matchLine(text: string, from: number, line: Line, filled: Filled[]): Progress {
  let at = from;
  for (const [index, word] of line.entries()) {
    if (index > 0) {
      if (text[at] !== ' ') return { ok: false, at };
      at++;
    }
    const end = matchWord(text, at, word, filled);
    if (!end.ok) return end;
    at = end.at;
  }
  return { ok: true, at };
}

function matchWord(text: string, from: number, word: Word, filled: Filled[]): Progress {
  let at = from;
  for (const part of typeof word === 'string' ? [word] : word) {
    if (typeof part === 'string') {
      const common = commonLength(text, at, part);
      at += common;
      if (common < part.length) return { ok: false, at };
      continue;
    }
    const found = fill(text, at, part);
    if (found === undefined) return { ok: false, at };
    filled.push(found.filled);
    at = found.end;
  }
  return { ok: true, at };
}

function commonLength(text: string, at: number, part: string): number {
  let length = 0;
  while (length < part.length && text[at + length] === part[length]) length++;
  return length;
}

/** Widths of numbers that the linker pads, quotes included, and what such a field looks like. */
const PADDED: Partial<Record<Hole['kind'], readonly [width: number, pattern: RegExp]>> = {
  left10: [10, /^(0|[1-9]\d*) *$/],
  left8: [8, /^(0|[1-9]\d*) *$/],
  right8: [10, /^" *(0|[1-9]\d*)"$/],
};
const NUMBER = /(0|[1-9]\d{0,3})/y;
// The characters that mean themselves to printf, and octal numbers of up to nine bits: no % and no other escape.
const HEADER = /'((?:[^'\\%0-9\n]|\\[0-7]{1,3})*)'/y;
const HEADER_LENGTH = 64;

function fill(text: string, at: number, hole: Hole): { filled: Filled; end: number } | undefined {
  const { kind } = hole;
  if (kind === 'version') return fillVersion(text, at, hole);
  const [width, padded] = PADDED[kind] ?? [];
  const field = width === undefined ? undefined : text.slice(at, at + width);
  const found =
    field?.length === width && padded !== undefined ? padded.exec(field ?? '') : sticky(kind, text, at);
  if (found === null) return undefined;
  const [whole, inner = ''] = found;
  const bytes = kind === 'header' ? decode(inner) : Buffer.alloc(0);
  if (kind === 'header' && bytes.length !== HEADER_LENGTH) return undefined;
  const value = kind === 'header' ? 0 : Number(inner);
  return { filled: { hole, at, value, bytes }, end: at + whole.length };
}

function sticky(kind: Hole['kind'], text: string, at: number): RegExpExecArray | null {
  if (kind !== 'number' && kind !== 'header') return null;
  const pattern = kind === 'number' ? NUMBER : HEADER;
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function fillVersion(text: string, at: number, hole: Hole): { filled: Filled; end: number } | undefined {
  const version = hole.values?.find((each) => text.startsWith(`${each}"`, at));
  if (version === undefined) return undefined;
  return { filled: { hole, at, value: 0, bytes: Buffer.from(version) }, end: at + version.length };
}

function decode(text: string): Buffer {
  const bytes: number[] = [];
  for (const [each, octal] of text.matchAll(/\\([0-7]{1,3})|[^\\]/g)) {
    bytes.push((octal === undefined ? each.charCodeAt(0) : Number.parseInt(octal, 8)) & 0xff);
  }
  return Buffer.from(bytes);
}

interface Place {
  readonly text: string;
  readonly start: number;
  readonly line: number;
  /** Where the line begins, and where it goes wrong. */
  readonly from: number;
  readonly at: number;
  readonly name: string;
  readonly expected: string;
}

function difference({ text, start, line, from, at, name, expected }: Place): ScriptDifference {
  const newline = text.indexOf('\n', from);
  const found = text.slice(from, newline < 0 ? undefined : newline);
  return {
    line: line + 1,
    offset: start + at,
    nearest: name,
    expected: escapeText(expected, SHOWN),
    found: from >= text.length ? 'the end of the script' : escapeText(found, SHOWN),
  };
}
