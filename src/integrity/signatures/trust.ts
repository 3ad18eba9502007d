import { X509Certificate } from 'node:crypto';
import * as v from 'valibot';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { type PublicKey, parsePublicKey } from './keys.ts';

/** What a signer's word counts for. */
export const PURPOSES = ['signature', 'approval', 'baseline'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** Whose trust store an entry is in. */
export type Anchor = 'system' | 'user';

/** Names are shown, typed and compared; nothing in them needs escaping. */
export const NAME_RULE = /^[A-Za-z0-9][\w.@+-]{0,63}$/;

const text = (most: number) => v.pipe(v.string(), v.minLength(1), v.maxLength(most));
const common = {
  /** What paddock calls the signer. */
  name: v.pipe(v.string(), v.regex(NAME_RULE, 'letters, digits and . _ @ + -, at most 64')),
  for: v.pipe(v.array(v.picklist(PURPOSES)), v.minLength(1), v.maxLength(PURPOSES.length)),
  added: v.pipe(v.string(), v.isoTimestamp()),
  /** After this moment nothing that the signer signed counts any more, whenever it was signed. */
  notAfter: v.optional(v.pipe(v.string(), v.isoTimestamp())),
};
const Entry = v.variant('kind', [
  v.strictObject({ kind: v.literal('minisign'), key: text(200), ...common }),
  v.strictObject({ kind: v.literal('ssh'), key: text(200), ...common }),
  v.strictObject({ kind: v.literal('key'), key: text(2000), ...common }),
  v.strictObject({ kind: v.literal('authority'), certificate: text(16_384), ...common }),
  v.strictObject({ kind: v.literal('identity'), issuer: text(1000), identity: text(1000), ...common }),
]);

/** One signer that somebody vouches for, as a trust store holds it. */
export type TrustEntry = v.InferOutput<typeof Entry>;

const TrustFile = v.strictObject({
  schema: v.literal('paddock/trust/v1'),
  entries: v.pipe(v.array(Entry), v.maxLength(1000)),
});

/** A signer of a trust store with what verifies its signatures. */
export type Signer = {
  readonly entry: TrustEntry;
  readonly anchor: Anchor;
} & (
  | { readonly kind: 'minisign' | 'ssh' | 'key'; readonly key: PublicKey }
  | { readonly kind: 'authority'; readonly certificate: X509Certificate }
  | { readonly kind: 'identity'; readonly issuer: string; readonly identity: string }
);

/** Everybody whose signatures count, of the system and of the user. */
export interface TrustStore {
  readonly signers: readonly Signer[];
  /** Decides about `notAfter` and about certificates. */
  readonly now: Date;
}

/** A signer's standing for one purpose. */
export interface Vouched {
  readonly state: 'trusted' | 'untrusted' | 'expired';
  /** The name in the trust store. */
  readonly signer: string;
  readonly anchor: Anchor;
  /** Why not trusted. */
  readonly reason?: string;
}

/**
 * What the trust stores say of a signer, who may be in both. Who has expired in one of them is expired: so an
 * administrator revokes what a user trusts. Undefined for a stranger.
 */
export function vouch(
  store: TrustStore,
  purpose: Purpose,
  matches: (signer: Signer) => boolean,
): Vouched | undefined {
  const found = store.signers.filter(matches);
  const expired = found.find(({ entry }) => isOver(entry, store.now));
  if (expired !== undefined) {
    const { entry, anchor } = expired;
    const reason = `${entry.name} has not been trusted since ${entry.notAfter ?? ''}`;
    return { state: 'expired', signer: entry.name, anchor, reason };
  }
  const fit = found.filter(({ entry }) => entry.for.includes(purpose));
  const best = fit.find(({ anchor }) => anchor === 'system') ?? fit[0];
  if (best !== undefined) return { state: 'trusted', signer: best.entry.name, anchor: best.anchor };
  const [other] = found;
  if (other === undefined) return undefined;
  const reason = `${other.entry.name} is trusted for ${other.entry.for.join(' and ')} only`;
  return { state: 'untrusted', signer: other.entry.name, anchor: other.anchor, reason };
}

function isOver({ notAfter }: TrustEntry, now: Date): boolean {
  return notAfter !== undefined && !(now.getTime() <= Date.parse(notAfter));
}

/**
 * The signers of a trust store's text.
 * @param where names the file in messages
 * @throws PaddockError `policy-invalid`: what decides about trust is right as a whole, or nothing of it counts.
 */
export function parseTrust(json: string, anchor: Anchor, where: string): Signer[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw damaged(where, cause instanceof Error ? cause.message : 'no JSON', cause);
  }
  const result = v.safeParse(TrustFile, value);
  if (!result.success) {
    const [issue] = result.issues;
    throw damaged(where, `${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`, undefined);
  }
  const { entries } = result.output;
  const twice = entries.find(
    ({ name }, index) => entries.findIndex((other) => other.name === name) !== index,
  );
  if (twice !== undefined) throw damaged(where, `two signers named ${twice.name}`, undefined);
  return entries.map((entry) => signerOf(entry, anchor, where));
}

/** The text of a trust store with these entries. */
export function writeTrust(entries: readonly TrustEntry[]): string {
  return `${JSON.stringify({ schema: 'paddock/trust/v1', entries }, null, 2)}\n`;
}

function signerOf(entry: TrustEntry, anchor: Anchor, where: string): Signer {
  try {
    switch (entry.kind) {
      case 'identity':
        return { kind: entry.kind, entry, anchor, issuer: entry.issuer, identity: entry.identity };
      case 'authority':
        return { kind: entry.kind, entry, anchor, certificate: new X509Certificate(entry.certificate) };
      default: {
        const key = parsePublicKey(entry.key);
        if (key.kind === entry.kind) return { kind: entry.kind, entry, anchor, key };
        throw new TypeError(`a key of kind ${key.kind}`);
      }
    }
  } catch (cause) {
    throw damaged(where, `${entry.name}: ${cause instanceof Error ? cause.message : 'no key'}`, cause);
  }
}

function damaged(where: string, found: string, cause: unknown): PaddockError {
  return new PaddockError('policy-invalid', 'the trust store is damaged', {
    where,
    expected: 'what `paddock trust` writes',
    found: escapeText(found),
    remedy: '`paddock trust` writes this file; correct it, or remove it and add the signers anew',
    ...(cause === undefined ? {} : { cause }),
  });
}
