/** A reference to an environment variable inside a token. */
export interface VariableReference {
  /** As the program asks for it; untrusted. */
  readonly name: string;
  /** Of the reference, in bytes of `.args`. */
  readonly offset: number;
  readonly length: number;
  /** What it became; undefined where the environment that was given lacks it, and then it became nothing. */
  readonly value?: string;
}

/** One argument that `.args` stands for. */
export interface DotArgsToken {
  /** As the program receives it: escapes undone, variables put in, cut at the first NUL. Untrusted. */
  readonly text: string;
  /** Bytes of `.args` that made it, quotes and joined lines included. */
  readonly offset: number;
  readonly length: number;
  /** Line of its first byte, from 1. */
  readonly line: number;
  readonly variables: readonly VariableReference[];
}

/** What `...` came to. */
export interface Dots {
  readonly offset: number;
  /** `insert`: the user's arguments go here. `nothing`: they were put in before. `literal`: an argument like others. */
  readonly effect: 'insert' | 'nothing' | 'literal';
}

/** `.args` as one grammar reads it. */
export interface DotArgs {
  readonly tokens: readonly DotArgsToken[];
  /** How many tokens stand before the user's arguments; undefined without a `...` that counts. */
  readonly insertAt?: number;
  readonly dots: readonly Dots[];
  /** All references, also of words that came to nothing. */
  readonly variables: readonly VariableReference[];
}

/** Longest `.args` that is taken apart, in bytes; genuine ones have a few hundred. */
export const MAX_DOT_ARGS = 64 * 1024;

/** Lines begin behind `\n`; `line` of an offset, from 1, for offsets that only grow. */
export function lineCounter(bytes: Uint8Array): (offset: number) => number {
  let at = 0;
  let line = 1;
  return (offset) => {
    for (; at < offset && at < bytes.length; at++) if (bytes[at] === 10) line++;
    return line;
  };
}
