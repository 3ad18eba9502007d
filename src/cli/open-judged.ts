import { basename } from 'node:path';
import { type LoadedPolicy, resolvePolicy } from '../policy/load.ts';
import type { Context } from './context.ts';
import { judgeRuled, type Ruled, type RuledInput } from './facts/ruled.ts';
import { judgeOpened, naming } from './judged.ts';
import { progressOf } from './progress.ts';
import { openStill, type StillFile, type StillInput } from './still.ts';

export interface OpenInput extends Pick<StillInput, 'gate' | 'dryRun'> {
  /** As the user named it. */
  readonly path: string;
  readonly loaded: LoadedPolicy;
  readonly by: RuledInput['by'];
  readonly quiet: boolean;
}

/** A file that is held still, or its private copy, with what was found in it and the policy for it. */
export interface OpenJudged extends Ruled {
  readonly opened: StillFile;
}

/**
 * Opens the file, holds it still, judges it and asks the rules of the policy. Where these want a private copy, that is made
 * and judged in its place. The caller closes it.
 * @throws PaddockError; it is closed then
 */
export async function openAndJudge(context: Context, input: OpenInput): Promise<OpenJudged> {
  const { copy } = resolvePolicy(input.loaded).policy.isolation;
  const first = await judgeAs(context, input, copy);
  const wantsCopy = first.effective.policy.isolation.copy === 'always' && first.opened.still.how !== 'copy';
  if (!wantsCopy || input.dryRun) return first;
  first.opened.close();
  return judgeAs(context, input, 'always');
}

async function judgeAs(context: Context, input: OpenInput, copy: StillInput['copy']): Promise<OpenJudged> {
  const { path, quiet, gate, dryRun, loaded, by } = input;
  const judging = progressOf(context, basename(path), quiet);
  const copying = progressOf(context, `copy of ${basename(path)}`, quiet);
  const opened = await naming(path, () =>
    openStill(context, { gate, path, copy, dryRun, report: copying.report }),
  ).finally(copying.end);
  try {
    const ruled = await naming(path, () =>
      judgeRuled(context, {
        path,
        original: opened.original,
        ...(opened.still.sha256 === undefined ? {} : { digests: { sha256: opened.still.sha256 } }),
        loaded,
        by,
        judge: (one) => judgeOpened(path, opened.file, one, judging.report),
        onDigest: judging.report,
      }),
    ).finally(judging.end);
    return { ...ruled, opened };
  } catch (cause) {
    opened.close();
    throw cause;
  }
}
