import { PaddockError } from '../../lib/errors.ts';
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
 * Tells the form of a signature by its first bytes: names say little, `.sig` is used by all.
 * @throws PaddockError `malformed` for what has no known form.
 */
export function parseSignature(bytes: Buffer): Parsed {
  const head = bytes.toString('latin1', 0, 64).trimStart();
  const form = FORMS.find(({ begins }) => begins.test(head));
  if (form !== undefined) return form.parse(bytes);
  throw new PaddockError('malformed', 'this is no signature of a form that paddock knows', {
    expected: 'minisign, a Model Signing bundle (JSON), or an SSH signature',
  });
}

const FORMS: readonly { readonly begins: RegExp; readonly parse: (bytes: Buffer) => Parsed }[] = [
  { begins: /^untrusted comment:/, parse: minisign },
  { begins: /^-----BEGIN SSH SIGNATURE-----/, parse: ssh },
  { begins: /^\{/, parse: modelSigning },
  // Armoured, or a signature packet (RFC 9580 §5.2) in the old or the new form of its first byte.
  { begins: /^(?:-----BEGIN PGP|[\x88-\x8b\xc2])/, parse: openPgp },
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

// Widely used under the same name, so that it is no sign of something wrong.
function openPgp(): Parsed {
  const seen = { method: 'unknown', state: 'untrusted', covers: 'the file' } as const;
  return {
    needs: { algorithms: [], shards: [] },
    examine: async () => ({
      ...seen,
      reason: 'it looks like OpenPGP, which paddock does not check: use `gpg --verify`',
    }),
  };
}
