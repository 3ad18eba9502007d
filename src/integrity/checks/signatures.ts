import { type CheckId, finding } from '../catalogue.ts';
import type { Requirement, SignatureEvidence, SignatureSeen } from '../signatures/seen.ts';
import type { Finding } from '../verdict.ts';

/** SIG: what signatures, approvals and lists of checksums beside the file say. Nothing where nobody looked for them. */
export function checkSignatures(evidence: SignatureEvidence | undefined): Finding[] {
  if (evidence === undefined) return [];
  const { signatures, approvals, mismatches, required } = evidence;
  return [
    ...[...signatures, ...approvals].flatMap(asFinding),
    ...mismatches.map(({ file, expected, found }) => finding('SIG-005', { expected, found }, file)),
    ...required.filter((one) => !isMet(one, evidence)).map(missing),
  ];
}

const CHECK_OF: Readonly<Record<SignatureSeen['state'], CheckId | undefined>> = {
  trusted: 'SIG-001',
  untrusted: undefined,
  invalid: 'SIG-003',
  expired: 'SIG-004',
};

function asFinding({ state, file, method, signer, reason, covers }: SignatureSeen): Finding[] {
  const id = CHECK_OF[state];
  if (id === undefined) return [];
  const found = state === 'trusted' ? `${method} over ${covers}` : (reason ?? 'no reason is known');
  return [finding(id, { found }, signer === undefined ? file : `${signer} (${file})`)];
}

function isMet(requirement: Requirement, { signatures, approvals }: SignatureEvidence): boolean {
  return (requirement === 'signature' ? signatures : approvals).some(({ state }) => state === 'trusted');
}

function missing(requirement: Requirement): Finding {
  return finding('SIG-002', { expected: `a trusted ${requirement}` }, requirement);
}
