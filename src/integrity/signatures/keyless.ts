import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import snapshot from '../data/sigstore-root.json' with { type: 'json' };
import { derElements, derSequence, readCertificate } from './der.ts';
import { base64 } from './keys.ts';
import type { Signed } from './model-signing.ts';
import { type TrustStore, vouch } from './trust.ts';

/** 1.3.6.1.4.1.57264.1.8 and .1.1: who vouched for the identity, as DER text and (before 2022-11) as bare text (fulcio, oid-info.md). */
const ISSUER = '2b0601040183bf300108';
const ISSUER_V1 = '2b0601040183bf300101';
/** 2.5.29.17; in it, an address of mail or a URI (RFC 5280 §4.2.1.6). */
const ALTERNATIVE_NAME = '551d11';
const MAIL = 0x81;
const URI = 0x86;

/** Who signed without a key of their own, as a certificate of Fulcio says. */
export interface Identity {
  readonly issuer: string;
  readonly identity: string;
}

/**
 * A keyless signature: the certificate must be Fulcio's, and be in a log of certificates; the signature must be in a
 * transparency log, made while the certificate was valid. Offline, against the root that is shipped. Then issuer and
 * identity are compared with the trust store, as whole texts.
 */
export function examineKeyless(
  bundle: unknown,
  store: TrustStore,
  root: unknown = snapshot.trustedRoot,
): Signed {
  try {
    const parsed = bundleFromJSON(bundle);
    const material = toTrustMaterial(TrustedRoot.fromJSON(root));
    new Verifier(material, { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 }).verify(
      toSignedEntity(parsed),
    );
  } catch (cause) {
    // Whatever the library stumbles over is no valid signature: its errors, and those of what it rests on.
    return {
      invalid: escapeText(cause instanceof Error ? cause.message : 'the signature is not valid', 120),
    };
  }
  const { issuer, identity } = identityOf(bundle);
  const vouched = vouch(
    store,
    'signature',
    (one) => one.kind === 'identity' && one.issuer === issuer && one.identity === identity,
  );
  if (vouched !== undefined) return vouched;
  const signer = `${escapeText(identity, 100)} (${escapeText(issuer, 100)})`;
  return { state: 'untrusted', signer, reason: 'no trusted signer has this identity' };
}

// Not the library's reading of it, which takes the first of several names and drops the highest bit of each byte.
function identityOf(bundle: unknown): Identity {
  const { rawBytes } = (bundle as { verificationMaterial: { certificate: { rawBytes: string } } })
    .verificationMaterial.certificate;
  const { extensions } = readCertificate(base64(rawBytes, 'the certificate'));
  const extension = (wanted: string): Buffer | undefined =>
    extensions.find(({ oid }) => oid === wanted)?.value;
  const [name, ...others] = derSequence(extension(ALTERNATIVE_NAME) ?? Buffer.alloc(0));
  if (name === undefined || others.length > 0 || (name.tag !== MAIL && name.tag !== URI))
    throw unreadable('one name, which is an address of mail or a URI');
  const wrapped = extension(ISSUER);
  const issuer = wrapped === undefined ? extension(ISSUER_V1) : derElements(wrapped)[0]?.content;
  if (issuer === undefined) throw unreadable('who vouched for the identity');
  return { issuer: utf8(issuer), identity: utf8(name.content) };
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PaddockError('malformed', 'the certificate names its signer in no readable text', { cause });
  }
}

function unreadable(expected: string): PaddockError {
  return new PaddockError('malformed', 'the certificate does not say who signed', { expected });
}
