import type { Context } from '../context.ts';

export interface Counter {
  readonly judged: (count: number) => void;
  readonly end: () => void;
}

const QUIET_MS = 700;
const EVERY_MS = 100;

/** A line on stderr that counts files, at a terminal, and only if it takes a while. It is gone at the end. */
export function fileCounter(context: Context, files: number): Counter {
  if (!context.stderr.isTTY || files < 2) return { judged: () => {}, end: () => {} };
  let last = context.now().getTime() + QUIET_MS;
  let shown = false;
  return {
    judged: (count) => {
      const now = context.now().getTime();
      if (now < last) return;
      last = now + EVERY_MS;
      shown = true;
      context.stderr.write(`\r\x1b[Kjudged ${count} of ${files} files`);
    },
    end: () => {
      if (shown) context.stderr.write('\r\x1b[K');
    },
  };
}
