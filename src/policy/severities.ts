import type { Finding, Severity, Verdict } from '../integrity/verdict.ts';
import { hostAddresses, sameAddress } from '../lib/address.ts';
import type { Policy } from './policy.ts';

const ORDER: readonly Severity[] = ['deny', 'warn', 'info'];

/**
 * The verdict with the severities that the policy gives its findings, worst first. Never lower than the catalogue's, but
 * for what the policy itself grants. Pure.
 */
export function withSeverities(verdict: Verdict, { checks, network }: Policy): Verdict {
  const least = new Map<string, Severity>(Object.entries(checks));
  const findings = verdict.findings.map((finding) =>
    raise(granted(finding, network.listen), least.get(finding.id)),
  );
  return {
    ...verdict,
    findings: findings.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity)),
  };
}

// The policy names the very address that the file asks for.
function granted(finding: Finding, listen: readonly string[]): Finding {
  if (finding.asks === undefined) return finding;
  const asked = hostAddresses(finding.asks.listen);
  const all = listen.flatMap(hostAddresses);
  const grants = asked.length > 0 && asked.every((one) => all.some((other) => sameAddress(one, other)));
  return grants ? { ...finding, severity: 'info' } : finding;
}

function raise(finding: Finding, least: Severity | undefined): Finding {
  if (least === undefined || ORDER.indexOf(least) >= ORDER.indexOf(finding.severity)) return finding;
  return { ...finding, severity: least };
}
