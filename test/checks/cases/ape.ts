import type { APE } from '../../../src/integrity/catalogue/ape.ts';
import type { CheckCases } from '../case.ts';

export const APE_CASES: Readonly<Partial<Record<keyof typeof APE, CheckCases>>> = {};
