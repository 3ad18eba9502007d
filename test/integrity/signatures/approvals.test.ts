import { createHash, type KeyObject } from 'node:crypto';
import { expect, it } from 'vitest';
import { type ApprovalInput, signApproval } from '../../../src/integrity/signatures/approvals.ts';
import type { Verdict } from '../../../src/integrity/verdict.ts';
import { type Envelope, signEnvelope } from '../../../src/lib/dsse.ts';
import { CONTENT, examined, type FolderInput, NAME } from './folder.ts';
import { keyPair, NOW, pem, trusting } from './signers.ts';

const ada = keyPair();
const eve = keyPair();
const store = trusting({ key: pem(ada.publicKey), for: ['approval'] });
const sha256 = createHash('sha256').update(CONTENT).digest('hex');
const VERDICT: Verdict = { standing: 'unknown', tier: 'C', findings: [] };
const INPUT: ApprovalInput = {
  name: NAME,
  sha256,
  verdict: VERDICT,
  policyDigest: '0'.repeat(64),
  who: 'ada@example',
  when: NOW,
};

const approval = (key: KeyObject, more: Partial<ApprovalInput> = {}) =>
  signApproval({ ...INPUT, ...more }, key);
const bytes = (envelope: object): Buffer => Buffer.from(JSON.stringify(envelope));

async function only(envelope: Envelope | Buffer, more: Partial<FolderInput> = {}) {
  const content = Buffer.isBuffer(envelope) ? envelope : bytes(envelope);
  const { approvals } = await examined({ beside: { [`${NAME}.paddock.json`]: content }, store, ...more });
  expect(approvals).toHaveLength(1);
  return approvals[0];
}

it('counts, and says who and when', async () => {
  expect(await only(approval(ada.privateKey))).toMatchObject({
    method: 'approval',
    state: 'trusted',
    signer: 'ada',
    who: 'ada@example',
    when: NOW.toISOString(),
  });
});

it('counts under another name: content is approved', async () => {
  expect(await only(approval(ada.privateKey, { name: 'other' }))).toMatchObject({ state: 'trusted' });
});

it('is found in the folder of approvals, where the policy asks for one', async () => {
  const approvals = { [`${sha256}.json`]: bytes(approval(ada.privateKey)) };
  const asked = await examined({ approvals, store, required: ['approval'] });
  expect(asked.approvals).toMatchObject([{ state: 'trusted' }]);
  expect((await examined({ approvals, store })).approvals).toEqual([]);
});

it('does not count for other bytes: replayed, or changed after it', async () => {
  expect(await only(approval(ada.privateKey, { sha256: '1'.repeat(64) }))).toMatchObject({
    state: 'invalid',
  });
  const changed = Buffer.concat([CONTENT, Buffer.from('x')]);
  expect(await only(approval(ada.privateKey), { content: changed })).toMatchObject({ state: 'invalid' });
});

it('does not count by a key that nobody trusts, even under a trusted key’s id', async () => {
  expect(await only(approval(eve.privateKey))).toMatchObject({ state: 'untrusted' });
  const [good, bad] = [approval(ada.privateKey), approval(eve.privateKey)];
  const signatures = [{ keyid: good.signatures[0]?.keyid ?? '', sig: bad.signatures[0]?.sig ?? '' }];
  expect(await only({ ...bad, signatures })).toMatchObject({ state: 'invalid' });
});

it('does not count by a key that is trusted for signatures only', async () => {
  const signer = trusting({ key: pem(ada.publicKey) });
  expect(await only(approval(ada.privateKey), { store: signer })).toMatchObject({ state: 'untrusted' });
});

it('does not count with two signatures, though one is good', async () => {
  const [good, bad] = [approval(ada.privateKey), approval(eve.privateKey)];
  expect(await only({ ...good, signatures: [...good.signatures, ...bad.signatures] })).toMatchObject({
    state: 'invalid',
  });
});

it.each([
  ['another predicate', { predicateType: 'urn:example:other' }],
  ['two subjects', { subject: [1, 2].map(() => ({ name: NAME, digest: { sha256 } })) }],
  [
    'another digest beside the right one',
    { subject: [{ name: NAME, digest: { sha256, sha512: '0'.repeat(128) } }] },
  ],
  ['a digest in capitals', { subject: [{ name: NAME, digest: { sha256: sha256.toUpperCase() } }] }],
])('does not count with %s', async (_, change) => {
  const payload = JSON.parse(Buffer.from(approval(ada.privateKey).payload, 'base64').toString());
  const type = 'application/vnd.in-toto+json';
  const signed = signEnvelope(type, bytes({ ...payload, ...change }), [ada.privateKey]);
  expect(await only(signed)).toMatchObject({ state: 'invalid' });
});

it('does not count as signature, nor a signature as approval', async () => {
  const key = trusting({ key: pem(ada.publicKey), for: ['approval', 'signature'] });
  const { signatures } = await examined({
    beside: { [`${NAME}.sig`]: bytes(approval(ada.privateKey)) },
    store: key,
  });
  expect(signatures).toMatchObject([{ state: 'invalid' }]);
});
