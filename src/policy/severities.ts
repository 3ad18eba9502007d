import type { Finding, Severity, Verdict } from '../integrity/verdict.ts';
import type { Policy } from './policy.ts';

const ORDER: readonly Severity[] = ['deny', 'warn', 'info'];

/** The verdict with the severities that the policy gives its findings, worst first. Never lower than the catalogue's. Pure. */
export function withSeverities(verdict: Verdict, { checks }: Policy): Verdict {
  const least = new Map<string, Severity>(Object.entries(checks));
  const findings = verdict.findings.map((finding) => raise(finding, least.get(finding.id)));
  return {
    ...verdict,
    findings: findings.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity)),
  };
}

function raise(finding: Finding, least: Severity | undefined): Finding {
  if (least === undefined || ORDER.indexOf(least) >= ORDER.indexOf(finding.severity)) return finding;
  return { ...finding, severity: least };
}
