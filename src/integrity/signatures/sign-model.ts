import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { preAuthEncoding } from '../../lib/dsse.ts';
import { digestOf, keyHint } from './keys.ts';
import { PAYLOAD_TYPE } from './model-signing.ts';

/**
 * A Model Signing 1.0 bundle for one file, by key. Readers of other makers take the three curves; Ed25519, which the
 * specification leaves to Sigstore's registry of algorithms, is not taken by all.
 * @param name base name of the file @param sha256 of the whole file, hex
 */
export function signModel(name: string, sha256: string, key: KeyObject): string {
  const root = createHash('sha256').update(Buffer.from(sha256, 'hex')).digest('hex');
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name, digest: { sha256: root } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      resources: [{ name, digest: sha256, algorithm: 'sha256' }],
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: [] },
    },
  };
  const payload = Buffer.from(JSON.stringify(statement));
  const signature = sign(digestOf(key) ?? null, preAuthEncoding(PAYLOAD_TYPE, payload), key);
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: keyHint(createPublicKey(key)) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: PAYLOAD_TYPE,
      signatures: [{ sig: signature.toString('base64'), keyid: '' }],
    },
  };
  return `${JSON.stringify(bundle, null, 2)}\n`;
}
