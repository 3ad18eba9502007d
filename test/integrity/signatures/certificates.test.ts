import { describe, expect, it } from 'vitest';
import { type CertificateInput, certificate, ISSUES, type Issued, SIGNS } from './certificate-writer.ts';
import { CONTENT, examined, NAME } from './folder.ts';
import { bundle, type EntryInput, resource, statement, trusting } from './signers.ts';

const root = certificate({ name: 'root', ca: true, usage: ISSUES });
const LEAF: CertificateInput = { name: 'signer', issuer: root, usage: SIGNS, extended: ['code'] };
const below = (issuer: Issued, more: Partial<CertificateInput> = {}): CertificateInput => ({
  ...LEAF,
  issuer,
  ...more,
});

async function seen(chain: readonly Issued[], authority: Issued = root, more: Partial<EntryInput> = {}) {
  const [leaf] = chain;
  if (leaf === undefined) throw new Error('no chain');
  const certificates = chain.map(({ der }) => ({ rawBytes: der.toString('base64') }));
  const content = bundle({
    payload: statement([resource(NAME, CONTENT)]),
    key: leaf.privateKey,
    material: { x509CertificateChain: { certificates } },
  });
  const store = trusting({ certificate: authority.pem, name: 'authority', ...more } as EntryInput);
  const { signatures } = await examined({ beside: { [`${NAME}.sig`]: content }, store });
  expect(signatures).toHaveLength(1);
  return signatures[0];
}

describe('a certificate counts', () => {
  it.each([
    ['of the authority itself', () => [certificate(LEAF)]],
    ['with its authority in the chain', () => [certificate(LEAF), root]],
    ['without extended usage', () => [certificate({ name: 'signer', issuer: root, usage: SIGNS })]],
    ['with extended usage alone', () => [certificate({ name: 'signer', issuer: root, extended: ['code'] })]],
    ['of P-384, and of Ed25519', () => [certificate({ ...LEAF, curve: 'P-384' })]],
    [
      'behind another authority',
      () => {
        const middle = certificate({
          name: 'middle',
          issuer: root,
          ca: true,
          usage: ISSUES,
          pathLength: 0,
          curve: 'P-384',
        });
        return [certificate(below(middle)), middle, root];
      },
    ],
  ])('%s', async (_, chain) => {
    expect(await seen(chain())).toMatchObject({
      method: 'model-signing certificate',
      state: 'trusted',
      signer: 'CN=signer by authority',
    });
  });
});

describe('a certificate does not count', () => {
  const stranger = certificate({ name: 'root', ca: true, usage: ISSUES });
  const noAuthority = certificate({ name: 'middle', issuer: root, usage: SIGNS, extended: ['code'] });
  const mayNotIssue = certificate({ name: 'middle', issuer: root, ca: true, usage: SIGNS });
  const last = certificate({ name: 'last', issuer: root, ca: true, usage: ISSUES, pathLength: 0 });
  const deeper = certificate({ name: 'deeper', issuer: last, ca: true, usage: ISSUES });
  const odd = certificate({ name: 'odd', issuer: root, ca: true, usage: ISSUES, odd: true });

  it.each([
    ['of another authority of the same name', [certificate(below(stranger))]],
    ['of another authority, with the trusted one behind it', [certificate(below(stranger)), stranger, root]],
    ['that signed itself', [certificate({ ...LEAF, issuer: undefined } as never)]],
    ['issued by one that is no authority', [certificate(below(noAuthority)), noAuthority]],
    ['issued by an authority that may not', [certificate(below(mayNotIssue)), mayNotIssue]],
    ['too deep below one that allows no more', [certificate(below(deeper)), deeper, last]],
    ['below an authority with a condition that nobody knows', [certificate(below(odd)), odd]],
    ['with a condition that nobody knows', [certificate({ ...LEAF, odd: true })]],
    ['made for servers', [certificate({ ...LEAF, extended: ['server'] })]],
    ['that may not sign', [certificate({ ...LEAF, usage: ISSUES })]],
    ['with no usage at all', [certificate({ name: 'signer', issuer: root })]],
  ])('%s', async (_, chain) => {
    expect(await seen(chain)).toMatchObject({ state: 'untrusted' });
  });

  it.each([
    ['not yet', { from: '20261201000000Z' }],
    ['any more', { to: '20261122000000Z' }],
  ])('%s', async (_, times) => {
    expect(await seen([certificate({ ...LEAF, ...times })])).toMatchObject({ state: 'expired' });
    const middle = certificate({ name: 'middle', issuer: root, ca: true, usage: ISSUES, ...times });
    expect(await seen([certificate(below(middle)), middle])).toMatchObject({ state: 'expired' });
    const authority = certificate({ name: 'root', ca: true, usage: ISSUES, ...times });
    expect(await seen([certificate(below(authority))], authority)).toMatchObject({ state: 'expired' });
  });

  it('of an authority whose trust has ended', async () => {
    const more = { notAfter: '2026-01-01T00:00:00.000Z' };
    expect(await seen([certificate(LEAF)], root, more)).toMatchObject({ state: 'expired' });
  });

  it('whose key did not sign', async () => {
    const [own, other] = [certificate(LEAF), certificate(LEAF)];
    expect(await seen([{ ...own, privateKey: other.privateKey }])).toMatchObject({ state: 'invalid' });
  });

  it('in a chain without end', async () => {
    const chain = [certificate(LEAF), ...Array.from({ length: 9 }, () => root)];
    expect(await seen(chain)).toMatchObject({ state: 'invalid' });
  });
});

it('of an authority that renewed its certificate, the one that is valid now counts', async () => {
  const old = certificate({ name: 'root', ca: true, usage: ISSUES, to: '20261001000000Z' });
  const renewed = certificate({ name: 'root', ca: true, usage: ISSUES, key: old.privateKey });
  const leaf = certificate(below(renewed));
  const content = bundle({
    payload: statement([resource(NAME, CONTENT)]),
    key: leaf.privateKey,
    material: { x509CertificateChain: { certificates: [{ rawBytes: leaf.der.toString('base64') }] } },
  });
  const store = trusting({ certificate: old.pem, name: 'old' }, { certificate: renewed.pem, name: 'new' });
  const { signatures } = await examined({ beside: { [`${NAME}.sig`]: content }, store });
  expect(signatures).toMatchObject([{ state: 'trusted', signer: 'CN=signer by new' }]);
});
