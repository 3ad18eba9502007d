import { EACCES, flag, type Rule } from './rule.ts';

const PROT_EXEC = 4;

/** What is open until the program is ready. `exec`, `open` and `listen` are answered by rules of other tables. */
export const READY_RULES: readonly Rule[] = [
  {
    calls: ['mmap', 'mprotect', 'pkey_mprotect'],
    when: [flag(2, PROT_EXEC)],
    label: 'map',
    why: 'new machine code in memory: libraries while it loads; afterwards only what was not judged',
    answer: 'map',
    errno: EACCES,
    family: 'none',
    alone: 'allow',
    applies: (options) => options.closesMappings === true,
  },
];
