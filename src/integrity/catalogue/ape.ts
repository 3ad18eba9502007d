import { ASK, type Checks } from './check.ts';

/** APE: the executable part, and what it was made from. */
export const APE = {
  'RUN-000': {
    stage: 'judging',
    severity: 'warn',
    title: 'unknown runtime: the program is no published llamafile release that paddock knows',
    why: 'nobody has vouched for the code that would run: it may be somebody’s honest build, or anything else',
    remedy: 'it runs inside the fence only; `--preset strict` refuses such files',
  },
  'APE-012': {
    stage: 'judging',
    severity: 'deny',
    title: 'the header hides more program headers than it has programs',
    why: 'the loader takes the first header that fits, and may start another program than the one a reader of the script sees',
    remedy: ASK,
  },
  'APE-013': {
    stage: 'judging',
    severity: 'warn',
    title: 'an embedded APE loader is not a known one',
    why: 'the loader is the first code of the file that runs, before everything that was judged',
    remedy: 'if you built the loader yourself, add its SHA-256 to trust.loaders in your policy',
  },
  'APE-014': {
    stage: 'judging',
    severity: 'warn',
    title: 'the file has bytes that no known structure explains',
    why: 'bytes that belong to nothing are where code and data are hidden from tools that look at the parts they know',
    remedy: ASK,
  },
  'APE-023': {
    stage: 'judging',
    severity: 'deny',
    title: 'a segment is both writable and executable',
    why: 'code that can be written while it runs can become something else after every check was done',
    remedy: ASK,
  },
  'APE-024': {
    stage: 'judging',
    severity: 'deny',
    title: 'a segment of the program reaches into the zip archive',
    why: 'what looks like a member of the archive, such as weights, would be mapped and run as code',
    remedy: ASK,
  },
} as const satisfies Checks;
