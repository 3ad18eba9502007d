import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { keyId } from '../../lib/dsse.ts';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';

/** A public key that a person gives: what it is, and its canonical text for a trust store. */
export interface PublicKey {
  readonly kind: 'minisign' | 'ssh' | 'key';
  /** One line for minisign (base64) and ssh (type and base64), PEM for others. */
  readonly text: string;
  readonly key: KeyObject;
  /** How people name it: minisign's key id, ssh's `SHA256:…`, else the SHA-256 (hex) of its DER. */
  readonly id: string;
}

/** Digest of an elliptic-curve signature: it follows the curve (Model Signing 1.0, algorithm registry). Ed25519 has its own. */
const DIGEST_OF_CURVE: Readonly<Record<string, string>> = {
  prime256v1: 'sha256',
  secp384r1: 'sha384',
  secp521r1: 'sha512',
};

/** RFC 8410: what stands before the 32 bytes of an Ed25519 public key in a SubjectPublicKeyInfo. */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const ED25519_BYTES = 32;
const SSH_TYPE = 'ssh-ed25519';

/**
 * A public key from its text: minisign's (with or without its comment line), an `ssh-ed25519` line, or PEM (Ed25519, P-256, P-384, P-521).
 * @throws PaddockError `usage` for anything else.
 */
export function parsePublicKey(text: string): PublicKey {
  const trimmed = text.trim();
  if (trimmed.startsWith('-----BEGIN PUBLIC KEY-----')) return pemKey(trimmed);
  if (trimmed.startsWith(`${SSH_TYPE} `)) return sshKey(trimmed);
  const lines = trimmed.split(/\r?\n/);
  if (lines.length === 1 || (lines.length === 2 && lines[0]?.startsWith('untrusted comment:')))
    return minisignKey(lines.at(-1) ?? '');
  throw notAKey(trimmed);
}

/** An Ed25519 key from its 32 bytes. */
export function ed25519Key(raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([ED25519_SPKI, raw]), format: 'der', type: 'spki' });
}

/** Whether a signature by this key may be looked at: Ed25519 and the three curves. */
export function isSupported(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ed25519' || digestOf(key) !== undefined;
}

/** Whether `signature` is this key's over `data`. A key of another kind verifies nothing. */
export function verifyBytes(key: KeyObject, data: Buffer, signature: Buffer): boolean {
  if (key.asymmetricKeyType === 'ed25519') return verify(null, data, key, signature);
  const digest = digestOf(key);
  return digest !== undefined && verify(digest, data, key, signature);
}

/** Name of the digest that signatures of this elliptic-curve key use. */
export function digestOf(key: KeyObject): string | undefined {
  if (key.asymmetricKeyType !== 'ec') return undefined;
  return DIGEST_OF_CURVE[key.asymmetricKeyDetails?.namedCurve ?? ''];
}

/** How Model Signing bundles name a key: SHA-256 (hex) of its PEM (model_signing 1.1, sign_ec_key.py). */
export function keyHint(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ format: 'pem', type: 'spki' }))
    .digest('hex');
}

/**
 * Bytes of base64 text, which must be what these bytes are written as: no other character, no missing padding.
 * @throws PaddockError `malformed`.
 */
export function base64(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (text !== '' && bytes.toString('base64') === text) return bytes;
  throw new PaddockError('malformed', `${what} is not base64`, {
    expected: 'base64 with its padding',
    found: escapeText(text, 60) || 'nothing',
  });
}

function pemKey(text: string): PublicKey {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: text, format: 'pem' });
  } catch (cause) {
    throw notAKey(text, cause);
  }
  if (!isSupported(key)) {
    throw new PaddockError('usage', 'keys of this kind are not supported', {
      expected: 'Ed25519, or an elliptic curve: P-256, P-384, P-521',
      found: `${key.asymmetricKeyType} ${key.asymmetricKeyDetails?.namedCurve ?? ''}`.trim(),
      remedy: 'sign with a key of one of these kinds',
    });
  }
  return { kind: 'key', text: key.export({ format: 'pem', type: 'spki' }).toString(), key, id: keyId(key) };
}

const MINISIGN_KEY_BYTES = 42;

function minisignKey(line: string): PublicKey {
  const bytes = Buffer.from(line, 'base64');
  const whole = bytes.length === MINISIGN_KEY_BYTES && bytes.toString('base64') === line;
  if (!whole || bytes.toString('latin1', 0, 2) !== 'Ed') throw notAKey(line);
  return {
    kind: 'minisign',
    text: line,
    key: ed25519Key(bytes.subarray(10)),
    id: minisignId(bytes.subarray(2, 10)),
  };
}

/** A key id as minisign prints it: the number whose little-endian bytes these are, in upper-case hex. */
export function minisignId(bytes: Buffer): string {
  return Buffer.from(bytes).reverse().toString('hex').toUpperCase();
}

function sshKey(line: string): PublicKey {
  const blob = Buffer.from(line.split(/\s+/)[1] ?? '', 'base64');
  const raw = sshRaw(blob);
  if (raw === undefined) throw notAKey(line);
  return {
    kind: 'ssh',
    text: `${SSH_TYPE} ${blob.toString('base64')}`,
    key: ed25519Key(raw),
    id: sshId(blob),
  };
}

/** The 32 bytes of an Ed25519 key in ssh's own form; undefined for every other form. */
export function sshRaw(blob: Buffer): Buffer | undefined {
  const head = Buffer.concat([sshString(Buffer.from(SSH_TYPE)), uint32(ED25519_BYTES)]);
  if (blob.length !== head.length + ED25519_BYTES || !blob.subarray(0, head.length).equals(head))
    return undefined;
  return blob.subarray(head.length);
}

/** `SHA256:…`, as ssh-keygen prints a key. */
export function sshId(blob: Buffer): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** RFC 4251 §5: a string behind its length. */
export function sshString(bytes: Buffer): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function notAKey(text: string, cause?: unknown): PaddockError {
  return new PaddockError('usage', 'this is no public key', {
    expected: 'a minisign key (RW…), an ssh-ed25519 line, or PEM: BEGIN PUBLIC KEY, BEGIN CERTIFICATE',
    found: text.includes('PRIVATE KEY') ? 'a private key' : escapeText(text.slice(0, 60)) || 'nothing',
    remedy: 'give the key itself, or the path of the file that holds it',
    ...(cause === undefined ? {} : { cause }),
  });
}
