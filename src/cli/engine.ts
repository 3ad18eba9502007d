import type { BaselinePlaces } from '../integrity/baselines/baseline.ts';
import type { StoredBaseline } from '../integrity/baselines/schema.ts';
import { readBaselines } from '../integrity/baselines/store.ts';
import { digestFile } from '../integrity/digests/digest.ts';
import type { Verdict } from '../integrity/verdict.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Policy } from '../policy/policy.ts';
import type { Context } from './context.ts';
import { type JudgedBy, judgeOpened } from './judged.ts';
import type { HeldProgram } from './program.ts';
import { progressOf } from './progress.ts';
import { openStill, type StillInput } from './still.ts';

export interface EngineInput extends Pick<StillInput, 'gate' | 'dryRun' | 'copy'> {
  /** Of the file that is only read. */
  readonly verdict: Verdict;
  /** The baseline that the user names; else that of the file's release. */
  readonly name?: string;
  readonly by: JudgedBy;
  readonly quiet: boolean;
}

/** A known engine, held still and judged. */
export interface OpenEngine extends HeldProgram {
  readonly release: string;
  readonly sha256: string;
  readonly path: string;
  /** Digests of the loaders in it, for which its baseline vouches. */
  readonly loaders: readonly string[];
}

/**
 * Opens the engine that runs in the place of the file's own: the kept executable of a learned release, whose digest is
 * compared at each use. The caller closes it.
 * @throws PaddockError `refused` where there is none of the release, or it is not what was kept
 */
export async function openEngine(context: Context, input: EngineInput): Promise<OpenEngine> {
  const { gate, dryRun, copy, by, quiet } = input;
  const baseline = choose(input);
  const { path } = baseline.engine;
  const progress = progressOf(context, `engine ${baseline.name}`, quiet);
  const opened = await openStill(context, { gate, path, copy, dryRun, report: progress.report });
  try {
    const { sha256 = '' } = await digestFile(opened.file, {
      onProgress: (done) => progress.report(done, baseline.file.size),
    });
    if (sha256 !== baseline.file.sha256) throw notTheSame(baseline, sha256);
    const { look: _, ...known } = by; // what vouches for an engine is its baseline
    const judged = await judgeOpened(path, opened.file, known);
    const loaders = baseline.loaders.map((loader) => loader.sha256);
    return { judged, opened, release: baseline.name, sha256, path, loaders };
  } catch (cause) {
    opened.close();
    throw cause;
  } finally {
    progress.end();
  }
}

/** What the policy trusts where the loaders of a known engine are vouched for by its baseline. */
export function trustOf(engine: OpenEngine | undefined, trust: Policy['trust']): Policy['trust'] {
  return engine === undefined ? trust : { ...trust, loaders: [...trust.loaders, ...engine.loaders] };
}

type WithEngine = StoredBaseline & {
  readonly engine: { readonly path: string };
  readonly file: NonNullable<StoredBaseline['file']>;
};

function choose({ verdict, name, by }: EngineInput): WithEngine {
  const all = by.baselines === undefined ? [] : keptIn(by.baselines);
  const wanted = name ?? verdict.release;
  const found = all.find((baseline) => baseline.name === wanted);
  if (found !== undefined && hasEngine(found)) return found;
  const shown = escapeText(wanted ?? '', 80);
  throw new PaddockError('refused', 'no known engine can run in the place of the file’s own', {
    expected:
      wanted === undefined
        ? 'a file of which paddock can tell the release, or `--engine-release <name>`'
        : `the kept executable of ${shown}`,
    found: `${why(wanted, shown, found)}; kept: ${
      all
        .filter(hasEngine)
        .map((one) => one.name)
        .join(', ') || 'none'
    }`,
    remedy:
      'get the release’s own executable from its publisher, and `paddock baseline add --keep-engine` it',
  });
}

function why(wanted: string | undefined, shown: string, found: StoredBaseline | undefined): string {
  if (wanted === undefined) return 'nothing tells of which release the file is';
  return found === undefined
    ? `no baseline of the name ${shown}`
    : `a baseline ${shown} without its executable`;
}

function keptIn(places: BaselinePlaces): StoredBaseline[] {
  return readBaselines(places).map(({ baseline }) => baseline);
}

function hasEngine(baseline: StoredBaseline): baseline is WithEngine {
  return baseline.engine !== undefined && baseline.file !== undefined;
}

function notTheSame({ name, engine, file }: WithEngine, found: string): PaddockError {
  return new PaddockError('refused', 'the kept engine is not the one that was learned', {
    where: escapeText(engine.path, 4096),
    expected: `SHA-256 ${file.sha256}`,
    found: `SHA-256 ${found}`,
    remedy: `look who changed it; then learn it again: paddock baseline add --keep-engine --force --name ${name} <file>`,
  });
}
