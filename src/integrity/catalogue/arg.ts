import { type Checks, REBUILD } from './check.ts';

/** ARG: the arguments that the file brings along. */
export const ARG = {
  'ARG-001': {
    stage: 'judging',
    severity: 'deny',
    title: '.args is not plain text of at most 64 KiB',
    why: 'programs read such a file in different ways, so nobody can say with which arguments it would start',
    remedy: REBUILD,
  },
  'ARG-003': {
    stage: 'judging',
    severity: 'warn',
    title: '.args uses environment variables',
    why: 'a file could take a secret of your environment, or choose a path by it',
    remedy: 'the environment inside the fence is scrubbed; `paddock run --dry-run` shows what is left',
  },
} as const satisfies Checks;
