import { createHash } from 'node:crypto';
import type { SIG } from '../../../src/integrity/catalogue/sig.ts';
import { CONTENT, examined, type FolderInput, NAME } from '../../integrity/signatures/folder.ts';
import { minisignSigner, sshSigner, trusting } from '../../integrity/signatures/signers.ts';
import type { CheckCases } from '../case.ts';
import { judged } from '../judged.ts';

const ada = minisignSigner();
const eve = minisignSigner();
const ssh = sshSigner();
const store = trusting({ key: ada.publicText }, { name: 'ssh', key: ssh.publicText });
const signed = ada.sign(CONTENT);
const OTHER = Buffer.from('other content');
const sums = (content: Buffer): string => `${createHash('sha256').update(content).digest('hex')}  ${NAME}\n`;

const beside =
  (files: FolderInput['beside'], input: Partial<FolderInput> = {}) =>
  async () =>
    judged(CONTENT, { signatures: await examined({ beside: files ?? {}, store, ...input }) });
const ended = trusting({ key: ada.publicText, notAfter: '2026-11-22T00:00:00.000Z' });

export const SIG_CASES: Readonly<Partial<Record<keyof typeof SIG, CheckCases>>> = {
  'SIG-001': {
    triggers: [
      { is: 'a minisign signature by a trusted key', judged: beside({ [`${NAME}.minisig`]: signed }) },
      {
        is: 'a list with a signature by a trusted key',
        judged: beside({
          SHA256SUMS: sums(CONTENT),
          'SHA256SUMS.sig': ssh.sign(Buffer.from(sums(CONTENT))),
        }),
      },
    ],
    almost: [
      { is: 'a signature by somebody else', judged: beside({ [`${NAME}.minisig`]: eve.sign(CONTENT) }) },
      { is: 'a list that nobody signed', judged: beside({ SHA256SUMS: sums(CONTENT) }) },
    ],
  },
  'SIG-002': {
    triggers: [
      { is: 'no signature, and the policy asks for one', judged: beside({}, { required: ['signature'] }) },
      {
        is: 'a signature, and the policy asks for an approval',
        judged: beside({ [`${NAME}.minisig`]: signed }, { required: ['approval'] }),
      },
    ],
    almost: [
      { is: 'no signature, and the policy asks for none', judged: beside({}) },
      {
        is: 'what the policy asks for',
        judged: beside({ [`${NAME}.minisig`]: signed }, { required: ['signature'] }),
      },
    ],
  },
  'SIG-003': {
    triggers: [
      {
        is: 'a signature of other content by a trusted key',
        judged: beside({ [`${NAME}.minisig`]: ada.sign(OTHER) }),
      },
      { is: 'a broken minisign file', judged: beside({ [`${NAME}.minisig`]: 'hello' }) },
      { is: 'a broken bundle', judged: beside({ [`${NAME}.sig`]: '{}' }) },
      {
        is: 'a list that a trusted key signed, with another digest',
        judged: beside({ SHA256SUMS: sums(OTHER), 'SHA256SUMS.minisig': ada.sign(Buffer.from(sums(OTHER))) }),
      },
    ],
    almost: [
      {
        is: 'a signature of other content by a stranger',
        judged: beside({ [`${NAME}.minisig`]: eve.sign(OTHER) }),
      },
      {
        is: 'something of no known form, under a name that many use',
        judged: beside({ [`${NAME}.sig`]: 'TUVVQ0lR' }),
      },
      {
        is: 'a signature by signify',
        judged: beside({ [`${NAME}.sig`]: `untrusted comment: x\n${'A'.repeat(100)}\n` }),
      },
      { is: 'an OpenPGP signature', judged: beside({ [`${NAME}.sig`]: '-----BEGIN PGP SIGNATURE-----\n' }) },
    ],
  },
  'SIG-004': {
    triggers: [
      {
        is: 'a key whose time is over',
        judged: beside({ [`${NAME}.minisig`]: signed }, { store: ended }),
      },
    ],
    almost: [
      {
        is: 'a key whose time ends tomorrow',
        judged: beside(
          { [`${NAME}.minisig`]: signed },
          { store: trusting({ key: ada.publicText, notAfter: '2026-11-24T00:00:00.000Z' }) },
        ),
      },
    ],
  },
  'SIG-005': {
    triggers: [{ is: 'a list with another digest', judged: beside({ SHA256SUMS: sums(OTHER) }) }],
    almost: [
      { is: 'a list with its digest', judged: beside({ 'SHA256SUMS.txt': sums(CONTENT) }) },
      {
        is: 'a list with another digest for another file',
        judged: beside({ SHA256SUMS: sums(OTHER).replace(NAME, 'other.llamafile') }),
      },
    ],
  },
};
