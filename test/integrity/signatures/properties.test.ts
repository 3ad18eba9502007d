import fc from 'fast-check';
import { expect, it } from 'vitest';
import { signApproval } from '../../../src/integrity/signatures/approvals.ts';
import { certificate, SIGNS } from './certificate-writer.ts';
import { CONTENT, examined, NAME } from './folder.ts';
import {
  bundle,
  keyPair,
  minisignSigner,
  NOW,
  pem,
  resource,
  sshSigner,
  statement,
  trusting,
} from './signers.ts';

const minisign = minisignSigner();
const ssh = sshSigner();
const key = keyPair('P-256');
const own = keyPair();
const leaf = certificate({ name: 'leaf', usage: SIGNS, ca: true });
const store = trusting(
  { key: minisign.publicText },
  { name: 'ssh', key: ssh.publicText },
  { name: 'key', key: pem(key.publicKey) },
  { name: 'own', key: pem(own.publicKey), for: ['approval'] },
  { name: 'authority', certificate: leaf.pem },
);
const payload = statement([resource(NAME, CONTENT)]);
const material = { x509CertificateChain: { certificates: [{ rawBytes: leaf.der.toString('base64') }] } };
const keyless = { certificate: { rawBytes: leaf.der.toString('base64') }, tlogEntries: [{}] };
const approval = signApproval(
  {
    name: NAME,
    sha256: '0'.repeat(64),
    verdict: { standing: 'unknown', tier: 'C', findings: [] },
    policyDigest: '0'.repeat(64),
    who: 'a',
    when: NOW,
  },
  own.privateKey,
);
const OTHER = Buffer.from('other');
const SEEDS = [
  minisign.sign(OTHER),
  minisign.sign(OTHER, { legacy: true }),
  ssh.sign(OTHER),
  bundle({ payload: statement([resource(NAME, OTHER)]), key: key.privateKey }),
  bundle({ payload: { ...payload, subject: [] }, key: key.privateKey }),
  bundle({ payload: statement([resource(NAME, OTHER)]), key: leaf.privateKey, material }),
  bundle({ payload: statement([resource(NAME, OTHER)]), key: leaf.privateKey, material: keyless }),
  Buffer.from(JSON.stringify(approval)),
  Buffer.from(`${'0'.repeat(64)}  ${NAME}\n`),
];
const NAMES = [
  `${NAME}.minisig`,
  `${NAME}.sig`,
  'model.sig',
  'SHA256SUMS',
  'SHA256SUMS.minisig',
  'SHA256SUMS.txt',
  'SHA256SUMS.txt.sig',
  `${NAME}.paddock.json`,
];

const patch = fc.record({ at: fc.nat(4000), bytes: fc.uint8Array({ maxLength: 6 }), cut: fc.nat(6) });
const mutated = fc
  .tuple(fc.constantFrom(...SEEDS), fc.array(patch, { maxLength: 4 }))
  .map(([seed, patches]) =>
    patches.reduce(
      (bytes, { at, bytes: put, cut }) =>
        Buffer.concat([
          bytes.subarray(0, at % (bytes.length + 1)),
          put,
          bytes.subarray((at % (bytes.length + 1)) + cut),
        ]),
      seed,
    ),
  );
const anything = fc.oneof(
  mutated,
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);

// None of the seeds is for this content: nothing made of them may ever count.
it('whatever lies beside a file, it is told, and never trusted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom(...NAMES), anything, { maxKeys: 4 }), async (beside) => {
      const { signatures, approvals } = await examined({
        beside,
        store,
        required: ['signature', 'approval'],
      });
      for (const { state, file, reason = '' } of [...signatures, ...approvals]) {
        expect(['invalid', 'untrusted']).toContain(state);
        expect(file + reason).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }
    }),
    { numRuns: 400 },
  );
});
