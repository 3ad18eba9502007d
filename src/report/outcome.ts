import type { GgufFacts, ZipMember } from '../format/anatomy.ts';
import type { AnatomySummary } from '../format/summary.ts';
import type { Finding, Verdict } from '../integrity/verdict.ts';
import { type ErrorCode, type ErrorDetail, PaddockError } from '../lib/errors.ts';
import type { Facts } from '../policy/conditions/variables.ts';
import type { Decision, Reason } from '../policy/policy.ts';

/** What the reports need to know of a file that could be read. Plain data: it may come from another thread. */
export interface FileFacts {
  readonly summary: AnatomySummary;
  /** Metadata only as far as it was asked for: see `Wanted`. */
  readonly models: readonly GgufFacts[];
  readonly members: readonly ZipMember[];
  readonly verdict: Verdict;
  /** What the rules of the policy may know of it, where there are any. */
  readonly known?: Facts;
  /** Of the whole file, hex; as far as they were computed or remembered. */
  readonly digests?: { readonly sha256?: string; readonly tree?: string };
}

/** `contents`: members of the archive and `general.*` metadata too. What no report shows is not kept for thousands of files. */
export type Wanted = 'verdict' | 'contents';

/** A `PaddockError` as plain data, without its cause. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail: Omit<ErrorDetail, 'cause'>;
}

/** What was seen of a file, before any policy was asked. */
export type Judgement =
  | { readonly path: string; readonly facts: FileFacts }
  | { readonly path: string; readonly failure: Failure };

/** The same with the policy's answer. `facts.verdict` has the severities that the policy raised. */
export type Outcome =
  | { readonly path: string; readonly facts: FileFacts; readonly decision: Decision }
  | { readonly path: string; readonly failure: Failure };

/** In the words of the summary table and of the first line of a report. */
export type Word = 'PASS' | 'REFUSED' | 'INCOMPLETE' | 'NOT JUDGED' | 'FAIL';

/**
 * The word for an outcome. FAIL: malformed, tampered with, changed meanwhile, or with a signature that is not its own. INCOMPLETE: a bound
 * of paddock's was reached.
 * NOT JUDGED: there is nothing to say about the file, and that is never a pass.
 */
export function wordOf(outcome: Outcome): Word {
  if ('failure' in outcome) {
    const { code } = outcome.failure;
    if (code === 'malformed' || code === 'changed') return 'FAIL';
    return code === 'too-large' ? 'INCOMPLETE' : 'NOT JUDGED';
  }
  const { standing, findings } = outcome.facts.verdict;
  if (standing === 'tampered' || findings.some(({ id }) => id === 'SIG-003')) return 'FAIL';
  if (findings.some(({ incomplete }) => incomplete === true)) return 'INCOMPLETE';
  return outcome.decision.outcome === 'refuse' ? 'REFUSED' : 'PASS';
}

/**
 * The reasons of the policy that no finding tells: `trust.tiers`, `trust.unknownLoader`. Those of findings have the finding's id,
 * and `trust.refuse` of a file that was tampered with repeats its worst finding.
 */
export function ownReasons(outcome: Outcome): Reason[] {
  if ('failure' in outcome || outcome.decision.outcome !== 'refuse') return [];
  const told = new Set(outcome.facts.verdict.findings.map(({ id }: Finding) => id));
  return outcome.decision.reasons.filter(({ id }) => !told.has(id));
}

/** Any error as plain data. One that is no `PaddockError` is a bug, and must not end the judgement of the other files. */
export function failureOf(cause: unknown): Failure {
  if (cause instanceof PaddockError) {
    const { cause: _, ...detail } = cause.detail;
    return { code: cause.code, message: cause.message, detail };
  }
  const stack = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  return {
    code: 'internal',
    message: 'paddock itself failed on this file',
    detail: {
      found: stack.split('\n').slice(0, 2).join(' ').replace(/\s+/g, ' ').slice(0, 300),
      remedy: 'please report it; the file was not judged, so do not run it',
    },
  };
}
