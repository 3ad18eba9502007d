import stringWidth from 'fast-string-width';
import colors from 'picocolors';
import type { Severity } from '../integrity/verdict.ts';
import type { Context } from './context.ts';

export type Paint = ReturnType<typeof colors.createColors>;

/** No colours at all: what is written to a file. */
export const PLAIN: Paint = colors.createColors(false);

/** Colours for one output: none where it is no terminal, or NO_COLOR is set. */
export function paint(context: Context, target: 'stdout' | 'stderr'): Paint {
  const wanted = context[target].isTTY && (context.env.NO_COLOR ?? '') === '';
  return colors.createColors(wanted);
}

/** Text in columns, two spaces apart; columns named in `right` (by index) are aligned to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, stringWidth(cell));
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, index) => {
          const space = ' '.repeat((widths[index] ?? 0) - stringWidth(cell));
          return right.includes(index) ? space + cell : cell + space;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The words that begin a finding's line. */
export const SEVERITY_WORD: Readonly<Record<Severity, string>> = {
  deny: 'DENY',
  warn: 'WARN',
  info: 'INFO',
};

/** Text broken at spaces to lines of at most `width` columns; the first begins with `first`, the others with `others`. */
export function wrap(text: string, width: number, first: string, others: string): string {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && stringWidth(line) + 1 + stringWidth(word) > width) {
      lines.push(line);
      line = others + word;
    } else {
      line += empty ? word : ` ${word}`;
    }
    empty = false;
  }
  return [...lines, line].join('\n');
}

// JSON may hold them as they are, and a terminal or an editor would obey them. All are in strings, where an escape means the same.
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * JSON of anything that the rooms give: bigints become decimal strings, maps become objects. Control and invisible characters of
 * strings are escaped, so that it may be shown at a terminal.
 */
export function toJson(value: unknown): string {
  const json = JSON.stringify(
    value,
    (_, item: unknown) => {
      if (typeof item === 'bigint') return item.toString();
      if (item instanceof Map) return Object.fromEntries(item);
      return item;
    },
    2,
  );
  return json.replace(UNSAFE, (char) => (char === '\n' ? char : escaped(char)));
}

function escaped(char: string): string {
  return Array.from({ length: char.length }, (_, index) => char.charCodeAt(index))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}
