import { closeSync } from 'node:fs';
import type { Anatomy, Architecture } from '../format/anatomy.ts';
import { type JudgedFile, openJudged } from '../format/open.ts';
import { readAnatomy } from '../format/read.ts';
import type { Baseline, BaselinePlaces } from '../integrity/baselines/baseline.ts';
import type { GivenArguments } from '../integrity/checks/arguments.ts';
import { judge } from '../integrity/judge.ts';
import { lookForSignatures, type SignatureLook } from '../integrity/signatures/examine.ts';
import type { DigestProgress } from '../integrity/signatures/subject.ts';
import { shippedTables } from '../integrity/tables.ts';
import type { Verdict } from '../integrity/verdict.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';

export interface Judged {
  readonly file: JudgedFile;
  readonly anatomy: Anatomy;
  readonly verdict: Verdict;
}

/** By what a file is judged, besides what paddock brings along. Plain data, which threads can hand on. */
export interface JudgedBy {
  /** What vouches for the file, beside it; without this, nobody looks. */
  readonly look?: SignatureLook;
  /** Where releases that were learned are kept. */
  readonly baselines?: BaselinePlaces;
  /** With what it would be started, where that is known. */
  readonly given?: GivenArguments;
}

/**
 * Opens, reads and judges one file. The caller closes the descriptor.
 * @param onDigest told how far it is where the whole file must be read for a signature
 * @throws PaddockError for a file that is none of ours, malformed, or cannot be read; the descriptor is closed then.
 */
export async function judgeFile(path: string, by: JudgedBy = {}, onDigest?: DigestProgress): Promise<Judged> {
  const file = openJudged(path);
  try {
    return await judgeOpened(path, file, by, onDigest);
  } catch (cause) {
    closeSync(file.fd);
    throw cause;
  }
}

/**
 * The same for a file that is open. The descriptor stays the caller's.
 * @param path where it was opened: what vouches for it lies beside
 */
export async function judgeOpened(
  path: string,
  file: JudgedFile,
  { look, baselines, given }: JudgedBy,
  onDigest?: DigestProgress,
): Promise<Judged> {
  const anatomy = readAnatomy(file.source);
  const signatures = look === undefined ? undefined : await lookForSignatures(path, file, look, onDigest);
  const verdict = await judge({
    anatomy,
    source: file.source,
    identity: file.identity,
    tables: shippedTables(),
    architecture: hostArchitecture(),
    ...(signatures === undefined ? {} : { signatures }),
    ...(given === undefined ? {} : { arguments: given }),
    ...(baselines === undefined ? {} : { baselines: () => learned(baselines) }),
  });
  return { file, anatomy, verdict };
}

let kept: { readonly places: BaselinePlaces; readonly baselines: readonly Baseline[] } | undefined;

/** The releases that were learned; read once, when the first file needs them. */
export async function learned(places: BaselinePlaces): Promise<readonly Baseline[]> {
  const same = (['user', 'uid', 'systemOnly'] as const).every((key) => kept?.places[key] === places[key]);
  if (kept !== undefined && same) return kept.baselines;
  const { readBaselines } = await import('../integrity/baselines/store.ts');
  kept = { places, baselines: readBaselines(places).map(({ baseline }) => baseline) };
  return kept.baselines;
}

/** The same, with errors that name the file: for commands that take one. */
export async function naming<Result>(path: string, work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof PaddockError) || cause.detail.where !== undefined) throw cause;
    const { code, message, detail } = cause;
    throw new PaddockError(code, message, { ...detail, where: escapeText(path, 4096) || "''" });
  }
}

/** Which of the embedded programs this machine would run. */
export function hostArchitecture(): Architecture {
  return process.arch === 'arm64' ? 'aarch64' : 'x86-64';
}
