import { randomBytes } from 'node:crypto';
import { constants, fstatSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { findCards } from '../host/cards.ts';
import { ensureGate, packageRoot } from '../host/native.ts';
import { probeHost } from '../host/probe.ts';
import { readDotArgs, runtimeVersion } from '../integrity/dot-args.ts';
import { type PreparedArguments, prepareArguments } from '../launch/arguments.ts';
import { below, makeDirectories, removeDirectories } from '../launch/directories.ts';
import { type PreparedEnvironment, prepareEnvironment } from '../launch/environment.ts';
import { systemPaths } from '../launch/paths.ts';
import type { HostAbilities, LaunchPlan } from '../launch/plan.ts';
import { planLaunch } from '../launch/planner.ts';
import { markOwner } from '../launch/stale.ts';
import { PaddockError } from '../lib/errors.ts';
import { userPaths } from '../lib/paths.ts';
import { nameProcess, PROC_FILES } from '../lib/proc.ts';
import { decide } from '../policy/decide.ts';
import type { Decision, EffectivePolicy, Policy } from '../policy/policy.ts';
import { sessionId } from '../session/start.ts';
import type { Context } from './context.ts';
import { type Judged, type JudgedBy, naming } from './judged.ts';
import { openAndJudge } from './open-judged.ts';
import { policyLayers } from './policy-layers.ts';
import { preferences } from './preferences.ts';
import { type Program, prepareProgram, startOf } from './program.ts';
import { refusal } from './refusal.ts';
import { flagLayer, type RunFlags, withoutEffect } from './run-flags.ts';
import type { Speaker } from './speaker.ts';
import type { StillFile } from './still.ts';
import { judgedBy } from './trust-places.ts';

export interface RunInput extends RunFlags {
  readonly file: string;
  readonly args: readonly string[];
  readonly policy: readonly string[];
  readonly preset?: string;
  readonly allowDegraded?: boolean;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
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
  const by = (effective: EffectivePolicy): JudgedBy => ({
    ...judgedBy(context, effective),
    given: {
      user: input.args,
      append: effective.policy.arguments.force,
      environment: expectedEnvironment(context, effective.policy),
    },
  });
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
    await naming(input.file, () => checkExecutable(opened));
    const decision = decide({ effective, verdict: judged.verdict });
    if (decision.outcome === 'refuse') throw refusal(input.file, decision);
    for (const { message } of decision.warnings) say('warn', message);
    return await prepareAllowed(context, input, streams, say, { judged, opened, decision, gate });
  } catch (cause) {
    opened.close();
    throw cause;
  }
}

function gateOf(context: Context, say: Speaker): Promise<string> {
  return ensureGate({
    cache: userPaths(context.env, context.home).cache,
    uid: context.uid,
    searchPath: context.env.PATH,
    say: (line) => say('note', line),
  });
}

interface Allowed extends Pick<Prepared, 'judged' | 'decision' | 'gate'> {
  readonly opened: StillFile;
}

async function prepareAllowed(
  context: Context,
  input: RunInput,
  streams: LaunchPlan['streams'],
  say: Speaker,
  { judged, opened, decision, gate }: Allowed,
): Promise<Prepared> {
  const { policy } = decision.effective;
  const { state, config, cache, data } = userPaths(context.env, context.home);
  const host = probeHost(gate, context.uid);
  const start = startOf(judged, policy.trust);
  const args = userArguments(context, input, judged, decision, say);
  const id = sessionId(context.now(), randomBytes(3));
  const dry = input.dryRun === true;
  const directories = dry ? below(`<private folder of ${id}>`) : makeDirectories(context.env, context.uid);
  try {
    if (!dry)
      markOwner(directories, nameProcess(PROC_FILES, process.pid) ?? { pid: process.pid, startTime: -1 });
    const program = prepareProgram({ judged, opened }, start, directories, dry);
    const plan = planLaunch({
      id,
      file: resolve(context.cwd, input.file),
      argv0: input.file,
      effective: decision.effective,
      host,
      start: program.start,
      still: opened.still,
      held: [program.held],
      arguments: args,
      environment: context.env,
      home: context.home,
      directories,
      own: [state, config, cache, data, packageRoot()],
      streams,
      reopen: streams === 'pipes' ? reopenable(decision.effective.policy.limits.outputBytes !== null) : [],
      allowDegraded: mayDegrade(input, decision, say),
      cards: policy.devices.gpu === 'none' ? [] : findCards(),
      paths: systemPaths,
    });
    for (const line of plan.warnings) say('warn', line);
    return { plan, judged, opened, decision, host, gate, program };
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

function userArguments(
  context: Context,
  input: RunInput,
  { anatomy, file, verdict }: Judged,
  decision: Prepared['decision'],
  say: Speaker,
): PreparedArguments {
  const version = runtimeVersion(verdict);
  const prepared = prepareArguments({
    args: input.args,
    cwd: context.cwd,
    dotArgs: readDotArgs(anatomy, file.source),
    environment: expectedEnvironment(context, decision.effective.policy),
    ...(version === undefined ? {} : { version }),
    members: new Set(anatomy.zip?.members.map(({ name }) => name as string)),
    hasModel: anatomy.models.length > 0,
    effective: decision.effective,
    paths: systemPaths,
  });
  for (const line of prepared.warnings) say('warn', line);
  return prepared;
}

// What variables in `.args` will become. The private folders are not made yet; that they are paths is all that matters.
function expectedEnvironment(context: Context, policy: Policy): PreparedEnvironment['variables'] {
  return prepareEnvironment({
    policy: policy.environment,
    caller: context.env,
    home: '/private/home',
    tmp: '/private/tmp',
    execute: policy.files.execute.length > 0,
  }).variables;
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

/**
 * Standard streams that are files or devices: Landlock takes a rule for these, and `/dev/stdin` can open them again. Only
 * in the way in which they are open: a file that is read from may not become one that is written.
 */
function reopenable(outputCounted: boolean): (0 | 1 | 2)[] {
  const inherited = outputCounted ? ([0] as const) : ([0, 1, 2] as const);
  return inherited.filter((fd) => {
    try {
      const stats = fstatSync(fd);
      if (accessMode(fd) === (fd === 0 ? O_WRONLY : O_RDONLY)) return false;
      return stats.isFile() || (stats.isCharacterDevice() && stats.rdev === NULL_DEVICE);
    } catch {
      return false; // closed: there is nothing to open again
    }
  });
}

// Linux's flags of open descriptors are octal in proc(5); Node has no fcntl.
function accessMode(fd: number): number {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
  if (flags === undefined) throw new Error('no flags');
  return Number.parseInt(flags, 8) & (O_RDONLY | O_WRONLY | O_RDWR);
}

const { O_RDONLY, O_WRONLY, O_RDWR } = constants;

/** /dev/null: 1,3 of the memory devices. */
const NULL_DEVICE = 0x103;
