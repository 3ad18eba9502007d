import type { Anatomy } from '../../src/format/anatomy.ts';
import { readAnatomy } from '../../src/format/read.ts';
import { bufferSource } from '../../src/format/source.ts';
import { type JudgeInput, judge } from '../../src/integrity/judge.ts';
import type { Tables } from '../../src/integrity/tables.ts';
import type { Finding, Verdict } from '../../src/integrity/verdict.ts';
import { PaddockError } from '../../src/lib/errors.ts';

/** What became of a file: the ids of its findings, or the one of the fault for which its reader refused it. */
export interface Outcome {
  readonly ids: readonly string[];
  readonly findings: readonly Finding[];
  readonly anatomy?: Anatomy;
  readonly verdict?: Verdict;
  readonly error?: PaddockError;
}

/** Nothing is known: every file is of an unknown runtime. */
export const EMPTY_TABLES: Tables = { loaders: new Map(), releases: new Map() };

/** Reads and judges bytes as `paddock verify` does with a file. Errors other than PaddockError come through. */
export async function judged(bytes: Buffer, input: Partial<JudgeInput> = {}): Promise<Outcome> {
  const source = bufferSource(bytes);
  try {
    const anatomy = readAnatomy(source);
    const verdict = await judge({ anatomy, source, tables: EMPTY_TABLES, architecture: 'x86-64', ...input });
    return { ids: verdict.findings.map(({ id }) => id), findings: verdict.findings, anatomy, verdict };
  } catch (error) {
    if (!(error instanceof PaddockError)) throw error;
    return { ids: error.detail.check === undefined ? [] : [error.detail.check], findings: [], error };
  }
}
