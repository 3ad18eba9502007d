import { holding, MATRIX, type MatrixFacts, type Mechanism } from '../launch/matrix.ts';

/** One row of the matrix on one host. */
export interface Held {
  readonly what: string;
  /** Empty: nothing holds it, and `run` refuses. */
  readonly by: readonly Mechanism[];
  readonly how: string;
  /** Further layers. */
  readonly beneath: readonly Mechanism[];
  /** It matters only where the program may listen. */
  readonly serving: boolean;
}

/** What holds each protection on a host: the columns of docs/fence.md for its own facts. */
export function heldHere(facts: MatrixFacts): Held[] {
  return MATRIX.map((closure) => {
    const held = holding(closure, facts);
    return {
      what: closure.what,
      by: held?.way.by ?? [],
      how: held?.way.how ?? 'nothing holds it: `paddock run` refuses',
      beneath: [...new Set(held?.beneath.flatMap(({ by }) => by) ?? [])],
      serving: closure.serving === true,
    };
  });
}
