import { createPublicKey, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { makePrivateKey, readPrivateKey } from '../integrity/signatures/own-key.ts';
import { changeTrust } from '../integrity/signatures/trust-file.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Context } from './context.ts';
import { ownKeyPath, trustPlaces } from './trust-places.ts';

/** The user's own key in their own trust store. */
export const OWN_NAME = 'own';

/**
 * The key to sign with: the one named, or the user's own, which is made where there is none, and trusted from then on.
 * @throws PaddockError `not-found`, and as `readPrivateKey`.
 */
export function signingKey(context: Context, named: string | undefined): KeyObject {
  if (named === undefined) {
    const own = ownKeyPath(context);
    const there = readPrivateKey(own, context.uid);
    if (there !== undefined) return there;
    const made = makePrivateKey(own);
    trustOwn(context, made);
    context.stderr.write(
      `paddock: made a signing key of your own: ${escapeText(own, 4096)}; keep it to yourself\n`,
    );
    return made;
  }
  const path = resolve(context.cwd, named);
  const key = readPrivateKey(path, context.uid);
  if (key !== undefined) return key;
  throw new PaddockError('usage', 'there is no such private key', { where: path, remedy: 'check the path' });
}

/**
 * As `signingKey`, for envelopes (DSSE).
 * @param what is signed, in messages: "approvals"
 * @throws PaddockError `usage` for a key that is not Ed25519
 */
export function ed25519SigningKey(context: Context, named: string | undefined, what: string): KeyObject {
  const key = signingKey(context, named);
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new PaddockError('usage', `${what} are signed with Ed25519 keys`, {
    expected: 'Ed25519',
    found: key.asymmetricKeyType ?? 'another key',
    remedy: 'leave --key out to use a key of your own, or make one: openssl genpkey -algorithm ed25519',
  });
}

/** Puts the user's own key into their trust store, for everything that it signs, unless it is there. */
export function trustOwn(context: Context, key: KeyObject): void {
  const entry = {
    kind: 'key' as const,
    name: OWN_NAME,
    key: publicPem(key),
    for: ['signature' as const, 'approval' as const, 'baseline' as const],
    added: context.now().toISOString(),
  };
  changeTrust(trustPlaces(context).user, 'user', context.uid, (entries) => {
    const others = entries.filter(({ name }) => name !== OWN_NAME);
    const there = entries.find(({ name }) => name === OWN_NAME);
    return there?.kind === 'key' && there.key === entry.key ? entries : [...others, entry];
  });
}

/** The public half, PEM. */
export function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}
