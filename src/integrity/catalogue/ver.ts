import type { Checks } from './check.ts';

const NEWER =
  'ask the publisher for a build on a newer release, or run these weights with a newer llamafile (`-m`)';

/** VER: known vulnerabilities of the runtime. */
export const VER = {
  'VER-001': {
    stage: 'judging',
    severity: 'warn',
    title: 'its runtime has published vulnerabilities that its arguments let others reach',
    why: 'who can send requests to the server can make it crash, or worse: the fence is what is left',
    remedy: NEWER,
  },
  'VER-002': {
    stage: 'judging',
    severity: 'info',
    title: 'its runtime has published vulnerabilities that crafted weights could use, or may have some',
    why: 'paddock judges the weights in the file before they are loaded; weights that you name yourself it does not',
    remedy: NEWER,
  },
} as const satisfies Checks;
