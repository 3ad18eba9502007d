import { realpathSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { FileIdentity } from '../../format/open.ts';
import { DigestCache } from '../../integrity/digests/cache.ts';
import { type Digests, digestFile } from '../../integrity/digests/digest.ts';
import type { DigestProgress } from '../../integrity/signatures/subject.ts';
import type { Verdict } from '../../integrity/verdict.ts';
import type { Facts, SignerFact, VariableName } from '../../policy/conditions/variables.ts';
import type { Judged, JudgedBy } from '../judged.ts';
import { startFacts } from './start.ts';

export interface FileFactsInput {
  /** As it was named. */
  readonly path: string;
  readonly judged: Judged;
  readonly by: JudgedBy;
  /** Of the file that was named, where a copy of it was judged. */
  readonly original?: FileIdentity | undefined;
  /** For paths among the arguments. */
  readonly cwd: string;
  readonly needs: ReadonlySet<VariableName>;
  /** What is known of the whole file already. */
  readonly digests?: Digests | undefined;
  readonly onDigest?: DigestProgress | undefined;
}

/**
 * What conditions may know of an open, judged file and of its start. The whole file is read only where its digest is
 * mentioned and nobody has computed it; what was remembered counts only where it counts for signatures, too.
 * @throws PaddockError `changed` if the file changes meanwhile
 */
export async function fileFacts(input: FileFactsInput): Promise<Facts> {
  const { judged, needs } = input;
  const path = realPath(input);
  const digest = needs.has('file.digest') ? await digestOf(input) : undefined;
  const { tier, standing, release = '', version = '' } = judged.verdict;
  return {
    values: {
      ...(path === undefined ? {} : { 'file.path': path, 'file.name': basename(path) }),
      ...(digest === undefined ? {} : { 'file.digest': digest }),
      'file.size': Number(judged.file.identity.size),
      'runtime.tier': tier,
      'runtime.standing': standing,
      'runtime.release': release,
      'runtime.version': version,
      ...startFacts(input),
    },
    signers: signersOf(judged.verdict),
  };
}

// Only if it still leads to the file that was opened.
function realPath({ path, judged, original }: FileFactsInput): string | undefined {
  try {
    const real = realpathSync(path);
    const { dev, ino } = statSync(real, { bigint: true });
    const opened = original ?? judged.file.identity;
    return dev === opened.dev && ino === opened.ino ? real : undefined;
  } catch {
    return undefined; // gone since it was opened
  }
}

async function digestOf({ judged, by, digests, onDigest }: FileFactsInput): Promise<string | undefined> {
  const { file } = judged;
  const cache = by.look?.cache === undefined ? undefined : new DigestCache(by.look.cache, by.look.trust.uid);
  const known = digests?.sha256 ?? cache?.recall(file.identity)?.digests.sha256;
  if (known !== undefined) return known;
  const total = Number(file.identity.size);
  const computed = await digestFile(
    file,
    onDigest === undefined ? {} : { onProgress: (done) => onDigest(done, total) },
  );
  if (by.look !== undefined) cache?.remember(file.identity, { digests: computed }, by.look.nowMs);
  return computed.sha256;
}

function signersOf({ signatures = [] }: Verdict): SignerFact[] {
  return signatures.flatMap(({ state, signer, anchor }) =>
    state === 'trusted' && signer !== undefined && anchor !== undefined ? [{ name: signer, anchor }] : [],
  );
}
