import type { VER } from '../../../src/integrity/catalogue/ver.ts';
import type { CheckCases } from '../case.ts';

export const VER_CASES: Readonly<Partial<Record<keyof typeof VER, CheckCases>>> = {};
