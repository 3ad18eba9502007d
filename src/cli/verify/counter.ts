import type { Context } from '../context.ts';

export interface Counter {
  readonly count: (number: number) => void;
  /** Takes the line away. */
  readonly end: () => void;
}

const QUIET_MS = 700;
const EVERY_MS = 100;

/** A line on stderr that counts, at a terminal, and only if it takes a while: `words` say what. */
export function counter(context: Context, words: (number: number) => string): Counter {
  if (!context.stderr.isTTY) return { count: () => {}, end: () => {} };
  let next = context.now().getTime() + QUIET_MS;
  let shown = false;
  return {
    count: (number) => {
      const now = context.now().getTime();
      if (now < next) return;
      next = now + EVERY_MS;
      shown = true;
      context.stderr.write(`\r\x1b[K${words(number)}`);
    },
    end: () => {
      if (shown) context.stderr.write('\r\x1b[K');
      shown = false;
    },
  };
}
