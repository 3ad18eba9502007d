import { APE } from './catalogue/ape.ts';
import { ARG } from './catalogue/arg.ts';
import type { Check } from './catalogue/check.ts';
import { FILE } from './catalogue/file.ts';
import { GGUF } from './catalogue/gguf.ts';
import { SIG } from './catalogue/sig.ts';
import { VER } from './catalogue/ver.ts';
import { ZIP } from './catalogue/zip.ts';
import type { Finding } from './verdict.ts';

/**
 * Every check, one file a family, with the severity that it has unless a policy raises it. Ids are stable: policies,
 * reports and scripts name them.
 */
export const CATALOGUE = { ...FILE, ...SIG, ...VER, ...APE, ...ZIP, ...GGUF, ...ARG } as const;

export type CheckId = keyof typeof CATALOGUE;

/** A finding of this check, with what was seen. Untrusted text in `evidence` and `detail` must be escaped already. */
export function finding(id: CheckId, evidence: Finding['evidence'], detail?: string): Finding {
  const { severity, title, remedy, incomplete }: Check = CATALOGUE[id];
  return {
    id,
    severity,
    title: detail === undefined ? title : `${title}: ${detail}`,
    evidence,
    remedy,
    ...(incomplete === undefined ? {} : { incomplete }),
  };
}
