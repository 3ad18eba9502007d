import { type Checks, REBUILD } from './check.ts';

/** ARG: the arguments that the file brings along. */
export const ARG = {
  'ARG-001': {
    stage: 'judging',
    severity: 'deny',
    title: '.args is not plain text of at most 64 KiB',
    remedy: REBUILD,
  },
  'ARG-003': {
    stage: 'judging',
    severity: 'warn',
    title: '.args uses environment variables',
    remedy: 'the environment inside the fence is scrubbed; `paddock run --dry-run` shows what is left',
  },
} as const satisfies Checks;
