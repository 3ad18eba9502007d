import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { base64, ed25519Key, sshId, sshRaw, sshString, verifyBytes } from './keys.ts';
import type { Examined } from './seen.ts';
import type { Algorithm, Subject } from './subject.ts';
import { type TrustStore, vouch } from './trust.ts';

/** A signature by `ssh-keygen -Y sign` (OpenSSH, PROTOCOL.sshsig). */
export interface SshSignature {
  /** In ssh's own form. */
  readonly publicKey: Buffer;
  readonly namespace: Buffer;
  readonly reserved: Buffer;
  readonly hash: 'sha256' | 'sha512';
  readonly signature: Buffer;
}

const MAGIC = Buffer.from('SSHSIG');
const BEGIN = '-----BEGIN SSH SIGNATURE-----';
const END = '-----END SSH SIGNATURE-----';
/** What `ssh-keygen -Y sign -n file` writes: a signature for a mail or a commit must not pass for one of a file. */
const NAMESPACE = 'file';
const SIGNATURE_BYTES = 64;

/** @throws PaddockError `malformed`. */
export function parseSshSignature(bytes: Buffer): SshSignature {
  const text = bytes.toString('latin1').trim();
  if (!text.startsWith(BEGIN) || !text.endsWith(END))
    throw malformed('an armoured SSH signature', 'no armour');
  const blob = base64(text.slice(BEGIN.length, -END.length).replaceAll(/[\r\n]/g, ''), 'the SSH signature');
  if (!blob.subarray(0, MAGIC.length).equals(MAGIC)) throw malformed('SSHSIG', blob.toString('latin1', 0, 6));
  const version = blob.length < 10 ? 0 : blob.readUInt32BE(MAGIC.length);
  if (version !== 1) throw malformed('version 1', `version ${version}`);
  const [fields, rest] = strings(blob.subarray(10), 5);
  const [publicKey, namespace, reserved, hashName, wrapped] = fields as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  if (rest.length > 0) throw malformed('nothing behind the signature', `${rest.length} bytes`);
  const hash = hashName.toString('latin1');
  if (hash !== 'sha256' && hash !== 'sha512') throw malformed('sha256 or sha512', hash);
  return { publicKey, namespace, reserved, hash, signature: wrapped };
}

/** Digests that it takes to verify one. */
export function sshNeeds({ hash }: SshSignature): readonly Algorithm[] {
  return [hash];
}

/** Whether it is valid for these bytes, and whether the user trusts its key, which it brings along. */
export async function examineSsh(ssh: SshSignature, subject: Subject, store: TrustStore): Promise<Examined> {
  const found = { method: 'ssh', covers: 'the file', signer: `key ${sshId(ssh.publicKey)}` } as const;
  const raw = sshRaw(ssh.publicKey);
  if (raw === undefined) {
    return {
      ...found,
      state: 'untrusted',
      reason: 'its key is not of the kind ssh-ed25519, the only one that is checked',
    };
  }
  const namespace = ssh.namespace.toString('latin1');
  if (namespace !== NAMESPACE) {
    return {
      ...found,
      state: 'invalid',
      reason: `it was made for "${escapeText(namespace, 40)}", not for a file (-n ${NAMESPACE})`,
    };
  }
  const message = Buffer.concat([
    MAGIC,
    ...[ssh.namespace, ssh.reserved, Buffer.from(ssh.hash), await subject.digest(ssh.hash)].map(sshString),
  ]);
  if (!verifyBytes(ed25519Key(raw), message, signatureOf(ssh))) {
    return { ...found, state: 'invalid', reason: 'the signature is not over this content' };
  }
  const id = sshId(ssh.publicKey);
  const vouched = vouch(store, 'signature', (one) => one.kind === 'ssh' && one.key.id === id);
  if (vouched !== undefined) return { ...found, ...vouched };
  return { ...found, state: 'untrusted', reason: 'no trusted signer has this key' };
}

function signatureOf({ signature }: SshSignature): Buffer {
  const [[type, raw], rest] = strings(signature, 2) as [[Buffer, Buffer], Buffer];
  if (type.toString('latin1') !== 'ssh-ed25519' || raw.length !== SIGNATURE_BYTES || rest.length > 0)
    throw malformed('a signature of the kind ssh-ed25519, 64 bytes', `${raw.length} bytes`);
  return raw;
}

/** RFC 4251 strings, and what is behind them. */
function strings(bytes: Buffer, count: number): [Buffer[], Buffer] {
  const found: Buffer[] = [];
  let rest = bytes;
  while (found.length < count) {
    const length = rest.length < 4 ? Number.POSITIVE_INFINITY : rest.readUInt32BE(0);
    if (length > rest.length - 4) throw malformed(`${count} fields`, `${found.length} and a part of one`);
    found.push(rest.subarray(4, 4 + length));
    rest = rest.subarray(4 + length);
  }
  return [found, rest];
}

function malformed(expected: string, found: string): PaddockError {
  return new PaddockError('malformed', 'this is no SSH signature', {
    expected,
    found: escapeText(found, 60),
  });
}
