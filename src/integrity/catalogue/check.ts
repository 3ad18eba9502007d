import type { Severity } from '../verdict.ts';

/** One row of the catalogue of checks. */
export interface Check {
  /** Unless a policy raises it. */
  readonly severity: Severity;
  /** One line, lower case, no full stop: what is wrong. */
  readonly title: string;
  /** What the user can do: one line. */
  readonly remedy: string;
  /** Why it matters: one sentence for a person who knows nothing of the format, of what the runtime would do. */
  readonly why: string;
  /**
   * `reading`: the reader refuses the file as malformed, and no policy lets it run. `judging`: a finding, and the policy decides.
   */
  readonly stage: 'reading' | 'judging';
  /** A bound of ours was reached, so that the judgement is not whole: never a pass (exit code 2). */
  readonly incomplete?: true;
}

export type Checks = Readonly<Record<string, Check>>;

export const REBUILD = 'get the file again from its publisher, or build it anew from a fresh release';
export const ASK = 'ask the publisher for a clean build; `paddock inspect` shows the place';
