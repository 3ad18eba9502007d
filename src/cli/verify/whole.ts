import { DigestCache } from '../../integrity/digests/cache.ts';
import { examineWhole, type Whole, withFindings } from '../../integrity/digests/whole.ts';
import type { Verdict } from '../../integrity/verdict.ts';
import type { Judged } from '../judged.ts';

/** What `verify` wants of each file as a whole. Plain data: it goes to other threads. */
export interface WholeWanted {
  readonly digest: 'sha256' | 'tree';
  /** File of the digest cache; without it everything is computed. */
  readonly cache?: string;
  readonly uid: number;
  readonly nowMs: number;
}

/** Reads the whole of a judged file, or remembers it. @throws as `examineWhole`. */
export async function examine(
  { file, anatomy, verdict }: Judged,
  { digest, cache, uid, nowMs }: WholeWanted,
  onProgress?: (doneBytes: number) => void,
): Promise<{ readonly digests: Whole['digests']; readonly verdict: Verdict }> {
  const { digests, findings } = await examineWhole({
    anatomy,
    file,
    digest,
    nowMs,
    ...(cache === undefined ? {} : { cache: new DigestCache(cache, uid) }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  return { digests, verdict: withFindings(verdict, findings) };
}
