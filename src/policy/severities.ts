import type { CheckId } from '../integrity/catalogue.ts';
import type { Finding, Severity, Verdict } from '../integrity/verdict.ts';
import { hostAddresses, sameAddress } from '../lib/address.ts';
import { canBeLowered } from './grades.ts';
import type { Grade, Lowered, Policy } from './policy.ts';

const ORDER: readonly Severity[] = ['deny', 'warn', 'info'];

/**
 * The verdict with the severities that the policy gives its findings, worst first, and what counts for less by it. A
 * grade without a reason, and one of a finding that no policy may let through, only raises. Pure.
 */
export function withSeverities(
  verdict: Verdict,
  { checks, network }: Policy,
): { readonly verdict: Verdict; readonly lowered: readonly Lowered[] } {
  const grades = new Map<string, Grade>(Object.entries(checks));
  const lowered: Lowered[] = [];
  const findings = verdict.findings.map((finding) => {
    const judged = granted(finding, network.listen);
    const grade = grades.get(finding.id);
    if (grade === undefined) return judged;
    const fall = fallOf(judged, grade);
    if (fall !== undefined && !lowered.some(({ id }) => id === fall.id)) lowered.push(fall);
    return fall === undefined ? raise(judged, grade.severity) : { ...judged, severity: fall.to };
  });
  const sorted = findings.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
  return { verdict: { ...verdict, findings: sorted }, lowered };
}

function fallOf(finding: Finding, { severity, reason }: Grade): Lowered | undefined {
  const id = finding.id as CheckId; // the policy names it, and its schema knows all ids
  if (ORDER.indexOf(severity) <= ORDER.indexOf(finding.severity)) return undefined;
  if (reason === undefined || finding.incomplete === true || !canBeLowered(id)) return undefined;
  return { id, from: finding.severity, to: severity, reason };
}

// The policy names the very address that the file asks for.
function granted(finding: Finding, listen: readonly string[]): Finding {
  if (finding.asks === undefined) return finding;
  const asked = hostAddresses(finding.asks.listen);
  const all = listen.flatMap(hostAddresses);
  const grants = asked.length > 0 && asked.every((one) => all.some((other) => sameAddress(one, other)));
  return grants ? { ...finding, severity: 'info' } : finding;
}

function raise(finding: Finding, least: Severity): Finding {
  return ORDER.indexOf(least) >= ORDER.indexOf(finding.severity) ? finding : { ...finding, severity: least };
}
