import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { digestOf, minisignId, parsePublicKey, sshString } from '../../../src/integrity/signatures/keys.ts';
import type { Signer, TrustEntry, TrustStore } from '../../../src/integrity/signatures/trust.ts';
import { parseTrust, writeTrust } from '../../../src/integrity/signatures/trust.ts';
import { preAuthEncoding } from '../../../src/lib/dsse.ts';

// Signers of every form, written from the formats' own documents. `paddock sign` and the tools themselves are not used.

export const NOW = new Date('2026-11-23T12:00:00Z');
export type Curve = 'ed25519' | 'P-256' | 'P-384' | 'P-521';

export function keyPair(curve: Curve = 'ed25519'): {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
} {
  return curve === 'ed25519'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: curve });
}

export function pem(key: KeyObject): string {
  const shared = key.type === 'private' ? createPublicKey(key) : key;
  return shared.export({ type: 'spki', format: 'pem' }).toString();
}

/** Signs as a key of its kind does, or with another digest. */
export function signBytes(key: KeyObject, data: Buffer, digest?: string): Buffer {
  return sign(digest ?? digestOf(key) ?? null, data, key);
}

export interface MinisignSigner {
  readonly publicText: string;
  readonly id: string;
  readonly sign: (
    content: Buffer,
    options?: { readonly legacy?: boolean; readonly comment?: string },
  ) => Buffer;
}

export function minisignSigner(id = randomBytes(8)): MinisignSigner {
  const { publicKey, privateKey } = keyPair();
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12);
  return {
    publicText: Buffer.concat([Buffer.from('Ed'), id, raw]).toString('base64'),
    id: minisignId(id),
    sign: (content, { legacy = false, comment = 'timestamp:1 file:model' } = {}) => {
      const message = legacy ? content : createHash('blake2b512').update(content).digest();
      const signature = sign(null, message, privateKey);
      const body = Buffer.concat([Buffer.from(legacy ? 'Ed' : 'ED'), id, signature]).toString('base64');
      const global = sign(null, Buffer.concat([signature, Buffer.from(comment)]), privateKey).toString(
        'base64',
      );
      return Buffer.from(`untrusted comment: a test\n${body}\ntrusted comment: ${comment}\n${global}\n`);
    },
  };
}

export interface SshSigner {
  readonly publicText: string;
  readonly sign: (
    content: Buffer,
    options?: { readonly namespace?: string; readonly hash?: string },
  ) => Buffer;
}

export function sshSigner(): SshSigner {
  const { publicKey, privateKey } = keyPair();
  const type = Buffer.from('ssh-ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(12);
  const blob = Buffer.concat([sshString(type), sshString(raw)]);
  return {
    publicText: `ssh-ed25519 ${blob.toString('base64')}`,
    sign: (content, { namespace = 'file', hash = 'sha512' } = {}) => {
      const head = [Buffer.from(namespace), Buffer.alloc(0), Buffer.from(hash)].map(sshString);
      const digest = createHash(hash).update(content).digest();
      const raw = sign(null, Buffer.concat([Buffer.from('SSHSIG'), ...head, sshString(digest)]), privateKey);
      const wrapped = sshString(Buffer.concat([sshString(type), sshString(raw)]));
      const whole = Buffer.concat([Buffer.from('SSHSIG\0\0\0\x01'), sshString(blob), ...head, wrapped]);
      const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
      return Buffer.from(`-----BEGIN SSH SIGNATURE-----\n${lines.join('\n')}\n-----END SSH SIGNATURE-----\n`);
    },
  };
}

export interface Resource {
  readonly name: string;
  readonly digest: string;
  readonly algorithm: string;
}

export function resource(name: string, content: Buffer, algorithm = 'sha256'): Resource {
  const hash = createHash(algorithm === 'blake2b' ? 'blake2b512' : 'sha256');
  return { name, digest: hash.update(content).digest('hex'), algorithm };
}

/** One for each piece of the file. */
export function shards(name: string, content: Buffer, size: number): Resource[] {
  return Array.from({ length: Math.ceil(content.length / size) }, (_, index) => {
    const part = content.subarray(index * size, (index + 1) * size);
    return resource(`${name}:${index * size}:${index * size + part.length}`, part);
  });
}

/** The statement of a Model Signing 1.0 bundle. */
export function statement(
  resources: readonly Resource[],
  serialization: object = {},
): Record<string, unknown> {
  const root = createHash('sha256').update(
    Buffer.from(resources.map(({ digest }) => digest).join(''), 'hex'),
  );
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: root.digest('hex') } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      resources,
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ...serialization },
    },
  };
}

export interface BundleOptions {
  readonly payload: unknown;
  readonly key: KeyObject;
  readonly digest?: string;
  readonly material?: object;
  readonly more?: object;
}

/** A Model Signing bundle; by key unless other material is given. */
export function bundle({ payload, key, digest, material, more }: BundleOptions): Buffer {
  const bytes = Buffer.from(JSON.stringify(payload));
  const hint = createHash('sha256').update(pem(key)).digest('hex');
  const type = 'application/vnd.in-toto+json';
  return Buffer.from(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { tlogEntries: [], ...(material ?? { publicKey: { hint } }) },
      dsseEnvelope: {
        payload: bytes.toString('base64'),
        payloadType: type,
        signatures: [
          { sig: signBytes(key, preAuthEncoding(type, bytes), digest).toString('base64'), keyid: '' },
        ],
      },
      ...more,
    }),
  );
}

/** Parts of an entry of a trust store. */
export type EntryInput = Partial<Pick<TrustEntry, 'for' | 'notAfter'>> & { readonly name?: string } & (
    | { readonly key: string }
    | { readonly certificate: string }
    | { readonly issuer: string; readonly identity: string }
  );

export function entry(input: EntryInput): TrustEntry {
  const common = { name: 'ada', for: ['signature' as const], added: NOW.toISOString() };
  const kind =
    'key' in input ? parsePublicKey(input.key).kind : 'certificate' in input ? 'authority' : 'identity';
  return { ...common, kind, ...input } as TrustEntry;
}

/** A trust store as `paddock` reads one. */
export function trusting(...inputs: readonly (EntryInput | readonly Signer[])[]): TrustStore {
  const signers = inputs.flatMap((input) =>
    Array.isArray(input)
      ? (input as Signer[])
      : parseTrust(writeTrust([entry(input as EntryInput)]), 'user', 'a test'),
  );
  return { signers, now: NOW };
}

/** The same entries in the administrator's store. */
export function bySystem(...inputs: readonly EntryInput[]): Signer[] {
  return parseTrust(writeTrust(inputs.map(entry)), 'system', 'a test');
}
