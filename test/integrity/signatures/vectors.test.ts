import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { examineKeyless } from '../../../src/integrity/signatures/keyless.ts';
import {
  examineModelSignature,
  parseModelSignature,
} from '../../../src/integrity/signatures/model-signing.ts';
import type { Subject } from '../../../src/integrity/signatures/subject.ts';
import type { TrustStore } from '../../../src/integrity/signatures/trust.ts';
import { pem, trusting } from './signers.ts';

// The specification's own bundles: test/fixtures/oms/README.md.
const text = (name: string): Buffer =>
  readFileSync(new URL(`../../fixtures/oms/${name}.sig`, import.meta.url));
const json = (name: string) => JSON.parse(text(name).toString());
const chain: string[] = json('certificate').verificationMaterial.x509CertificateChain.certificates.map(
  ({ rawBytes }: { rawBytes: string }) =>
    `-----BEGIN CERTIFICATE-----\n${rawBytes.replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
);
const [leaf = '', authority = ''] = chain;

async function examine(name: string, store: TrustStore, file = 'signme-2') {
  const signed = parseModelSignature(text(name));
  const digest = signed.manifest.resources.find((one) => one.name === file)?.digest ?? '';
  const subject: Subject = {
    name: file,
    sizeBytes: 1,
    digest: async () => Buffer.from(digest, 'hex'),
    shards: async () => [],
    whole: () => undefined,
  };
  return examineModelSignature(signed, subject, store);
}

it('key: P-384 with SHA-384, named by the digest of its PEM', async () => {
  // Both vectors were made with one key: that of the certificate.
  const store = trusting({ key: pem(new X509Certificate(leaf).publicKey) });
  expect(await examine('key', store)).toMatchObject({ state: 'trusted', covers: 'a manifest of 2 files' });
  expect(await examine('key', store, 'other')).toMatchObject({ state: 'invalid' });
  expect(await examine('key', trusting())).toMatchObject({
    state: 'untrusted',
    signer: expect.stringContaining('e8450dec4eb99dae'),
  });
});

it('certificate', async () => {
  expect(await examine('certificate', trusting({ certificate: authority }))).toMatchObject({
    state: 'trusted',
  });
  expect(await examine('certificate', trusting())).toMatchObject({ state: 'untrusted' });
});

it.each(['missing-tlog-entries', 'wrong-predicate'])('%s is refused', (name) => {
  expect(() => parseModelSignature(text(name))).toThrow(expect.objectContaining({ code: 'malformed' }));
});

describe('sigstore', () => {
  const unknown = examineKeyless(json('sigstore'), trusting());
  const [, identity = '', issuer = ''] =
    /^(\S+) \((\S+)\)$/.exec('signer' in unknown ? (unknown.signer ?? '') : '') ?? [];

  it('is verified offline, and names its signer', async () => {
    expect(unknown).toMatchObject({ state: 'untrusted' });
    expect(issuer).toMatch(/^https:/);
    expect(identity).toMatch(/@/);
    expect(await examine('sigstore', trusting({ issuer, identity }))).toMatchObject({
      method: 'model-signing sigstore',
      state: 'trusted',
    });
  });

  it.each([
    ['a part of the identity', () => ({ issuer, identity: identity.slice(1) })],
    ['a longer identity', () => ({ issuer, identity: `${identity}.example.org` })],
    ['a pattern', () => ({ issuer, identity: '.*' })],
    ['another case', () => ({ issuer, identity: identity.toUpperCase() })],
    ['another issuer', () => ({ issuer: `${issuer}/`, identity })],
    ['an issuer that begins the same', () => ({ issuer: issuer.slice(0, -1), identity })],
  ])('is not trusted for %s', async (_, entry) => {
    expect(await examine('sigstore', trusting(entry()))).toMatchObject({ state: 'untrusted' });
  });

  it('has an end where the trust store says so', async () => {
    const store = trusting({ issuer, identity, notAfter: '2026-01-01T00:00:00.000Z' });
    expect(await examine('sigstore', store)).toMatchObject({ state: 'expired' });
  });

  it('is refused where something of it was changed', () => {
    const store = trusting({ issuer, identity });
    const change = (work: (bundle: ReturnType<typeof json>) => void) => {
      const changed = json('sigstore');
      work(changed);
      return examineKeyless(changed, store);
    };
    const payload = Buffer.from(JSON.stringify({ other: true })).toString('base64');
    for (const result of [
      change(({ dsseEnvelope }) => Object.assign(dsseEnvelope, { payload })),
      change(({ verificationMaterial }) => Object.assign(verificationMaterial, { tlogEntries: [] })),
      change(({ verificationMaterial: { tlogEntries } }) => delete tlogEntries[0].inclusionProof),
      change(({ verificationMaterial: { tlogEntries } }) =>
        Object.assign(tlogEntries[0], { integratedTime: '1' }),
      ),
      change(({ verificationMaterial: { tlogEntries } }) => tlogEntries[0].inclusionProof.hashes.pop()),
      change(({ verificationMaterial: { certificate } }) =>
        Object.assign(certificate, { rawBytes: new X509Certificate(leaf).raw.toString('base64') }),
      ),
    ]) {
      expect(result).toHaveProperty('invalid');
    }
  });

  it('is refused by a root that holds nothing', () => {
    const root = { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' };
    expect(examineKeyless(json('sigstore'), trusting({ issuer, identity }), root)).toHaveProperty('invalid');
  });
});
