import type { GGUF } from '../../../src/integrity/catalogue/gguf.ts';
import type { CheckCases } from '../case.ts';

export const GGUF_CASES: Readonly<Partial<Record<keyof typeof GGUF, CheckCases>>> = {};
