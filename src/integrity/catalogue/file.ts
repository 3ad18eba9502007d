import type { Checks } from './check.ts';

/** FILE: the file as the file system shows it, and its first bytes. */
export const FILE = {
  'FILE-002': {
    stage: 'judging',
    severity: 'warn',
    title: 'other users may change the file',
    why: 'whoever may write the file can exchange its code after you judged it and before you run it',
    remedy: 'chmod go-w the file, or copy it to a folder of your own',
  },
} as const satisfies Checks;
