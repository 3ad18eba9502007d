import type { Anatomy } from '../../format/anatomy.ts';
import type { Checksums } from '../checks/contents.ts';
import { checkLargeContents, LargeContents } from '../checks/contents.ts';
import type { Finding, Severity, Verdict } from '../verdict.ts';
import type { DigestCache } from './cache.ts';
import { type DigestedFile, type Digests, digestFile, treeDigest } from './digest.ts';

/** What is wanted of a file as a whole. */
export interface WholeInput {
  readonly anatomy: Anatomy;
  readonly file: DigestedFile;
  /** `sha256` also compares the checksums of large members; `tree` uses all cores and does not. */
  readonly digest: 'sha256' | 'tree';
  /** Without it everything is computed. */
  readonly cache?: DigestCache | undefined;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  readonly onProgress?: (doneBytes: number) => void;
}

export interface Whole {
  readonly digests: Digests;
  readonly findings: readonly Finding[];
}

/**
 * Reads the whole file once, or remembers that it was read: its digest, and ZIP-033 for the members that judging leaves out.
 * @throws PaddockError `changed` if the file changes meanwhile.
 */
export async function examineWhole(input: WholeInput): Promise<Whole> {
  const { anatomy, file, cache, nowMs, onProgress } = input;
  const known = cache?.recall(file.identity);
  if (input.digest === 'tree') {
    const tree = known?.digests.tree ?? (await treeDigest(file, onProgress));
    if (known?.digests.tree === undefined) cache?.remember(file.identity, { digests: { tree } }, nowMs);
    return { digests: { tree }, findings: [] };
  }
  const contents = new LargeContents(anatomy);
  const sha256 = known?.digests.sha256;
  if (sha256 !== undefined && contents.isCoveredBy(known?.checksums ?? {})) {
    return { digests: { sha256 }, findings: checkLargeContents(anatomy, known?.checksums ?? {}) };
  }
  const digests = await digestFile(file, {
    onChunk: (offset, bytes) => contents.update(offset, bytes),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const checksums: Checksums = contents.checksums();
  cache?.remember(file.identity, { digests, checksums }, nowMs);
  return { digests, findings: checkLargeContents(anatomy, checksums) };
}

const ORDER: readonly Severity[] = ['deny', 'warn', 'info'];

/** The verdict with what was found later, worst first. */
export function withFindings(verdict: Verdict, more: readonly Finding[]): Verdict {
  if (more.length === 0) return verdict;
  const findings = [...verdict.findings, ...more];
  return {
    ...verdict,
    findings: findings.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity)),
  };
}
