import type { Checks } from './check.ts';

/** VER: known vulnerabilities of the runtime. */
export const VER = {} as const satisfies Checks;
