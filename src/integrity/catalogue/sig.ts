import type { Checks } from './check.ts';

/** SIG: signatures and approvals. */
export const SIG = {} as const satisfies Checks;
