import { escapeText } from '../lib/text.ts';
import { formatBytes, formatDuration } from '../lib/units.ts';
import type { Context } from './context.ts';

/** What takes less is over before anybody would look. */
const PATIENCE_MS = 1000;
const STEP_MS = 100;
const BAR_COLUMNS = 24;

/** Told how far it is; says so to a person at a terminal once it takes longer than a second, and to nobody else. */
export interface Progress {
  readonly report: (doneBytes: number) => void;
  /** Takes the line away. Safe to call more than once. */
  readonly end: () => void;
}

/** One line on stderr that is drawn again and again: what, a bar, how much of how much, how fast, how much longer. */
export function progress(context: Context, what: string, totalBytes: number, quiet = false): Progress {
  if (!context.stderr.isTTY || quiet) return { report: () => undefined, end: () => undefined };
  const begun = context.now().getTime();
  let drawn = begun + PATIENCE_MS - STEP_MS;
  let shown = false;
  return {
    report: (doneBytes) => {
      const now = context.now().getTime();
      if (now - drawn < STEP_MS) return;
      drawn = now;
      shown = true;
      const line = progressLine(what, doneBytes, totalBytes, now - begun);
      context.stderr.write(`\r${line.slice(0, Math.max(0, context.stderr.columns - 1))}\x1b[K`);
    },
    end: () => {
      if (shown) context.stderr.write('\r\x1b[K');
      shown = false;
    },
  };
}

/** The same where the length is told with the first step. */
export function progressOf(
  context: Context,
  what: string,
  quiet = false,
): { readonly report: (doneBytes: number, totalBytes: number) => void; readonly end: () => void } {
  let made: Progress | undefined;
  return {
    report: (doneBytes, totalBytes) => {
      made ??= progress(context, what, totalBytes, quiet);
      made.report(doneBytes);
    },
    end: () => made?.end(),
  };
}

/** The line without control characters: "model.llamafile  ████░░░  37%  1.5 GiB of 4.0 GiB  1.4 GiB/s  2 s left". */
export function progressLine(what: string, doneBytes: number, totalBytes: number, elapsedMs: number): string {
  const part = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const full = Math.round(part * BAR_COLUMNS);
  const perMs = elapsedMs > 0 ? doneBytes / elapsedMs : 0;
  const leftMs = perMs > 0 ? (totalBytes - doneBytes) / perMs : 0;
  return [
    escapeText(what, 40),
    '█'.repeat(full) + '░'.repeat(BAR_COLUMNS - full),
    `${Math.floor(part * 100)}%`.padStart(4),
    `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`,
    ...(perMs > 0 ? [`${formatBytes(Math.round(perMs * 1000))}/s`, `${formatDuration(leftMs)} left`] : []),
  ].join('  ');
}
