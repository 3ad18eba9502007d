import { type Outcome, type Word, wordOf } from '../../report/outcome.ts';
import { EXIT } from '../context.ts';

const EXIT_OF: Readonly<Record<Word, number>> = {
  PASS: EXIT.ok,
  REFUSED: EXIT.policy,
  INCOMPLETE: EXIT.incomplete,
  'NOT JUDGED': EXIT.incomplete,
  FAIL: EXIT.integrity,
};

/** The exit code for one file; that of several is the highest. */
export function exitOf(outcome: Outcome): number {
  return EXIT_OF[wordOf(outcome)];
}
