import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { parseChecksums } from './checksums.ts';
import { parseSignature } from './parsed.ts';
import type { SignatureEvidence, SignatureSeen } from './seen.ts';
import type { Sidecar } from './sidecars.ts';
import { type Subject, textSubject } from './subject.ts';
import type { TrustStore } from './trust.ts';

/** A list of digests, and what may be signatures of it. */
export interface ListFound {
  readonly list: Sidecar;
  readonly signatures: readonly Sidecar[];
}

/**
 * What lists of digests say of a file. A list counts as much as its signature: without one it is information, and a
 * digest that differs is told; with a trusted one it is as good as a signature of the file.
 */
export async function examineLists(
  lists: readonly ListFound[],
  subject: Subject,
  store: TrustStore,
): Promise<{
  readonly seen: readonly SignatureSeen[];
  readonly mismatches: SignatureEvidence['mismatches'];
}> {
  const seen: SignatureSeen[] = [];
  const mismatches: SignatureEvidence['mismatches'][number][] = [];
  for (const { list, signatures } of lists) {
    if ('refused' in list) continue;
    const { digests, entries } = parseChecksums(list.bytes, subject.name);
    if (digests.length === 0) continue;
    const found = (await subject.digest('sha256')).toString('hex');
    const same = digests.length === 1 && digests[0] === found;
    const name = escapeText(list.name, 120);
    const covers = `a list of ${entries} ${entries === 1 ? 'digest' : 'digests'}`;
    const signed = await Promise.all(signatures.map((one) => signatureOf(one, list.bytes, store)));
    if (!same && !signed.some(({ state }) => state === 'trusted'))
      mismatches.push({ file: name, expected: digests.join(' or '), found });
    if (signed.length === 0) {
      seen.push({
        file: name,
        method: 'checksums',
        state: 'untrusted',
        covers,
        reason: 'the list is not signed',
      });
    }
    for (const one of signed) seen.push({ ...one, covers, ...(same ? {} : differing(one.state)) });
  }
  return { seen, mismatches };
}

function differing(state: SignatureSeen['state']): Partial<SignatureSeen> {
  if (state !== 'trusted') return {};
  return { state: 'invalid', reason: 'the signed list has another digest for this file' };
}

async function signatureOf(sidecar: Sidecar, list: Buffer, store: TrustStore): Promise<SignatureSeen> {
  const file = escapeText(sidecar.name, 120);
  const covers = 'a list of digests';
  if ('refused' in sidecar)
    return { file, method: 'unknown', state: 'untrusted', covers, reason: sidecar.refused };
  try {
    const signed = parseSignature(sidecar.bytes, sidecar.name);
    const { unlisted: _, ...examined } = await signed.examine(
      textSubject(listName(sidecar.name), list),
      store,
    );
    return { file, ...examined };
  } catch (cause) {
    if (!(cause instanceof PaddockError) || (cause.code !== 'malformed' && cause.code !== 'too-large'))
      throw cause;
    return { file, method: 'unknown', state: 'invalid', covers, reason: cause.message };
  }
}

// What a manifest must call the list: SHA256SUMS for SHA256SUMS.sig.
function listName(signature: string): string {
  return signature.replace(/\.(?:minisig|sig)$/, '');
}
