declare const untrusted: unique symbol;

/** Text that came from a file or a process. It must pass `escapeText` before it is shown or logged as prose. */
export type Untrusted = string & { readonly [untrusted]: true };

/** Marks text as untrusted. */
export function asUntrusted(text: string): Untrusted {
  return text as Untrusted;
}

// Everything that can move a cursor, reorder a line or hide: C0 and C1 controls, DEL, lone surrogates, line and
// paragraph separators, bidirectional controls, zero-width and invisible format characters, variation selectors,
// tag characters, fillers that look like nothing, private use and unassigned code points.
const CATEGORIES = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Variation_Selector}]/u;
const INVISIBLE = new Set([0x34f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x2800, 0x3164, 0xffa0]);

/**
 * Makes text safe to show on one line: unsafe characters become `\xNN` or `\u{N}`, a backslash is doubled, and the
 * result is cut to `limit` code points with an ellipsis.
 */
export function escapeText(text: string, limit = 200): string {
  const points = text.length > limit ? [...text.slice(0, limit * 2)].slice(0, limit) : [...text];
  const cut = points.join('');
  const shown = points.map(escapePoint).join('');
  return cut.length < text.length ? `${shown}…` : shown;
}

function escapePoint(char: string): string {
  const point = char.codePointAt(0) ?? 0;
  if (char === '\\') return '\\\\';
  if (!INVISIBLE.has(point) && !CATEGORIES.test(char)) return char;
  if (point === 10) return '\\n';
  if (point === 9) return '\\t';
  return point < 0x100 ? `\\x${point.toString(16).padStart(2, '0')}` : `\\u{${point.toString(16)}}`;
}
