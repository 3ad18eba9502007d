import { closeSync } from 'node:fs';
import type { GgufFacts } from '../../format/anatomy.ts';
import { summarise } from '../../format/summary.ts';
import type { Digests } from '../../integrity/digests/digest.ts';
import type { Verdict } from '../../integrity/verdict.ts';
import type { Facts, VariableName } from '../../policy/conditions/variables.ts';
import { failureOf, type Judgement, type Wanted } from '../../report/outcome.ts';
import { fileFacts } from '../facts/file.ts';
import { type Judged, type JudgedBy, judgeFile } from '../judged.ts';
import { examine, type WholeWanted } from './whole.ts';

/** How files are judged. */
export interface How {
  readonly wanted: Wanted;
  /** By what they are judged, besides what paddock brings along. */
  readonly by?: JudgedBy | undefined;
  /** The whole of each file, too; without this, its structures only. */
  readonly whole?: WholeWanted | undefined;
  /** What rules ask about, where there are any. */
  readonly asked?: Asked | undefined;
  /** Told how far the whole of a file is read. Not in other threads. */
  readonly onBytes?: ((path: string, done: number, total: number) => void) | undefined;
}

/** Plain data: it goes to other threads. */
export interface Asked {
  readonly needs: ReadonlySet<VariableName>;
  readonly cwd: string;
}

/** Judges one file. Never throws: what goes wrong with one file must not keep the others from being judged. */
export async function judgeOne(path: string, how: How): Promise<Judgement> {
  const { wanted, by = {}, onBytes } = how;
  try {
    const judged = await judgeFile(path, by, (done, of) => onBytes?.(path, done, of));
    const { file, anatomy } = judged;
    const total = Number(file.identity.size);
    const { digests, verdict, known } = await examined(path, judged, how, (done) =>
      onBytes?.(path, done, total),
    ).finally(() => closeSync(file.fd));
    return {
      path,
      facts: {
        summary: summarise(anatomy),
        models: anatomy.models.map((model) => trimmed(model, wanted)),
        members: wanted === 'contents' ? (anatomy.zip?.members ?? []) : [],
        verdict,
        ...(known === undefined ? {} : { known }),
        ...(digests === undefined ? {} : { digests }),
      },
    };
  } catch (cause) {
    // Told as this file's outcome, which is never a pass.
    return { path, failure: failureOf(cause) };
  }
}

interface Examined {
  readonly verdict: Verdict;
  readonly digests?: Digests;
  readonly known?: Facts;
}

async function examined(
  path: string,
  judged: Judged,
  { by = {}, whole, asked }: How,
  onProgress: (done: number) => void,
): Promise<Examined> {
  const seen: Examined =
    whole === undefined ? { verdict: judged.verdict } : await examine(judged, whole, onProgress);
  if (asked === undefined) return seen;
  const now = { ...judged, verdict: seen.verdict };
  const known = await fileFacts({
    path,
    judged: now,
    by,
    ...asked,
    digests: seen.digests,
    onDigest: onProgress,
  });
  return { ...seen, known };
}

function trimmed(model: GgufFacts, wanted: Wanted): GgufFacts {
  const kept =
    wanted === 'contents'
      ? [...model.metadata].filter(([key]) => key.startsWith('general.') || key.endsWith('.context_length'))
      : [];
  return { ...model, metadata: new Map(kept) };
}
