import type { SIG } from '../../../src/integrity/catalogue/sig.ts';
import type { CheckCases } from '../case.ts';

export const SIG_CASES: Readonly<Partial<Record<keyof typeof SIG, CheckCases>>> = {};
