import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CONTENT, examined, type FolderInput, NAME } from './folder.ts';
import {
  bundle,
  bySystem,
  keyPair,
  minisignSigner,
  pem,
  resource,
  shards,
  sshSigner,
  statement,
  trusting,
} from './signers.ts';

const OTHER = Buffer.from('other content');
const ada = minisignSigner();
const ssh = sshSigner();

async function only(input: FolderInput) {
  const { signatures } = await examined(input);
  expect(signatures).toHaveLength(1);
  return signatures[0];
}

describe('minisign', () => {
  const store = trusting({ key: ada.publicText });
  const seen = (content: Buffer | string) => only({ beside: { [`${NAME}.minisig`]: content }, store });

  it('counts, prehashed and legacy', async () => {
    for (const legacy of [false, true]) {
      expect(await seen(ada.sign(CONTENT, { legacy }))).toMatchObject({
        method: 'minisign',
        state: 'trusted',
        signer: 'ada',
        anchor: 'user',
      });
    }
  });

  it('is not taken from another file', async () => {
    expect(await seen(ada.sign(OTHER))).toMatchObject({ state: 'invalid' });
  });

  it('is not taken with another trusted comment, or with that of another signature', async () => {
    const text = ada.sign(CONTENT, { comment: 'version 1' }).toString();
    expect(await seen(text.replace('version 1', 'version 2'))).toMatchObject({ state: 'invalid' });
    const other = ada.sign(CONTENT, { comment: 'version 2', legacy: true }).toString().split('\n');
    const swapped = [...text.split('\n').slice(0, 2), ...other.slice(2)].join('\n');
    expect(await seen(swapped)).toMatchObject({
      state: 'invalid',
      reason: expect.stringContaining('comment'),
    });
  });

  it('is not taken by the key id alone', async () => {
    const id = Buffer.from('12345678');
    const [own, forger] = [minisignSigner(id), minisignSigner(id)];
    const found = await only({
      beside: { [`${NAME}.minisig`]: forger.sign(CONTENT) },
      store: trusting({ key: own.publicText }),
    });
    expect(found).toMatchObject({ state: 'invalid' });
  });

  it('made over the digest is none over the content, and the other way round', async () => {
    const digest = createHash('blake2b512').update(CONTENT).digest();
    const relabelled = (text: Buffer, from: string, to: string): string =>
      text.toString().replace(/^[A-Za-z0-9+/]{99,}=*$/m, (line) => {
        const raw = Buffer.from(line, 'base64');
        expect(raw.toString('latin1', 0, 2)).toBe(from);
        raw.write(to, 0, 'latin1');
        return raw.toString('base64');
      });
    expect(await seen(relabelled(ada.sign(CONTENT), 'ED', 'Ed'))).toMatchObject({ state: 'invalid' });
    // Legacy over the digest itself is the very signature that `ED` is made of: so minisign defines it.
    expect(await seen(relabelled(ada.sign(digest, { legacy: true }), 'Ed', 'ED'))).toMatchObject({
      state: 'trusted',
    });
  });
});

describe('ssh', () => {
  const store = trusting({ key: ssh.publicText });
  const seen = (content: Buffer) => only({ beside: { [`${NAME}.sig`]: content }, store });

  it('counts, with both digests', async () => {
    for (const hash of ['sha256', 'sha512'])
      expect(await seen(ssh.sign(CONTENT, { hash }))).toMatchObject({ method: 'ssh', state: 'trusted' });
  });

  it('is not taken from another file, another purpose, or another person', async () => {
    expect(await seen(ssh.sign(OTHER))).toMatchObject({ state: 'invalid' });
    expect(await seen(ssh.sign(CONTENT, { namespace: 'git' }))).toMatchObject({ state: 'invalid' });
    expect(await seen(sshSigner().sign(CONTENT))).toMatchObject({ state: 'untrusted' });
  });
});

describe('Model Signing, by key', () => {
  const { privateKey } = keyPair('P-384');
  const store = trusting({ key: pem(privateKey) });
  const own = [resource(NAME, CONTENT)];
  const seen = (content: Buffer, more: Partial<FolderInput> = {}) =>
    only({ beside: { [`${NAME}.sig`]: content }, store, ...more });

  it.each(['P-256', 'P-384', 'P-521', 'ed25519'] as const)('counts with a key of %s', async (curve) => {
    const { privateKey } = keyPair(curve);
    const found = await seen(bundle({ payload: statement(own), key: privateKey }), {
      store: trusting({ key: pem(privateKey) }),
    });
    expect(found).toMatchObject({
      method: 'model-signing key',
      state: 'trusted',
      covers: 'a manifest of 1 file',
    });
  });

  it('counts with pieces, with BLAKE2b, and as signature of a folder', async () => {
    const pieces = statement(shards(NAME, CONTENT, 1000), { method: 'shards', shard_size: 1000 });
    expect(await seen(bundle({ payload: pieces, key: privateKey }))).toMatchObject({ state: 'trusted' });
    const blake = statement([resource(NAME, CONTENT, 'blake2b')], { hash_type: 'blake2b' });
    expect(await seen(bundle({ payload: blake, key: privateKey }))).toMatchObject({ state: 'trusted' });
    const folder = bundle({ payload: statement([resource('a', OTHER), ...own]), key: privateKey });
    expect(await only({ beside: { 'model.sig': folder }, store })).toMatchObject({
      state: 'trusted',
      file: 'model.sig',
    });
  });

  it('counts with what older signers wrote', async () => {
    const text = bundle({
      payload: statement(own),
      key: privateKey,
      material: { publicKey: { rawBytes: 'AAAA', keyDetails: 'PKIX_ECDSA_P384_SHA_256' } },
    }).toString();
    expect(await seen(Buffer.from(text.replace('"keyid":""', '"keyid":null')))).toMatchObject({
      state: 'trusted',
    });
  });

  it('does not count where P-384 is hashed with SHA-256', async () => {
    expect(await seen(bundle({ payload: statement(own), key: privateKey, digest: 'sha256' }))).toMatchObject({
      state: 'invalid',
    });
  });

  it.each([
    ['other content', statement([resource(NAME, OTHER)])],
    ['another name', statement([resource('other.llamafile', CONTENT)])],
    ['a name that only ends the same', statement([resource(`x/${NAME}`, CONTENT)])],
    [
      'an algorithm that its digest is not of',
      statement([{ ...resource(NAME, CONTENT), algorithm: 'blake2b' }]),
    ],
    ['a digest of the wrong length', statement([{ ...resource(NAME, CONTENT), digest: 'ab' }])],
    ['the name twice', statement([...own, resource(NAME, OTHER)])],
    ['another root digest', { ...statement(own), subject: statement([resource('a', OTHER)]).subject }],
    [
      'two subjects',
      { ...statement(own), subject: [statement(own), statement(own)].flatMap((one) => one.subject) },
    ],
    ['another predicate', { ...statement(own), predicateType: 'https://example.org/other' }],
    ['no predicate', { ...statement(own), predicate: undefined }],
    ['pieces without their size', statement(shards(NAME, CONTENT, 1000), { method: 'shards' })],
    [
      'one piece missing',
      statement(shards(NAME, CONTENT, 1000).slice(1), { method: 'shards', shard_size: 1000 }),
    ],
    ['pieces of one byte', statement([resource(`${NAME}:0:1`, OTHER)], { method: 'shards', shard_size: 1 })],
  ])('does not count with %s', async (_, payload) => {
    expect(await seen(bundle({ payload, key: privateKey }))).toMatchObject({ state: 'invalid' });
  });

  it('says nothing of a file that a folder’s signature does not name', async () => {
    const folder = bundle({ payload: statement([resource('a', OTHER)]), key: privateKey });
    expect(await only({ beside: { 'model.sig': folder }, store })).toMatchObject({ state: 'untrusted' });
  });

  it('does not count with digests that are not checked', async () => {
    const payload = statement([{ ...resource(NAME, CONTENT), algorithm: 'blake3' }], { hash_type: 'blake3' });
    expect(await seen(bundle({ payload, key: privateKey }))).toMatchObject({ state: 'untrusted' });
  });

  it('does not count with two signatures, one of them bad, or with none', async () => {
    const good = JSON.parse(bundle({ payload: statement(own), key: privateKey }).toString());
    const bad = JSON.parse(bundle({ payload: statement(own), key: keyPair('P-384').privateKey }).toString());
    const both = [good, bad].flatMap((one) => one.dsseEnvelope.signatures);
    for (const signatures of [both, [...both].reverse(), []]) {
      const text = JSON.stringify({ ...good, dsseEnvelope: { ...good.dsseEnvelope, signatures } });
      expect(await seen(Buffer.from(text))).toMatchObject({ state: 'invalid' });
    }
  });

  it('does not count when its payload was exchanged, or is of another type', async () => {
    const good = JSON.parse(
      bundle({ payload: statement([resource(NAME, OTHER)]), key: privateKey }).toString(),
    );
    const payload = Buffer.from(JSON.stringify(statement(own))).toString('base64');
    for (const change of [{ payload }, { payloadType: 'application/json' }]) {
      const text = JSON.stringify({ ...good, dsseEnvelope: { ...good.dsseEnvelope, ...change } });
      expect(await seen(Buffer.from(text))).toMatchObject({ state: 'invalid' });
    }
  });

  it('is a stranger’s with another key, whatever its hint says', async () => {
    const { privateKey: other } = keyPair('P-256');
    expect(await seen(bundle({ payload: statement(own), key: other }))).toMatchObject({ state: 'untrusted' });
    const hint = createHash('sha256').update(pem(privateKey)).digest('hex');
    const lying = bundle({ payload: statement(own), key: other, material: { publicKey: { hint } } });
    expect(await seen(lying)).toMatchObject({ state: 'invalid' });
  });

  it.each([
    ['nothing', {}],
    ['two kinds of material', { publicKey: { hint: 'a' }, certificate: { rawBytes: 'AAAA' } }],
    ['a keyless certificate without log', { certificate: { rawBytes: 'AAAA' } }],
    ['a certificate that is none', { x509CertificateChain: { certificates: [{ rawBytes: 'AAAA' }] } }],
  ])('does not count with %s', async (_, material) => {
    expect(await seen(bundle({ payload: statement(own), key: privateKey, material }))).toMatchObject({
      state: 'invalid',
    });
  });
});

describe('lists of checksums', () => {
  const store = trusting({ key: ada.publicText });
  const line = (content: Buffer, name = NAME): string =>
    `${createHash('sha256').update(content).digest('hex')}  ${name}\n`;
  const signed = (list: string) => ({ SHA256SUMS: list, 'SHA256SUMS.minisig': ada.sign(Buffer.from(list)) });
  const names = [
    'with space.llamafile',
    'a\\b.llamafile',
    'a\nb.llamafile',
    '*star.llamafile',
    ' lead.llamafile',
  ];

  it.each(names)('finds %j as sha256sum writes it', async (name) => {
    const escaped = name.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
    const list = `${escaped === name ? '' : '\\'}${line(CONTENT, escaped)}`;
    expect(await only({ name, beside: signed(list), store })).toMatchObject({
      state: 'trusted',
      method: 'minisign',
    });
    expect(await only({ name, beside: signed(list.replace('  ', ' *')), store })).toMatchObject({
      state: 'trusted',
    });
  });

  it('does not trust a list without a signature, or with a stranger’s', async () => {
    expect(await only({ beside: { SHA256SUMS: line(CONTENT) }, store })).toMatchObject({
      state: 'untrusted',
    });
    const list = line(CONTENT);
    const beside = { SHA256SUMS: list, 'SHA256SUMS.minisig': minisignSigner().sign(Buffer.from(list)) };
    expect(await only({ beside, store })).toMatchObject({ state: 'untrusted' });
  });

  it('does not trust a list that was changed, or contradicts itself', async () => {
    const beside = { ...signed(line(OTHER)), SHA256SUMS: line(CONTENT) };
    expect(await only({ beside, store })).toMatchObject({ state: 'invalid' });
    expect(await only({ beside: signed(line(OTHER) + line(CONTENT)), store })).toMatchObject({
      state: 'invalid',
    });
  });
});

describe('trust', () => {
  const beside = { [`${NAME}.minisig`]: ada.sign(CONTENT) };
  const key = ada.publicText;
  const past = '2026-01-01T00:00:00.000Z';

  it('is told by whose store it is, the system’s first', async () => {
    expect(await only({ beside, store: trusting({ key }, bySystem({ key, name: 'root' })) })).toMatchObject({
      state: 'trusted',
      signer: 'root',
      anchor: 'system',
    });
  });

  it('ends where one of the stores says so', async () => {
    const store = trusting({ key }, bySystem({ key, name: 'root', notAfter: past }));
    expect(await only({ beside, store })).toMatchObject({ state: 'expired', signer: 'root' });
  });

  it('is for what it was given', async () => {
    expect(await only({ beside, store: trusting({ key, for: ['approval'] }) })).toMatchObject({
      state: 'untrusted',
    });
  });
});

describe('a bundle that is meant to break its reader', () => {
  const filled = (filler: string) => {
    const text = JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: '' } },
      dsseEnvelope: { payloadType: 'x', payload: '', signatures: [{ sig: '', keyid: null }], more: 0 },
    });
    return text.replace('"more":0', `"more":${filler}`);
  };

  it.each([
    ['deeper than the stack', '['.repeat(9000) + ']'.repeat(9000)],
    ['deep and long', '['.repeat(1_000_000) + ']'.repeat(1_000_000)],
    ['of a million parts', `[${'{},'.repeat(1_000_000)}{}]`],
  ])('%s is told as no signature', async (_, filler) => {
    const found = await only({
      beside: { [`${NAME}.sig`]: filled(filler) },
      store: trusting({ key: ada.publicText }),
    });
    expect(found).toMatchObject({ state: 'invalid' });
  });
});
