import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { base64, minisignId, verifyBytes } from './keys.ts';
import type { Examined } from './seen.ts';
import type { Algorithm, Subject } from './subject.ts';
import { type TrustStore, vouch } from './trust.ts';

/** A minisign signature file (jedisct1.github.io/minisign, "Signature format"). */
export interface Minisign {
  /** `Ed`: over the content itself; `ED`: over its BLAKE2b-512. */
  readonly prehashed: boolean;
  readonly keyId: string;
  readonly signature: Buffer;
  readonly trustedComment: Buffer;
  /** Over signature and trusted comment. */
  readonly global: Buffer;
}

const SIGNATURE_BYTES = 64;
const UNTRUSTED = 'untrusted comment: ';
const TRUSTED = 'trusted comment: ';

/** @throws PaddockError `malformed` for anything but the four lines. */
export function parseMinisign(bytes: Buffer): Minisign {
  const lines = bytes
    .toString('latin1')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
  const [untrusted = '', body = '', trusted = '', global = ''] = lines;
  if (lines.length !== 4 || !untrusted.startsWith(UNTRUSTED) || !trusted.startsWith(TRUSTED)) {
    throw new PaddockError('malformed', 'this is no minisign signature', {
      expected: 'four lines: untrusted comment, signature, trusted comment, global signature',
      found: `${lines.length} ${lines.length === 1 ? 'line' : 'lines'}`,
    });
  }
  const raw = base64(body, 'the signature');
  const algorithm = raw.toString('latin1', 0, 2);
  const last = base64(global, 'the global signature');
  if (raw.length !== 10 + SIGNATURE_BYTES || last.length !== SIGNATURE_BYTES || !/^E[dD]$/.test(algorithm)) {
    throw new PaddockError('malformed', 'this is no minisign signature', {
      expected: 'algorithm Ed or ED, a key id of 8 bytes, and signatures of 64 bytes',
      found: `${escapeText(algorithm)}, ${raw.length} and ${last.length} bytes`,
    });
  }
  return {
    prehashed: algorithm === 'ED',
    keyId: minisignId(raw.subarray(2, 10)),
    signature: raw.subarray(10),
    trustedComment: Buffer.from(trusted.slice(TRUSTED.length), 'latin1'),
    global: last,
  };
}

/** Digests that it takes to verify one. */
export function minisignNeeds({ prehashed }: Minisign): readonly Algorithm[] {
  return prehashed ? ['blake2b512'] : [];
}

/** Whether it is somebody's whom the user trusts, for these bytes. Key ids are no secret: only the key decides. */
export async function examineMinisign(
  minisign: Minisign,
  subject: Subject,
  store: TrustStore,
): Promise<Examined> {
  const found = { method: 'minisign', covers: 'the file', signer: `key ${minisign.keyId}` } as const;
  const candidates = store.signers.flatMap((signer) =>
    signer.kind === 'minisign' && signer.key.id === minisign.keyId ? [signer] : [],
  );
  if (candidates.length === 0)
    return { ...found, state: 'untrusted', reason: 'no trusted signer has this key' };
  const message = minisign.prehashed ? await subject.digest('blake2b512') : subject.whole();
  if (message === undefined) {
    return {
      ...found,
      state: 'untrusted',
      reason: 'it is of the old form, over the content itself, and the file is too long for that',
    };
  }
  const own = candidates.filter(({ key }) => verifyBytes(key.key, message, minisign.signature));
  const [signer] = own;
  if (signer === undefined)
    return { ...found, state: 'invalid', reason: 'the signature is not over this content' };
  const stamped = Buffer.concat([minisign.signature, minisign.trustedComment]);
  const whole = own.filter(({ key }) => verifyBytes(key.key, stamped, minisign.global));
  if (whole.length === 0) return { ...found, state: 'invalid', reason: 'its trusted comment was changed' };
  const vouched = vouch(store, 'signature', (one) => whole.some((other) => other === one));
  return vouched === undefined ? { ...found, state: 'untrusted' } : { ...found, ...vouched };
}
