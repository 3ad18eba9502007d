import type { ZIP } from '../../../src/integrity/catalogue/zip.ts';
import type { CheckCases } from '../case.ts';

export const ZIP_CASES: Readonly<Partial<Record<keyof typeof ZIP, CheckCases>>> = {};
