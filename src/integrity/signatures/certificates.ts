import type { KeyObject, X509Certificate } from 'node:crypto';
import { escapeText } from '../../lib/text.ts';
import { derElements, derSequence, type Extension, readCertificate } from './der.ts';
import { isSupported } from './keys.ts';
import { type TrustStore, type Vouched, vouch } from './trust.ts';

/** Deeper chains than this are nobody's. */
export const MAX_CHAIN = 8;

/** Extensions by the content of their object identifiers: 2.5.29.x is 551dxx. Critical ones that are not here are refused. */
const BASIC_CONSTRAINTS = '551d13';
const KEY_USAGE = '551d0f';
const EXTENDED_KEY_USAGE = '551d25';
const ALTERNATIVE_NAME = '551d11';
const UNDERSTOOD = new Set([BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, ALTERNATIVE_NAME]);
/** 1.3.6.1.5.5.7.3.3, as X509Certificate.keyUsage tells it, which are the extended ones. */
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
/** Bits of KeyUsage (RFC 5280 §4.2.1.3), from the highest of the first byte. */
const DIGITAL_SIGNATURE = 0x80;
const CERTIFICATE_SIGN = 0x04;

/** Algorithms of certificate signatures, by content of their object identifiers: no MD5, no SHA-1. */
const ALGORITHMS = new Set([
  '2a8648ce3d040302', // ecdsa-with-SHA256
  '2a8648ce3d040303', // ecdsa-with-SHA384
  '2a8648ce3d040304', // ecdsa-with-SHA512
  '2a864886f70d01010b', // sha256WithRSAEncryption
  '2a864886f70d01010c', // sha384WithRSAEncryption
  '2a864886f70d01010d', // sha512WithRSAEncryption
  '2b6570', // Ed25519
]);
const LEAST_RSA_BITS = 2048;

/**
 * Whether a chain of certificates, the signer's first and each issued by the next, leads to an authority that a trust store
 * holds, and may sign files: validity, usage and length of the chain are checked (RFC 5280 §6). What has other critical
 * extensions, name constraints among them, is refused; lists of revoked certificates are not asked.
 * @throws PaddockError `malformed` for certificates that cannot be read.
 */
export function examineChain(
  chain: readonly X509Certificate[],
  store: TrustStore,
): Omit<Vouched, 'anchor'> & Partial<Vouched> {
  const [leaf] = chain;
  const signer = leaf === undefined ? '' : subjectOf(leaf);
  if (leaf === undefined || chain.length > MAX_CHAIN)
    return { state: 'untrusted', signer, reason: `its chain is longer than ${MAX_CHAIN}` };
  const unfit = leafProblem(leaf);
  if (unfit !== undefined) return { state: 'untrusted', signer, reason: unfit };
  for (const [index, certificate] of chain.entries()) {
    const vouched = vouchedFor(certificate, index, store);
    if (vouched !== undefined) return byAuthority(vouched, signer, chain.slice(0, index + 1), store);
    const next = chain[index + 1];
    if (next === undefined || !issued(next, certificate, index)) break;
  }
  return { state: 'untrusted', signer, reason: 'no trusted authority issued its certificate' };
}

// Of an authority's old certificate and its new one, the one that is valid now.
function vouchedFor(certificate: X509Certificate, below: number, store: TrustStore): Vouched | undefined {
  const [now, ever] = [true, false].map(
    (mustBeValid) => () =>
      vouch(
        store,
        'signature',
        (one) =>
          one.kind === 'authority' &&
          !(mustBeValid && validityProblem(one.certificate, store.now) !== undefined) &&
          issued(one.certificate, certificate, below),
      ),
  );
  return now?.() ?? ever?.();
}

function byAuthority(
  vouched: Vouched,
  signer: string,
  path: readonly X509Certificate[],
  store: TrustStore,
): Vouched {
  const named = { ...vouched, signer: `${signer} by ${vouched.signer}` };
  if (vouched.state !== 'trusted') return named;
  const authority = store.signers.flatMap((one) =>
    one.kind === 'authority' && one.entry.name === vouched.signer && one.anchor === vouched.anchor
      ? [one.certificate]
      : [],
  );
  const stale = [...path, ...authority]
    .map((certificate) => validityProblem(certificate, store.now))
    .find((problem) => problem !== undefined);
  return stale === undefined ? named : { ...named, state: 'expired', reason: stale };
}

/** `below`: certificates of the chain between this authority and the signer's own. */
function issued(issuer: X509Certificate, certificate: X509Certificate, below: number): boolean {
  // The names first: they cost nothing.
  if (!issuer.ca || !certificate.checkIssued(issuer) || !isStrong(issuer.publicKey)) return false;
  const { extensions } = readCertificate(issuer.raw);
  if (hasUnknown(extensions) || !mayIssue(extensions) || longest(extensions) < below) return false;
  return ALGORITHMS.has(readCertificate(certificate.raw).algorithm) && certificate.verify(issuer.publicKey);
}

function isStrong(key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa') return isSupported(key);
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) >= LEAST_RSA_BITS;
}

function leafProblem(leaf: X509Certificate): string | undefined {
  const { extensions } = readCertificate(leaf.raw);
  if (hasUnknown(extensions)) return 'its certificate has a critical extension that paddock does not know';
  if (!isSupported(leaf.publicKey)) return 'its certificate is for a kind of key that is not supported';
  const usage = keyUsage(extensions);
  // Node types it as always there; it is undefined where the certificate has none.
  const extended = leaf.keyUsage as string[] | undefined;
  const mayCode = extended?.includes(CODE_SIGNING) ?? false;
  if (
    usage === undefined ? mayCode : (usage & DIGITAL_SIGNATURE) !== 0 && (extended === undefined || mayCode)
  )
    return undefined;
  return 'its certificate is not for signing: key usage digitalSignature, extended key usage code signing';
}

function validityProblem(certificate: X509Certificate, now: Date): string | undefined {
  const time = now.getTime();
  if (time >= Date.parse(certificate.validFrom) && time <= Date.parse(certificate.validTo)) return undefined;
  return `the certificate of ${subjectOf(certificate)} is valid from ${certificate.validFrom} to ${certificate.validTo}`;
}

function subjectOf({ subject }: X509Certificate): string {
  return escapeText((subject as string | undefined)?.split('\n').join(', ') ?? 'no name', 100);
}

function hasUnknown(extensions: readonly Extension[]): boolean {
  return extensions.some(({ oid, critical }) => critical && !UNDERSTOOD.has(oid));
}

function mayIssue(extensions: readonly Extension[]): boolean {
  const usage = keyUsage(extensions);
  return usage === undefined || (usage & CERTIFICATE_SIGN) !== 0;
}

// A bit string: how many bits of its last byte do not count, then the bits.
function keyUsage(extensions: readonly Extension[]): number | undefined {
  const found = extensions.find(({ oid }) => oid === KEY_USAGE);
  return found === undefined ? undefined : (derElements(found.value)[0]?.content[1] ?? 0);
}

// BasicConstraints: cA, then how many authorities may stand below it; without the number, any.
function longest(extensions: readonly Extension[]): number {
  const found = extensions.find(({ oid }) => oid === BASIC_CONSTRAINTS);
  if (found === undefined) return Number.POSITIVE_INFINITY;
  const length = derSequence(found.value)[1];
  return length === undefined
    ? Number.POSITIVE_INFINITY
    : Number.parseInt(length.content.toString('hex') || '0', 16);
}
