import type { ARG } from '../../../src/integrity/catalogue/arg.ts';
import type { CheckCases } from '../case.ts';

export const ARG_CASES: Readonly<Partial<Record<keyof typeof ARG, CheckCases>>> = {};
