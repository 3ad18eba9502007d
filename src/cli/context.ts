import type { Environment } from '../lib/paths.ts';

/** Where a command writes. */
export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number;
}

/** What a command may know of the process that it runs in. Only `src/cli` makes one. */
export interface Context {
  readonly env: Environment;
  readonly cwd: string;
  readonly home: string;
  readonly uid: number;
  readonly stdout: Output;
  readonly stderr: Output;
  now(): Date;
}

/** Exit codes of paddock's own outcomes. `run` otherwise ends as the program ended. */
export const EXIT = {
  ok: 0,
  policy: 1,
  incomplete: 2,
  integrity: 3,
  failed: 125,
  refused: 126,
  notFound: 127,
} as const;
