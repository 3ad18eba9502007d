import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { resolvePolicy } from '../policy/load.ts';
import type { Judgement, Outcome } from '../report/outcome.ts';
import { type Context, EXIT } from './context.ts';
import { policyLayers } from './policy-layers.ts';
import { type Progress, progress } from './progress.ts';
import { PLAIN, paint } from './render.ts';
import { digestCachePath, judgedBy } from './trust-places.ts';
import { counter } from './verify/counter.ts';
import { decider } from './verify/decider.ts';
import { exitOf } from './verify/exit.ts';
import { jsonText } from './verify/json.ts';
import type { How } from './verify/judge-one.ts';
import { judgeAll } from './verify/pool.ts';
import { summaryText, walkedText } from './verify/summary.ts';
import { fileText, type Style } from './verify/text.ts';
import { BOUNDS, type Walked, walk } from './verify/walk.ts';
import type { WholeWanted } from './verify/whole.ts';
import { writeOutput } from './write-output.ts';

export interface VerifyInput {
  readonly paths: readonly string[];
  readonly json?: boolean;
  readonly sarif?: boolean;
  readonly cyclonedx?: boolean;
  /** Where the report goes; standard output if undefined. */
  readonly output?: string;
  /** Threads, at most. */
  readonly jobs?: number;
  /** Of folders too: everything about every file. */
  readonly details?: boolean;
  /** Structures only: neither the digest of the file nor the checksums of large members. */
  readonly quick?: boolean;
  /** The digest that uses all cores, in place of SHA-256. */
  readonly tree?: boolean;
  /** false: digests are computed, whatever is remembered. */
  readonly cache?: boolean;
  readonly policy: readonly string[];
  readonly preset?: string;
}

/** More threads than this wait for the disk. */
const MAX_DEFAULT_JOBS = 4;
/** Each thread has a heap of its own. */
const MAX_JOBS = 64;
/** Less than this is judged before a thread has started. */
const WORTH_THREADS_BYTES = 128 * 1024 * 1024;

/** `paddock verify`: judges files without running them. Returns the worst exit code of all. */
export async function run(context: Context, input: VerifyInput): Promise<number> {
  const loaded = await policyLayers(context, { files: input.policy, preset: input.preset });
  const plain = resolvePolicy(loaded);
  const { files, folders, early } = expand(context, input.paths);
  const judged = counter(context, (number) => `judged ${number} of ${files.length} files`);
  const bars = byteBars(context);
  const how: How = {
    wanted: input.cyclonedx === true ? 'contents' : 'verdict',
    by: judgedBy(context, plain, input.cache),
    whole: wholeOf(context, input, plain.hasCeiling),
    onBytes: bars.report,
    ...(plain.rules.length === 0 ? {} : { asked: { needs: loaded.needs, cwd: context.cwd } }),
  };
  const jobs = Math.min(input.jobs ?? jobsFor(files), files.length, MAX_JOBS);
  const judgements = await judgeAll({ ...how, paths: files, jobs, progress: judged.count });
  judged.end();
  const decide = decider(context, loaded, how, (effective) => judgedBy(context, effective, input.cache));
  const outcomes: Outcome[] = [];
  for (const judgement of [...judgements, ...early]) outcomes.push(await decide(judgement));
  bars.end();
  const exit = Math.max(...outcomes.map(exitOf), ...folders.map(exitOfFolder));
  const text = await reportText(context, input, { outcomes, folders, exit });
  writeOutput(context, input.output ?? '-', `${text}\n`, files);
  return exit;
}

function wholeOf(
  context: Context,
  { quick, tree, cache }: VerifyInput,
  hasCeiling: boolean,
): WholeWanted | undefined {
  if (quick === true) return undefined;
  return {
    digest: tree === true ? 'tree' : 'sha256',
    uid: context.uid,
    nowMs: context.now().getTime(),
    ...(cache === false || hasCeiling ? {} : { cache: digestCachePath(context) }),
  };
}

/** One bar after the other, for the files whose reading takes long. */
function byteBars(context: Context) {
  let current: { readonly path: string; readonly bar: Progress } | undefined;
  return {
    report: (path: string, done: number, total: number): void => {
      if (current?.path !== path) {
        current?.bar.end();
        current = { path, bar: progress(context, basename(path), total) };
      }
      current.bar.report(done);
      if (done === total) current.bar.end();
    },
    end: (): void => current?.bar.end(),
  };
}

function jobsFor(files: readonly string[]): number {
  if (files.length < 2) return 1;
  const bytes = files.reduce((sum, path) => sum + sizeOf(path), 0);
  return bytes < WORTH_THREADS_BYTES ? 1 : Math.min(availableParallelism(), MAX_DEFAULT_JOBS);
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0; // what is wrong with it is told when it is opened
  }
}

interface Expanded {
  readonly files: readonly string[];
  readonly folders: readonly Walked[];
  /** What failed before anything was judged. */
  readonly early: readonly Judgement[];
}

function expand(context: Context, paths: readonly string[]): Expanded {
  const folders: Walked[] = [];
  const seen = counter(context, (number) => `looked at ${number} files`);
  const files = paths.flatMap((path) => {
    if (!isFolder(path)) return [path];
    const walked = walk(path, BOUNDS, seen.count);
    folders.push(walked);
    return walked.files;
  });
  seen.end();
  return { files, folders, early: folders.flatMap(({ problems }) => problems) };
}

// What is not there, or may not be looked at, is told when it is opened.
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

// Nothing was judged, or not everything: never a pass.
function exitOfFolder({ files, cut }: Walked): number {
  return files.length === 0 || cut ? EXIT.incomplete : EXIT.ok;
}

interface Judged {
  readonly outcomes: readonly Outcome[];
  readonly folders: readonly Walked[];
  readonly exit: number;
}

async function reportText(context: Context, input: VerifyInput, judged: Judged): Promise<string> {
  const { outcomes, folders, exit } = judged;
  if (input.json === true) return jsonText(outcomes, folders, exit);
  if (input.sarif === true) {
    const { sarifText } = await import('./verify/sarif.ts');
    return sarifText(context, judged);
  }
  if (input.cyclonedx === true) {
    const { cyclonedxText } = await import('./verify/cyclonedx.ts');
    return cyclonedxText(context, judged);
  }
  const style = styleOf(context, input.output);
  const whole = folders.length === 0 || input.details === true ? outcomes : [];
  return [
    ...whole.map((outcome) => fileText(outcome, style)),
    ...(outcomes.length > whole.length || outcomes.length > 1 ? [summaryText(outcomes, style)] : []),
    ...(folders.length === 0 ? [] : [folders.map((folder) => walkedText(folder)).join('\n')]),
    ...(exit === EXIT.ok || outcomes.length === whole.length
      ? []
      : ['to do: `paddock verify FILE` tells all about one, `--details` about each']),
  ].join('\n\n');
}

const WIDEST = 100;
const NARROWEST = 40;

function styleOf(context: Context, output: string | undefined): Style {
  if (output !== undefined && output !== '-') return { colors: PLAIN, width: WIDEST - 1 };
  const width = Math.min(context.stdout.columns, WIDEST) - 1;
  return { colors: paint(context, 'stdout'), width: Math.max(width, NARROWEST) };
}
