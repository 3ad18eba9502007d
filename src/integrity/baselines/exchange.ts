import type { KeyObject } from 'node:crypto';
import { type Envelope, keyId, signEnvelope, verifyEnvelope } from '../../lib/dsse.ts';
import { PaddockError } from '../../lib/errors.ts';
import { checkBaseline, type StoredBaseline } from './schema.ts';

/** Media type of what is signed. */
export const BASELINE_TYPE = 'application/vnd.paddock.baseline+json';
const SCHEMA = 'paddock/baselines/v1';
/** Of an export, in bytes. */
export const MAX_EXPORT_BYTES = 32 * 1024 * 1024;
const MAX_EXPORTED = 64;

/** Baselines in a signed envelope, for another machine. Where they were kept is nobody else's affair and left out. */
export function exportBaselines(baselines: readonly StoredBaseline[], key: KeyObject): Envelope {
  const bare = baselines.map(({ engine: _, imported: __, ...baseline }) => baseline);
  const payload = Buffer.from(JSON.stringify({ schema: SCHEMA, baselines: bare }));
  return signEnvelope(BASELINE_TYPE, payload, [key]);
}

/**
 * The baselines of an envelope that one of the trusted signers signed.
 * @param signers by their public keys
 * @throws PaddockError `untrusted` for a signature of nobody here, `policy-invalid` for what is no list of baselines
 */
export function importBaselines(
  envelope: Envelope,
  signers: ReadonlyMap<KeyObject, string>,
  now: Date,
  where: string,
): StoredBaseline[] {
  const verified = verifyEnvelope(envelope, BASELINE_TYPE, [...signers.keys()]);
  const [key] = verified.signers;
  if (key === undefined) throw new PaddockError('internal', 'a verified envelope has a signer');
  const imported = { at: now.toISOString(), signer: signers.get(key) ?? '', key: keyId(key) };
  return listOf(verified.payload, where).map((value) => {
    // Where the sender keeps an engine, or whom the sender imported from, is not ours to believe.
    const { engine: _, imported: __, ...rest } = value as Record<string, unknown>;
    return checkBaseline({ ...rest, imported }, where);
  });
}

function listOf(payload: Buffer, where: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString('utf8'));
  } catch {
    value = undefined; // the check below says what is wrong
  }
  const { schema, baselines } = (value ?? {}) as { schema?: unknown; baselines?: unknown };
  const right =
    schema === SCHEMA &&
    Array.isArray(baselines) &&
    baselines.length <= MAX_EXPORTED &&
    baselines.every((each) => typeof each === 'object' && each !== null);
  if (right) return baselines;
  throw new PaddockError('policy-invalid', 'what was signed is no list of baselines', {
    where,
    expected: `${SCHEMA}, with at most ${MAX_EXPORTED} baselines`,
    remedy: 'ask the sender for what `paddock baseline export` writes',
  });
}
