import type { CheckCases } from './case.ts';
import { APE_CASES } from './cases/ape.ts';
import { ARG_CASES } from './cases/arg.ts';
import { BASELINE_CASES } from './cases/baseline.ts';
import { FILE_CASES } from './cases/file.ts';
import { GGUF_CASES } from './cases/gguf.ts';
import { SIG_CASES } from './cases/sig.ts';
import { VER_CASES } from './cases/ver.ts';
import { ZIP_CASES } from './cases/zip.ts';
import { ZIP_CONTENT_CASES } from './cases/zip-contents.ts';
import { ZIP_MEMBER_CASES } from './cases/zip-members.ts';
import { ZIP_READING_CASES } from './cases/zip-reading.ts';

export const CASES: Readonly<Record<string, CheckCases>> = {
  ...FILE_CASES,
  ...SIG_CASES,
  ...VER_CASES,
  ...APE_CASES,
  ...ZIP_CASES,
  ...ZIP_READING_CASES,
  ...ZIP_CONTENT_CASES,
  ...ZIP_MEMBER_CASES,
  ...GGUF_CASES,
  ...ARG_CASES,
  ...BASELINE_CASES,
};
