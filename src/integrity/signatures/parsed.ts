import { examineMinisign, minisignNeeds, parseMinisign } from './minisign.ts';
import { examineModelSignature, modelNeeds, parseModelSignature } from './model-signing.ts';
import type { Examined } from './seen.ts';
import { examineSsh, parseSshSignature, sshNeeds } from './sshsig.ts';
import type { Subject, Wanted } from './subject.ts';
import type { TrustStore } from './trust.ts';

/** A signature of some form, ready to be examined. */
export interface Parsed {
  /** Digests of the subject that this takes. */
  readonly needs: Wanted;
  examine(subject: Subject, store: TrustStore): Promise<Examined>;
}

/**
 * Tells the form of a signature by its first bytes: names say little, `.sig` is used by all, and what has none of these
 * forms is no sign of something wrong.
 * @throws PaddockError `malformed` for what has a form and breaks it, and for a `.minisig`, whose name says its form.
 */
export function parseSignature(bytes: Buffer, name: string): Parsed {
  const head = bytes.toString('latin1', 0, HEAD_BYTES).trimStart();
  if (name.endsWith('.minisig')) return minisign(bytes);
  const form = FORMS.find(({ begins }) => begins.test(head));
  return form === undefined ? other('it has no form that paddock knows') : form.parse(bytes);
}

/** A signature of two lines is shorter. */
const HEAD_BYTES = 2048;

const FORMS: readonly { readonly begins: RegExp; readonly parse: (bytes: Buffer) => Parsed }[] = [
  // OpenBSD's signify writes two lines, which begin like minisign's four.
  {
    begins: /^untrusted comment:[^\n]*\n[A-Za-z0-9+/=]+\s*$/,
    parse: () => other('it looks like signify’s, which paddock does not check'),
  },
  { begins: /^untrusted comment:/, parse: minisign },
  { begins: /^-----BEGIN SSH SIGNATURE-----/, parse: ssh },
  { begins: /^\{/, parse: modelSigning },
  // Armoured, or a signature packet (RFC 9580 §5.2) in the old or the new form of its first byte.
  { begins: /^(?:-----BEGIN PGP|[\x88-\x8b\xc2])/, parse: () => other(OPENPGP) },
];

function minisign(bytes: Buffer): Parsed {
  const parsed = parseMinisign(bytes);
  return {
    needs: { algorithms: minisignNeeds(parsed), shards: [] },
    examine: (subject, store) => examineMinisign(parsed, subject, store),
  };
}

function ssh(bytes: Buffer): Parsed {
  const parsed = parseSshSignature(bytes);
  return {
    needs: { algorithms: sshNeeds(parsed), shards: [] },
    examine: (subject, store) => examineSsh(parsed, subject, store),
  };
}

function modelSigning(bytes: Buffer): Parsed {
  const parsed = parseModelSignature(bytes);
  return {
    needs: modelNeeds(parsed),
    examine: (subject, store) => examineModelSignature(parsed, subject, store),
  };
}

const OPENPGP = 'it looks like OpenPGP, which paddock does not check: use `gpg --verify`';

function other(reason: string): Parsed {
  return {
    needs: { algorithms: [], shards: [] },
    examine: async () => ({ method: 'unknown', state: 'untrusted', covers: 'the file', reason }),
  };
}
