import type { Finding, Severity } from './verdict.ts';

interface Check {
  readonly severity: Severity;
  readonly title: string;
  readonly remedy: string;
}

const REBUILD = 'get the file again from its publisher, or build it anew from a fresh release';
const ASK = 'ask the publisher for a clean build; `paddock inspect` shows the place';

/**
 * Every check, with the severity that it has unless a policy raises it. Ids are stable: policies, reports and scripts
 * name them.
 */
export const CATALOGUE = {
  'FILE-002': {
    severity: 'warn',
    title: 'other users may change the file',
    remedy: 'chmod go-w the file, or copy it to a folder of your own',
  },
  'RUN-000': {
    severity: 'warn',
    title: 'unknown runtime: the program is no published llamafile release that paddock knows',
    remedy: 'it runs inside the fence only; `--preset strict` refuses such files',
  },
  'APE-012': {
    severity: 'deny',
    title: 'the header hides more program headers than it has programs',
    remedy: ASK,
  },
  'APE-013': {
    severity: 'warn',
    title: 'an embedded APE loader is not a known one',
    remedy: 'if you built the loader yourself, add its SHA-256 to trust.loaders in your policy',
  },
  'APE-014': {
    severity: 'warn',
    title: 'the file has bytes that no known structure explains',
    remedy: ASK,
  },
  'APE-023': {
    severity: 'deny',
    title: 'a segment is both writable and executable',
    remedy: ASK,
  },
  'APE-024': {
    severity: 'deny',
    title: 'a segment of the program reaches into the zip archive',
    remedy: ASK,
  },
  'ZIP-020': {
    severity: 'deny',
    title: 'two archive members have the same name: which one the program reads is a matter of chance',
    remedy: REBUILD,
  },
  'ZIP-021': {
    severity: 'deny',
    title: 'an archive member has control or invisible characters in its name',
    remedy: REBUILD,
  },
  'ZIP-023': {
    severity: 'deny',
    title: 'an archive member has a name that leads out of the archive',
    remedy: REBUILD,
  },
  'ZIP-031': {
    severity: 'deny',
    title: 'weights are compressed, so that no runtime can load them',
    remedy: 'add them again with `zipalign -j0`',
  },
  'ZIP-050': {
    severity: 'deny',
    title: 'a part of the release was replaced: the bytes are a release’s, the archive is not',
    remedy: REBUILD,
  },
  'ZIP-051': {
    severity: 'deny',
    title: 'code was added to a release',
    remedy: REBUILD,
  },
  'ZIP-052': {
    severity: 'warn',
    title: 'the archive holds something that is neither weights nor arguments nor part of the release',
    remedy: ASK,
  },
  'ARG-001': {
    severity: 'deny',
    title: '.args is not plain text of at most 64 KiB',
    remedy: REBUILD,
  },
  'ARG-003': {
    severity: 'warn',
    title: '.args uses environment variables',
    remedy: 'the environment inside the fence is scrubbed; `paddock run --dry-run` shows what is left',
  },
} as const satisfies Readonly<Record<string, Check>>;

export type CheckId = keyof typeof CATALOGUE;

/** A finding of this check, with what was seen. Untrusted text in `evidence` and `detail` must be escaped already. */
export function finding(id: CheckId, evidence: Finding['evidence'], detail?: string): Finding {
  const { severity, title, remedy } = CATALOGUE[id];
  return { id, severity, title: detail === undefined ? title : `${title}: ${detail}`, evidence, remedy };
}
