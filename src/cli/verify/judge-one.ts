import { closeSync } from 'node:fs';
import type { GgufFacts } from '../../format/anatomy.ts';
import { summarise } from '../../format/summary.ts';
import { failureOf, type Judgement, type Wanted } from '../../report/outcome.ts';
import { type JudgedBy, judgeFile } from '../judged.ts';

/** Judges one file. Never throws: what goes wrong with one file must not keep the others from being judged. */
export async function judgeOne(path: string, wanted: Wanted, by: JudgedBy = {}): Promise<Judgement> {
  try {
    const { file, anatomy, verdict } = await judgeFile(path, by);
    closeSync(file.fd);
    return {
      path,
      facts: {
        summary: summarise(anatomy),
        models: anatomy.models.map((model) => trimmed(model, wanted)),
        members: wanted === 'contents' ? (anatomy.zip?.members ?? []) : [],
        verdict,
      },
    };
  } catch (cause) {
    // Told as this file's outcome, which is never a pass.
    return { path, failure: failureOf(cause) };
  }
}

function trimmed(model: GgufFacts, wanted: Wanted): GgufFacts {
  const kept =
    wanted === 'contents'
      ? [...model.metadata].filter(([key]) => key.startsWith('general.') || key.endsWith('.context_length'))
      : [];
  return { ...model, metadata: new Map(kept) };
}
