import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { findCards } from '../host/cards.ts';
import { ensureGate, packageRoot } from '../host/native.ts';
import { probeHost } from '../host/probe.ts';
import { deviceGrants } from '../launch/devices.ts';
import { below, makeDirectories, removeDirectories } from '../launch/directories.ts';
import type { HeldFile, LaunchInput } from '../launch/launch-input.ts';
import { systemPaths } from '../launch/paths.ts';
import type { HostAbilities, LaunchPlan } from '../launch/plan.ts';
import { planLaunch } from '../launch/planner.ts';
import { markOwner } from '../launch/stale.ts';
import { PaddockError } from '../lib/errors.ts';
import { userPaths } from '../lib/paths.ts';
import { nameProcess, PROC_FILES } from '../lib/proc.ts';
import { containerVerdict } from '../policy/container.ts';
import { decide } from '../policy/decide.ts';
import type { Decision, EffectivePolicy } from '../policy/policy.ts';
import { sessionId } from '../session/start.ts';
import type { Context } from './context.ts';
import { type OpenEngine, openEngine, trustOf } from './engine.ts';
import { extractLibraries } from './extract-libraries.ts';
import { type Judged, type JudgedBy, learned, naming } from './judged.ts';
import { openAndJudge } from './open-judged.ts';
import { placed } from './placement.ts';
import { policyLayers } from './policy-layers.ts';
import { preferences } from './preferences.ts';
import { type Program, prepareProgram, startOf } from './program.ts';
import { startedBy, userArguments } from './program-arguments.ts';
import { refusal } from './refusal.ts';
import { reopenable } from './reopenable.ts';
import { flagLayer, type RunFlags, withoutEffect } from './run-flags.ts';
import type { Speaker } from './speaker.ts';
import type { StillFile } from './still.ts';
import { baselinesFor } from './trust-places.ts';

export interface RunInput extends RunFlags {
  readonly file: string;
  readonly args: readonly string[];
  readonly policy: readonly string[];
  readonly preset?: string;
  readonly allowDegraded?: boolean;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
  /** Name of the baseline whose engine runs, with `engine: trusted`. */
  readonly engineRelease?: string;
  /** SHA-256 (hex) of loaders that this very call vouches for: the demo's own. */
  readonly loaders?: readonly string[];
}

/** Everything that stands before the start. Closing the descriptors and removing the folders is the caller's. */
export interface Prepared {
  readonly plan: LaunchPlan;
  readonly judged: Judged;
  readonly opened: StillFile;
  readonly decision: Extract<Decision, { outcome: 'allow' }>;
  readonly host: HostAbilities;
  readonly gate: string;
  readonly program: Program;
  /** What runs in the place of the file's own code. Closing it is the caller's. */
  readonly engine?: OpenEngine;
}

/**
 * From the path to the plan: open, read, judge, decide, probe, plan.
 * @throws PaddockError; whatever was opened or made until then is closed and removed.
 */
export async function prepare(
  context: Context,
  input: RunInput,
  streams: LaunchPlan['streams'],
  say: Speaker,
): Promise<Prepared> {
  const loaded = await policyLayers(context, {
    files: input.policy,
    preset: input.preset,
    flags: flagLayer(input, context.cwd, context.env),
  });
  for (const line of withoutEffect(input, context.cwd, context.env)) say('warn', line);
  const by = startedBy(context, input.args);
  const gate = await gateOf(context, say);
  const { judged, effective, opened } = await openAndJudge(context, {
    path: input.file,
    gate,
    loaded,
    by,
    dryRun: input.dryRun === true,
    quiet: input.quiet ?? preferences(context).quiet ?? false,
  });
  try {
    for (const { path, wanted, kept, ceiling } of effective.rejected) {
      say('warn', `${path}: ${wanted} is not allowed by ${ceiling.layer}; it stays ${kept}`);
    }
    const engine = await naming(input.file, () =>
      engineFor(context, input, { judged, effective, gate, by: by(effective), opened }),
    );
    try {
      const verdict =
        engine === undefined ? judged.verdict : containerVerdict(judged.verdict, engine.judged.verdict);
      const decision = decide({ effective, verdict });
      if (decision.outcome === 'refuse') throw refusal(input.file, decision);
      for (const { message } of decision.warnings) say('warn', message);
      return await prepareAllowed(context, input, streams, say, { judged, opened, decision, gate, engine });
    } catch (cause) {
      engine?.opened.close();
      throw cause;
    }
  } catch (cause) {
    opened.close();
    throw cause;
  }
}

interface EngineFor extends Pick<Allowed, 'judged' | 'gate' | 'opened'> {
  readonly effective: EffectivePolicy;
  readonly by: JudgedBy;
}

// A file that is only read needs no permission to be executed.
async function engineFor(
  context: Context,
  input: RunInput,
  { judged, effective, gate, by, opened }: EngineFor,
): Promise<OpenEngine | undefined> {
  if (effective.policy.engine.use === 'own') {
    checkExecutable(opened);
    return undefined;
  }
  return openEngine(context, {
    gate,
    dryRun: input.dryRun === true,
    copy: 'auto',
    verdict: judged.verdict,
    ...(input.engineRelease === undefined ? {} : { name: input.engineRelease }),
    by,
    quiet: input.quiet ?? preferences(context).quiet ?? false,
  });
}

/** The gate of this machine, built where that is needed. */
export function gateOf(context: Context, say: Speaker): Promise<string> {
  return ensureGate({
    cache: userPaths(context.env, context.home).cache,
    uid: context.uid,
    searchPath: context.env.PATH,
    say: (line) => say('note', line),
  });
}

interface Allowed extends Pick<Prepared, 'judged' | 'decision' | 'gate'> {
  readonly opened: StillFile;
  readonly engine: OpenEngine | undefined;
}

async function prepareAllowed(
  context: Context,
  input: RunInput,
  streams: LaunchPlan['streams'],
  say: Speaker,
  { judged, opened, decision, gate, engine }: Allowed,
): Promise<Prepared> {
  const { policy } = decision.effective;
  const { state, config, cache, data } = userPaths(context.env, context.home);
  const running = engine ?? { judged, opened };
  const start = startOf(running.judged, trustOf(engine, policy.trust));
  const id = sessionId(context.now(), randomBytes(3));
  const dry = input.dryRun === true;
  const found = probeHost(gate, context.uid);
  const host = dry ? found : await placed(context, found, id, say);
  const directories = dry ? below(`<private folder of ${id}>`) : makeDirectories(context.env, context.uid);
  try {
    if (!dry)
      markOwner(directories, nameProcess(PROC_FILES, process.pid) ?? { pid: process.pid, startTime: -1 });
    const args = userArguments(context, input, { judged, decision, engine, directories }, say);
    const program = prepareProgram(running, start, directories, dry);
    const cards = policy.devices.gpu === 'none' ? [] : findCards();
    const libraries = await extractLibraries({
      judged: running.judged,
      kinds: [...new Set(deviceGrants(policy.devices, cards).cards.map(({ kind }) => kind))],
      directories,
      dryRun: dry,
      baselines: async () => learned(baselinesFor(context, decision.effective)),
      helper: join(packageRoot(), 'dist/dlopen-helper'),
      nowMs: context.now().getTime(),
    });
    const plan = planLaunch({
      id,
      file: resolve(context.cwd, input.file),
      argv0: engine?.path ?? input.file,
      effective: decision.effective,
      host,
      start: program.start,
      still: opened.still,
      held: [program.held, ...(engine === undefined ? [] : [containerOf(opened)])],
      ...(engine === undefined ? {} : { engine: engineFacts(input, context, engine, judged, opened) }),
      arguments: args,
      environment: context.env,
      home: context.home,
      directories,
      own: [state, config, cache, data, packageRoot()],
      streams,
      reopen: streams === 'pipes' ? reopenable(decision.effective.policy.limits.outputBytes !== null) : [],
      allowDegraded: mayDegrade(input, decision, say),
      cards,
      ...(libraries === undefined ? {} : { libraries }),
      paths: systemPaths,
    });
    for (const line of plan.warnings) say('warn', line);
    return {
      plan,
      judged,
      opened,
      decision,
      host,
      gate,
      program,
      ...(engine === undefined ? {} : { engine }),
    };
  } catch (cause) {
    if (!dry) removeDirectories(directories); // the copy, too: its descriptor goes with this process
    throw cause;
  }
}

// Under an administrator's policy what it requires is not the user's to give up.
function mayDegrade(input: RunInput, { effective }: Prepared['decision'], say: Speaker): boolean {
  if (input.allowDegraded !== true || !effective.hasCeiling) return input.allowDegraded === true;
  say('warn', 'the system’s policy decides which protections may be missing: --allow-degraded is ignored');
  return false;
}

function containerOf({ file, lease }: StillFile): HeldFile {
  return { fd: 7, lease, identity: file.identity };
}

function engineFacts(
  input: RunInput,
  context: Context,
  { release, sha256, path }: OpenEngine,
  { verdict }: Judged,
  { copyPath }: StillFile,
): NonNullable<LaunchInput['engine']> {
  const container = copyPath ?? resolve(context.cwd, input.file);
  return { release, sha256, path, instead: verdict.standing, container };
}

const ANY_EXECUTE = 0o111;

function checkExecutable({ original }: StillFile): void {
  if ((original.mode & ANY_EXECUTE) !== 0) return;
  throw new PaddockError('refused', 'the file is not executable', {
    expected: 'execute permission, as for running it without paddock',
    found: `mode ${(original.mode & 0o7777).toString(8)}`,
    remedy: 'chmod +x the file',
  });
}
