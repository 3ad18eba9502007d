import type { Region } from '../format/anatomy.ts';
import type { Finding, Severity, Verdict } from '../integrity/verdict.ts';

/**
 * How much of a region is vouched for. `release`: byte for byte a published release. `known`: its digest is in a table.
 * `data`: read and never executed. `unknown`: nobody vouches for it.
 */
export type Trust = 'release' | 'known' | 'data' | 'unknown';

export interface MarkedRegion extends Region {
  /** Index in the anatomy's list. */
  readonly index: number;
  readonly trust: Trust;
  /** SHA-256 (hex), where it was computed. */
  readonly digest?: string;
  /** Findings whose evidence touches the region, worst first. */
  readonly findings: readonly Finding[];
  readonly worst?: Severity;
}

const DATA: ReadonlySet<string> = new Set(['gguf-header', 'gguf-tensors', 'padding', 'zip-directory']);

/** Each region with what the judgement says of it. Regions and evidence ascend, so one pass finds what touches. */
export function markRegions(
  regions: readonly Region[],
  verdict: Verdict,
  digests: ReadonlyMap<number, string> = new Map(),
): MarkedRegion[] {
  const located = verdict.findings
    .filter(({ evidence }) => evidence.offset !== undefined)
    .sort((a, b) => start(a) - start(b));
  const longest = Math.max(1, ...located.map(({ evidence }) => evidence.length ?? 1));
  return regions.map((region, index) => {
    const findings = touching(located, longest, region);
    const [first] = findings;
    const digest = digests.get(index);
    return {
      ...region,
      index,
      trust: trustOf(region, verdict),
      findings,
      ...(digest === undefined ? {} : { digest }),
      ...(first === undefined ? {} : { worst: first.severity }),
    };
  });
}

const ORDER: readonly Severity[] = ['deny', 'warn', 'info'];

function touching(located: readonly Finding[], longest: number, { offset, length }: Region): Finding[] {
  const end = offset + length;
  const found: Finding[] = [];
  for (let at = firstFrom(located, offset - longest); at < located.length; at++) {
    const finding = located[at];
    if (finding === undefined || start(finding) >= end) break;
    if (start(finding) + Math.max(1, finding.evidence.length ?? 1) > offset) found.push(finding);
  }
  return found.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

function firstFrom(located: readonly Finding[], offset: number): number {
  let low = 0;
  let high = located.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const finding = located[middle];
    if (finding !== undefined && start(finding) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function start({ evidence }: Finding): number {
  return evidence.offset ?? 0;
}

function trustOf({ kind, offset, length, member }: Region, verdict: Verdict): Trust {
  if (offset + length <= (verdict.releaseLength ?? 0)) return 'release';
  if (kind === 'loader' && verdict.loader?.known !== undefined) return 'known';
  if (DATA.has(kind) || kind.startsWith('zip-eocd') || kind === 'zip-local-header') return 'data';
  if (kind === 'zip-content' && member === '.args') return 'data';
  return 'unknown';
}
