import { X509Certificate } from 'node:crypto';
import * as v from 'valibot';
import { type Envelope, preAuthEncoding, readEnvelope } from '../../lib/dsse.ts';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { examineChain, MAX_CHAIN } from './certificates.ts';
import { base64, keyHint, verifyBytes } from './keys.ts';
import { describeManifest, type Manifest, matchManifest, parseManifest } from './manifest.ts';
import type { Examined, SignatureMethod } from './seen.ts';
import type { Subject, Wanted } from './subject.ts';
import { type TrustStore, type Vouched, vouch } from './trust.ts';

/** A model signature: OpenSSF Model Signing 1.0, in a Sigstore bundle. */
export interface ModelSignature {
  readonly method: Extract<SignatureMethod, `model-signing ${string}`>;
  /** As it was parsed: for the keyless method, whose library reads it by itself. */
  readonly bundle: unknown;
  readonly material: Material;
  readonly payload: Buffer;
  /** What the signature is over. */
  readonly message: Buffer;
  readonly signature: Buffer;
  readonly manifest: Manifest;
}

const RawBytes = v.object({ rawBytes: v.string() });
const Material = v.object({
  publicKey: v.optional(v.object({ hint: v.optional(v.string()) })),
  x509CertificateChain: v.optional(
    v.object({ certificates: v.pipe(v.array(RawBytes), v.minLength(1), v.maxLength(MAX_CHAIN)) }),
  ),
  certificate: v.optional(RawBytes),
  tlogEntries: v.optional(v.array(v.unknown())),
});
type Material = v.InferOutput<typeof Material>;
const Bundle = v.object({
  mediaType: v.picklist([
    'application/vnd.dev.sigstore.bundle.v0.3+json',
    'application/vnd.dev.sigstore.bundle+json;version=0.3',
  ]),
  verificationMaterial: Material,
  dsseEnvelope: v.record(v.string(), v.unknown()),
});

/** Of the envelope: an in-toto statement. */
export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/**
 * A bundle from its JSON text, with its manifest; nothing of it is believed yet.
 * @throws PaddockError `malformed` for everything that the specification does not allow: another type of payload or predicate,
 * more than one signature, no transparency log for a keyless one.
 */
export function parseModelSignature(bytes: Buffer): ModelSignature {
  const bundle = parseJson(bytes);
  const result = v.safeParse(Bundle, bundle);
  if (!result.success) {
    const [issue] = result.issues;
    throw malformed(`${v.getDotPath(issue) ?? 'bundle'}: ${issue.expected ?? 'another'}`, issue.message);
  }
  const { verificationMaterial: material, dsseEnvelope } = result.output;
  const envelope = readEnvelope(withoutNull(dsseEnvelope));
  const { payload, signature } = decode(envelope);
  return {
    method: methodOf(material),
    bundle,
    material,
    payload,
    message: preAuthEncoding(PAYLOAD_TYPE, payload),
    signature,
    manifest: parseManifest(payload),
  };
}

/** Digests that it takes to compare the file with the manifest. */
export function modelNeeds({ manifest }: ModelSignature): Wanted {
  const { algorithm, shardBytes } = manifest;
  if (algorithm === undefined) return { algorithms: [], shards: [] };
  if (shardBytes === undefined) return { algorithms: [algorithm], shards: [] };
  return { algorithms: [], shards: [{ algorithm, sizeBytes: shardBytes }] };
}

/** Whether somebody whom the user trusts signed a manifest in which this file has its very digest. */
export async function examineModelSignature(
  signed: ModelSignature,
  subject: Subject,
  store: TrustStore,
): Promise<Examined> {
  const found = { method: signed.method, covers: describeManifest(signed.manifest) };
  const vouched = await signerOf(signed, store);
  if ('invalid' in vouched) return { ...found, state: 'invalid', reason: vouched.invalid };
  const { state, signer, anchor, reason } = vouched;
  const who = {
    ...found,
    ...(signer === undefined ? {} : { signer }),
    ...(reason === undefined ? {} : { reason }),
  };
  if (state === 'untrusted') return { ...who, state };
  switch (await matchManifest(signed.manifest, subject)) {
    case 'same':
      return { ...who, state, ...(anchor === undefined ? {} : { anchor }) };
    case 'differs':
      return { ...who, state: 'invalid', reason: 'the manifest has another digest for this file' };
    case 'absent':
      return {
        ...who,
        state: 'invalid',
        unlisted: true,
        reason: `the manifest does not speak of ${escapeText(subject.name, 80)}`,
      };
    case 'unknown':
      return { ...who, state: 'untrusted', reason: `digests of ${signed.manifest.hashType} are not checked` };
  }
}

/** What is known of a signer, or why the signature is none. */
export type Signed = (Partial<Vouched> & Pick<Vouched, 'state'>) | { readonly invalid: string };

async function signerOf(signed: ModelSignature, store: TrustStore): Promise<Signed> {
  switch (signed.method) {
    case 'model-signing key':
      return byKey(signed, store);
    case 'model-signing certificate':
      return byCertificate(signed, store);
    case 'model-signing sigstore': {
      // Only who meets such a signature pays for its library.
      const { examineKeyless } = await import('./keyless.ts');
      return examineKeyless(signed.bundle, store);
    }
  }
}

// The hint only tells which key was meant: every key that the user trusts is tried.
function byKey({ material, message, signature }: ModelSignature, store: TrustStore): Signed {
  const keys = store.signers.flatMap((one) => (one.kind === 'key' ? [one] : []));
  const own = keys.filter(({ key }) => verifyBytes(key.key, message, signature));
  const vouched = vouch(store, 'signature', (one) => own.some((other) => other === one));
  if (vouched !== undefined) return vouched;
  const hint = material.publicKey?.hint ?? '';
  if (hint !== '' && keys.some(({ key }) => keyHint(key.key) === hint))
    return { invalid: 'the signature is not over this manifest' };
  return {
    state: 'untrusted',
    signer: `key ${escapeText(hint, 80) || 'without a name'}`,
    reason: 'no trusted signer has this key',
  };
}

function byCertificate({ material, message, signature }: ModelSignature, store: TrustStore): Signed {
  const chain = (material.x509CertificateChain?.certificates ?? []).map(({ rawBytes }) =>
    certificate(rawBytes),
  );
  const key = chain[0]?.publicKey;
  if (key === undefined || !verifyBytes(key, message, signature))
    return { invalid: 'the signature is not over this manifest' };
  return examineChain(chain, store);
}

function certificate(text: string): X509Certificate {
  const raw = base64(text, 'a certificate');
  try {
    const parsed = new X509Certificate(raw);
    // Read here, as a key that OpenSSL does not know is only met then.
    if (parsed.raw.equals(raw) && parsed.publicKey !== undefined) return parsed;
  } catch (cause) {
    throw new PaddockError('malformed', 'a certificate cannot be read', { expected: 'X.509 in DER', cause });
  }
  throw new PaddockError('malformed', 'a certificate cannot be read', {
    expected: 'X.509 in DER and nothing else',
  });
}

function methodOf(material: Material): ModelSignature['method'] {
  const { publicKey, x509CertificateChain, certificate: single, tlogEntries } = material;
  const given = [publicKey, x509CertificateChain, single].filter((one) => one !== undefined);
  if (given.length !== 1)
    throw malformed('one of publicKey, x509CertificateChain, certificate', `${given.length}`);
  if (publicKey !== undefined) return 'model-signing key';
  if (x509CertificateChain !== undefined) return 'model-signing certificate';
  if ((tlogEntries ?? []).length === 0) throw malformed('an entry of the transparency log', 'none');
  return 'model-signing sigstore';
}

function decode(envelope: Envelope): { readonly payload: Buffer; readonly signature: Buffer } {
  const { payloadType, signatures, payload } = envelope;
  if (payloadType !== PAYLOAD_TYPE) throw malformed(`payloadType ${PAYLOAD_TYPE}`, payloadType);
  const [only, ...others] = signatures;
  if (only === undefined || others.length > 0)
    throw malformed('exactly one signature', `${signatures.length}`);
  return { payload: base64(payload, 'the payload'), signature: base64(only.sig, 'the signature') };
}

// Bundles made before version 1.1 have `"keyid": null`.
function withoutNull(envelope: Readonly<Record<string, unknown>>): unknown {
  const { signatures } = envelope;
  if (!Array.isArray(signatures)) return envelope;
  return {
    ...envelope,
    signatures: signatures.map((one: unknown) =>
      typeof one === 'object' && one !== null && 'keyid' in one && one.keyid === null
        ? { ...one, keyid: '' }
        : one,
    ),
  };
}

/** Parts of a bundle, its payload counted as one: a genuine one has less than a hundred, and each takes memory. */
const MAX_PARTS = 20_000;
const OPENERS: ReadonlySet<number> = new Set([...'[{,'].map((char) => char.charCodeAt(0)));

function parseJson(bytes: Buffer): unknown {
  let parts = 0;
  for (const byte of bytes) if (OPENERS.has(byte)) parts++;
  if (parts > MAX_PARTS) throw malformed(`at most ${MAX_PARTS} parts`, `${parts}`);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new PaddockError('malformed', 'a signature bundle is not JSON', { cause });
  }
}

function malformed(expected: string, found: string): PaddockError {
  return new PaddockError('malformed', 'this is no model signature', {
    expected: escapeText(expected),
    found: escapeText(found),
  });
}
