import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { PaddockError } from './errors.ts';
import { escapeText } from './text.ts';

/** A signed envelope: DSSE 1.0 (github.com/secure-systems-lab/dsse), JSON form. */
export interface Envelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly EnvelopeSignature[];
}

export interface EnvelopeSignature {
  /** A hint, and never trusted: verification tries the keys that the caller has. */
  readonly keyid: string;
  /** Base64. */
  readonly sig: string;
}

export interface VerifiedEnvelope {
  readonly payload: Buffer;
  /** Those of the caller's keys whose signatures hold, in the caller's order; never empty. */
  readonly signers: readonly KeyObject[];
}

/** Longest text of an envelope that is read, in bytes. */
export const MAX_ENVELOPE_BYTES = 64 * 1024 * 1024;
const MAX_SIGNATURES = 16;
const MAX_TYPE = 256;
const MAX_KEY_ID = 256;
/** An Ed25519 signature (RFC 8032). */
const SIGNATURE_BYTES = 64;

/**
 * Signs `payload` with every one of `keys`.
 * @param payloadType a media type; it is signed along, so that an envelope of one kind never passes for another
 * @param keys Ed25519 private keys, one or more
 * @throws PaddockError `internal` for keys of another kind
 */
export function signEnvelope(payloadType: string, payload: Buffer, keys: readonly KeyObject[]): Envelope {
  const message = preAuthEncoding(payloadType, payload);
  if (keys.length === 0) throw noKey('none');
  return {
    payloadType,
    payload: payload.toString('base64'),
    signatures: keys.map((key) => ({
      keyid: keyId(demandEd25519(key)),
      sig: sign(null, message, key).toString('base64'),
    })),
  };
}

/**
 * The payload, and who of `keys` signed it. All keys are tried with all signatures: key ids are hints.
 * @param keys Ed25519 public keys that the caller accepts
 * @throws PaddockError `untrusted` if the type is another one, or no signature is of one of the keys
 */
export function verifyEnvelope(
  envelope: Envelope,
  payloadType: string,
  keys: readonly KeyObject[],
): VerifiedEnvelope {
  if (envelope.payloadType !== payloadType) {
    throw new PaddockError('untrusted', 'what was signed is of another kind', {
      expected: payloadType,
      found: escapeText(envelope.payloadType),
    });
  }
  const payload = decode(envelope.payload, 'payload');
  const message = preAuthEncoding(payloadType, payload);
  const signatures = envelope.signatures.map(({ sig }) => decode(sig, 'signature'));
  const signers = keys.filter((key) => {
    demandEd25519(key);
    return signatures.some((each) => each.length === SIGNATURE_BYTES && verify(null, message, key, each));
  });
  if (signers.length > 0) return { payload, signers };
  throw new PaddockError('untrusted', 'no signature is of a key that is trusted here', {
    expected: keys.length === 0 ? 'a trusted key; there is none' : keys.map(keyId).join(', '),
    found: `signatures that name ${envelope.signatures.map(({ keyid }) => escapeText(keyid, 80) || 'no key').join(', ')}`,
    remedy:
      'ask the sender for the public key over a way that you trust, then `paddock trust add` it for this purpose',
  });
}

/**
 * An envelope from its JSON text.
 * @throws PaddockError `malformed` if it is none, `too-large` if it is longer than `limitBytes`
 */
export function parseEnvelope(text: Buffer, limitBytes = MAX_ENVELOPE_BYTES): Envelope {
  if (text.length > limitBytes) {
    throw new PaddockError('too-large', 'a signed envelope is too long', {
      expected: `at most ${limitBytes} bytes`,
      found: `${text.length} bytes`,
    });
  }
  return readEnvelope(parseJson(text));
}

/**
 * An envelope from parsed JSON, of which only the fields of an envelope are looked at.
 * @throws PaddockError `malformed` if it is none
 */
export function readEnvelope(value: unknown): Envelope {
  if (!isRecord(value)) throw notEnvelope('an object with payloadType, payload and signatures', typeof value);
  const { payloadType, payload, signatures } = value;
  if (typeof payloadType !== 'string' || payloadType === '' || payloadType.length > MAX_TYPE) {
    throw notEnvelope('payloadType: a media type', typeof payloadType);
  }
  if (typeof payload !== 'string') throw notEnvelope('payload: base64', typeof payload);
  if (!Array.isArray(signatures) || signatures.length === 0 || signatures.length > MAX_SIGNATURES) {
    throw notEnvelope(
      `1 to ${MAX_SIGNATURES} signatures`,
      Array.isArray(signatures) ? `${signatures.length}` : typeof signatures,
    );
  }
  return { payloadType, payload, signatures: signatures.map(asSignature) };
}

/** What is signed: `DSSEv1 <length of type> <type> <length of payload> <payload>`, so that no two pairs look alike. */
export function preAuthEncoding(payloadType: string, payload: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Name of a key: SHA-256 (hex) of the public key's SubjectPublicKeyInfo in DER. */
export function keyId(key: KeyObject): string {
  const shared = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(shared.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function demandEd25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw noKey(key.asymmetricKeyType ?? key.type);
}

function noKey(found: string): PaddockError {
  return new PaddockError('internal', 'envelopes are signed with Ed25519 keys', {
    expected: 'ed25519',
    found,
  });
}

function asSignature(value: unknown): EnvelopeSignature {
  const { keyid = '', sig } = isRecord(value) ? value : {};
  if (typeof keyid !== 'string' || keyid.length > MAX_KEY_ID || typeof sig !== 'string') {
    throw notEnvelope('signatures of { keyid, sig }', typeof value);
  }
  return { keyid, sig };
}

// Both alphabets are allowed by DSSE. Node ignores what is not base64, so the text is checked first.
function decode(text: string, what: string): Buffer {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw notEnvelope(`a ${what} in base64`, 'other characters');
  return Buffer.from(text, 'base64');
}

function parseJson(text: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    throw new PaddockError('malformed', 'a signed envelope is not JSON', { expected: 'JSON text', cause });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notEnvelope(expected: string, found: string): PaddockError {
  return new PaddockError('malformed', 'this is no signed envelope (DSSE)', { expected, found });
}
