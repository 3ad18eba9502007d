import { ASK, type Checks } from './check.ts';

/** APE: the executable part, and what it was made from. */
export const APE = {
  'RUN-000': {
    stage: 'judging',
    severity: 'warn',
    title: 'unknown runtime: the program is no published llamafile release that paddock knows',
    remedy: 'it runs inside the fence only; `--preset strict` refuses such files',
  },
  'APE-012': {
    stage: 'judging',
    severity: 'deny',
    title: 'the header hides more program headers than it has programs',
    remedy: ASK,
  },
  'APE-013': {
    stage: 'judging',
    severity: 'warn',
    title: 'an embedded APE loader is not a known one',
    remedy: 'if you built the loader yourself, add its SHA-256 to trust.loaders in your policy',
  },
  'APE-014': {
    stage: 'judging',
    severity: 'warn',
    title: 'the file has bytes that no known structure explains',
    remedy: ASK,
  },
  'APE-023': {
    stage: 'judging',
    severity: 'deny',
    title: 'a segment is both writable and executable',
    remedy: ASK,
  },
  'APE-024': {
    stage: 'judging',
    severity: 'deny',
    title: 'a segment of the program reaches into the zip archive',
    remedy: ASK,
  },
} as const satisfies Checks;
