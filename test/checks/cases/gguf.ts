import type { GGUF } from '../../../src/integrity/catalogue/gguf.ts';
import type { CheckCases } from '../case.ts';
import { GGUF_KEY_CASES, GGUF_LAYOUT_CASES } from './gguf-judging.ts';
import { GGUF_READING_CASES } from './gguf-reading.ts';
import { GGUF_TEMPLATE_CASES } from './gguf-templates.ts';

export const GGUF_CASES: Readonly<Record<keyof typeof GGUF, CheckCases>> = {
  ...GGUF_READING_CASES,
  ...GGUF_LAYOUT_CASES,
  ...GGUF_KEY_CASES,
  ...GGUF_TEMPLATE_CASES,
};
