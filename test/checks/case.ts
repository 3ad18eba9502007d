import type { Outcome } from './judged.ts';

export interface Case {
  /** A few words: "a name with an escape sequence". */
  readonly is: string;
  readonly judged: () => Promise<Pick<Outcome, 'ids' | 'error'>>;
}

/** Both at least one: a check that never fires, and one that always does, are equally useless. */
export interface CheckCases {
  readonly triggers: readonly [Case, ...Case[]];
  readonly almost: readonly [Case, ...Case[]];
}
