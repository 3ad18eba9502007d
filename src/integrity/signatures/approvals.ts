import type { KeyObject } from 'node:crypto';
import * as v from 'valibot';
import { type Envelope, parseEnvelope, signEnvelope, verifyEnvelope } from '../../lib/dsse.ts';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import type { Verdict } from '../verdict.ts';
import type { ApprovalSeen } from './seen.ts';
import type { Subject } from './subject.ts';
import { type TrustStore, vouch } from './trust.ts';

/** Type of the predicate: what paddock calls an approval. */
export const APPROVAL_TYPE = 'urn:llama-paddock:approval:v1';
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

const hex64 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits'));
const short = v.pipe(v.string(), v.maxLength(1000));
const Statement = v.strictObject({
  _type: v.literal(STATEMENT_TYPE),
  subject: v.pipe(
    v.array(v.strictObject({ name: short, digest: v.strictObject({ sha256: hex64 }) })),
    v.length(1, 'exactly one subject'),
  ),
  predicateType: v.literal(APPROVAL_TYPE),
  predicate: v.strictObject({
    /** As it was told when it was approved; every start judges anew. */
    verdict: v.strictObject({
      standing: v.picklist(['release', 'unknown', 'tampered']),
      tier: v.picklist(['A', 'B', 'C']),
      release: v.optional(short),
      findings: v.pipe(v.array(short), v.maxLength(1000)),
    }),
    policy: v.strictObject({ sha256: hex64 }),
    who: short,
    when: v.pipe(v.string(), v.isoTimestamp()),
  }),
});
type Statement = v.InferOutput<typeof Statement>;

export interface ApprovalInput {
  /** Base name of the file. */
  readonly name: string;
  /** Hex, of the whole file. */
  readonly sha256: string;
  readonly verdict: Verdict;
  /** Hex; see `EffectivePolicy.digest`. */
  readonly policyDigest: string;
  /** user@host. */
  readonly who: string;
  readonly when: Date;
}

/** An approval: a signed in-toto statement (in-toto attestation framework, Statement v1) in a DSSE envelope. */
export function signApproval(input: ApprovalInput, key: KeyObject): Envelope {
  const { standing, tier, release, findings } = input.verdict;
  const statement: Statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name: input.name, digest: { sha256: input.sha256 } }],
    predicateType: APPROVAL_TYPE,
    predicate: {
      verdict: {
        standing,
        tier,
        ...(release === undefined ? {} : { release }),
        findings: [...new Set(findings.map(({ id }) => id))],
      },
      policy: { sha256: input.policyDigest },
      who: input.who,
      when: input.when.toISOString(),
    },
  };
  return signEnvelope(PAYLOAD_TYPE, Buffer.from(JSON.stringify(statement)), [key]);
}

/** @throws PaddockError `malformed` for anything but an envelope with exactly one signature. */
export function parseApproval(bytes: Buffer): Envelope {
  const envelope = parseEnvelope(bytes);
  if (envelope.signatures.length === 1) return envelope;
  throw malformed('exactly one signature', `${envelope.signatures.length}`);
}

/**
 * Whether somebody whose approvals count approved these very bytes. Their name does not matter: content is approved.
 * @throws PaddockError `malformed` for what a trusted key signed and is no approval.
 */
export async function examineApproval(
  envelope: Envelope,
  subject: Subject,
  store: TrustStore,
): Promise<Omit<ApprovalSeen, 'file'>> {
  const found = { method: 'approval', covers: 'the file' } as const;
  // Other keys than Ed25519 sign no approvals.
  const candidates = store.signers.flatMap((one) =>
    one.kind === 'key' && one.key.key.asymmetricKeyType === 'ed25519' ? [one] : [],
  );
  const verified = verifiedBy(
    envelope,
    candidates.map(({ key }) => key.key),
  );
  if (verified === undefined) {
    const id = envelope.signatures[0]?.keyid ?? '';
    const known = candidates.some(({ key }) => key.id === id);
    if (known) return { ...found, state: 'invalid', reason: 'the signature is not over this statement' };
    const signer = `key ${escapeText(id, 80) || 'without a name'}`;
    return { ...found, state: 'untrusted', signer, reason: 'no trusted signer has this key' };
  }
  const { subject: subjects, predicate } = parseStatement(verified.payload);
  const said = { who: escapeText(predicate.who, 100), when: predicate.when };
  const vouched = vouch(
    store,
    'approval',
    (one) => one.kind === 'key' && verified.signers.includes(one.key.key),
  );
  if (vouched === undefined || vouched.state === 'untrusted')
    return { ...found, ...said, state: 'untrusted', ...vouched };
  if ((await subject.digest('sha256')).toString('hex') === subjects[0]?.digest.sha256)
    return { ...found, ...said, ...vouched };
  return {
    ...found,
    ...said,
    state: 'invalid',
    signer: vouched.signer,
    reason: 'it approves a file with another digest',
  };
}

function verifiedBy(envelope: Envelope, keys: readonly KeyObject[]) {
  try {
    return verifyEnvelope(envelope, PAYLOAD_TYPE, keys);
  } catch (cause) {
    if (cause instanceof PaddockError && cause.code === 'untrusted') return undefined;
    throw cause;
  }
}

function parseStatement(payload: Buffer): Statement {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new PaddockError('malformed', 'an approval is not JSON', { cause });
  }
  const result = v.safeParse(Statement, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw malformed(`${v.getDotPath(issue) ?? 'a statement'}: ${issue.expected ?? 'another'}`, issue.message);
}

function malformed(expected: string, found: string): PaddockError {
  return new PaddockError('malformed', 'this is no approval', {
    expected: escapeText(expected),
    found: escapeText(found),
  });
}
