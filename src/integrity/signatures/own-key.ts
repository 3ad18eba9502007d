import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PaddockError } from '../../lib/errors.ts';
import { makeFolders } from '../../lib/paths.ts';
import { escapeText } from '../../lib/text.ts';
import { isSupported } from './keys.ts';
import { type Ownership, readOwned } from './owned.ts';

const PRIVATE: Ownership = { what: 'the private key', forbidden: 0o077, others: 'read', chmod: 'go-rwx' };

/**
 * A private key (PEM, not encrypted; Ed25519 or one of the curves) from a file that nobody but `uid` and root can read.
 * Undefined where there is none.
 * @throws PaddockError `policy-invalid` for a file that others can read or write, or that is a link; `usage` for no such key.
 */
export function readPrivateKey(path: string, uid: number): KeyObject | undefined {
  const text = readOwned(path, uid, PRIVATE);
  if (text === undefined) return undefined;
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: text, format: 'pem' });
  } catch (cause) {
    // The error of OpenSSL says nothing of what the file holds.
    throw notAKey(path, 'something else, or an encrypted key', cause);
  }
  if (isSupported(key)) return key;
  throw notAKey(path, `a key of kind ${key.asymmetricKeyType}`);
}

/**
 * Makes a key (Ed25519) and writes it, mode 0600, in a folder of mode 0700. Never writes over a file.
 * @throws PaddockError `io`.
 */
export function makePrivateKey(path: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  try {
    makeFolders(dirname(path), 0o700);
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    throw new PaddockError('io', 'the new private key cannot be written', {
      where: path,
      found: escapeText(cause instanceof Error ? cause.message : String(cause)),
      remedy: 'choose a folder that can be written (XDG_CONFIG_HOME)',
      cause,
    });
  }
  return privateKey;
}

function notAKey(where: string, found: string, cause?: unknown): PaddockError {
  return new PaddockError('usage', 'this is no private key that paddock can sign with', {
    where,
    expected: 'PEM without a password: Ed25519, P-256, P-384 or P-521',
    found,
    remedy: 'openssl genpkey -algorithm ed25519 makes one; `paddock trust init` makes one of your own',
    ...(cause === undefined ? {} : { cause }),
  });
}
