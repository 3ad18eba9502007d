import { closeSync } from 'node:fs';
import { identityChanged } from '../format/open.ts';
import { killLeaves, makeLeaves, removeLeaves } from '../launch/cgroup.ts';
import { removeDirectories } from '../launch/directories.ts';
import { sweepStale } from '../launch/stale.ts';
import { PaddockError } from '../lib/errors.ts';
import { isRunning, PROC_FILES } from '../lib/proc.ts';
import { type CallerSignals, type Conducted, conduct, type Observer } from '../session/conduct.ts';
import { observeSession, type SessionObserver } from '../session/observer.ts';
import type { Registration } from '../session/register.ts';
import { describeStart } from '../session/start.ts';
import { summarise } from '../session/summary.ts';
import type { EndResult, SessionRecord } from '../session/types.ts';
import type { CallerStreams, Streams } from '../terminal/streams.ts';
import type { Transition } from '../watch/phases.ts';
import type { Context } from './context.ts';
import { openRecord, pruneRecords } from './keep-record.ts';
import { planJson } from './plan-json.ts';
import { preferences } from './preferences.ts';
import { type Prepared, prepare, type RunInput } from './prepare.ts';
import { enterRegister } from './register.ts';
import { endBySignal, processSignals } from './signals.ts';
import { onFreshLines, type Speaker, speaker } from './speaker.ts';
import type { StillFile } from './still.ts';

/**
 * `paddock run`: judges, asks the policy, plans, and guards the program until it has ended; then ends as it did.
 * @throws PaddockError for every outcome of paddock's own; nothing of the file has run then, or all of it was ended.
 */
export async function run(context: Context, input: RunInput, caller: CallerStreams): Promise<void> {
  const guarded = await guard(context, input, caller);
  if (guarded === undefined) return;
  if (guarded.killed?.limit !== undefined) process.exit(LIMIT_REACHED);
  if ('signal' in guarded.end) await endBySignal(guarded.end.signal);
  else process.exit(guarded.end.code);
}

/** One of paddock's own limits ended the session: the code of timeout(1). */
const LIMIT_REACHED = 124;

/** For commands that run a file on their way: the demo. */
export interface GuardHooks {
  /** `before`: what a line about it must begin with (`Streams.freshLine`). */
  phase?(transition: Transition, before: string): void;
  readonly signals?: CallerSignals;
  ended?(record: SessionRecord): void;
}

/** The same without ending this process; undefined after `--dry-run`. */
export async function guard(
  context: Context,
  input: RunInput,
  caller: CallerStreams,
  hooks: GuardHooks = {},
): Promise<Conducted | undefined> {
  requireLinux();
  const say = speaker(context, input.quiet ?? preferences(context).quiet ?? false);
  const wantsTerminal = caller.isTerminal[0] && caller.isTerminal[1];
  const streams = input.dryRun === true ? undefined : await openStreams(caller, wantsTerminal, say);
  const mode = streams?.mode ?? (wantsTerminal ? 'terminal' : 'pipes');
  const prepared = await prepare(context, input, mode, say);
  let entry: Registration | undefined;
  try {
    if (streams === undefined) {
      context.stdout.write(`${planJson(prepared.plan)}\n`);
      return undefined;
    }
    entry = enterRegister(context, prepared, say);
    const speak = onFreshLines(context, say, streams.freshLine);
    return await session(context, { ...prepared, entry: entry?.fd }, streams, speak, hooks);
  } finally {
    entry?.release();
    prepared.opened.close();
    prepared.engine?.opened.close();
    if (prepared.program.copy !== undefined) closeSync(prepared.program.copy);
    if (input.dryRun !== true) {
      const left = removeDirectories(prepared.plan.directories);
      if (left > 0) say('warn', `${left} entries of ${prepared.plan.directories.root} could not be removed`);
      sweepStale(context.env, context.uid, (owner) => isRunning(PROC_FILES, owner));
      pruneRecords(context, prepared.decision.effective.policy.retention);
    }
  }
}

/** Everything before the start, and the entry in the register. */
interface Entered extends Prepared {
  readonly entry: number | undefined;
}

async function session(
  context: Context,
  prepared: Entered,
  streams: Streams,
  say: Speaker,
  hooks: GuardHooks,
): Promise<Conducted> {
  const { plan, judged, decision, engine } = prepared;
  const { policy } = decision.effective;
  if (policy.limits.outputBytes !== null) streams.countOutput();
  const start = {
    now: context.now(),
    plan,
    verdict: engine === undefined ? decision.verdict : judged.verdict,
    decision,
    host: prepared.host,
  };
  const facts = { sizeBytes: judged.anatomy.size, pid: process.pid, files: PROC_FILES };
  const { writer, sinks } = await openRecord(context, policy, describeStart({ ...start, ...facts }), say);
  const fresh = (): string => streams.freshLine?.() ?? '\n';
  const observer = observeSession({
    plan,
    actions: policy.watch,
    limits: policy.limits,
    session: writer,
    files: PROC_FILES,
    outputVisible: streams.stdio[1] !== 'inherit',
    now: () => context.now().getTime(),
    warn: (alert) => say('warn', alert.message),
    ...(hooks.phase === undefined ? {} : { phase: (transition) => hooks.phase?.(transition, fresh()) }),
  });
  try {
    const conducted = await conductGuarded(
      prepared,
      streams,
      observer,
      hooks.signals ?? processSignals(),
      // What does not hold as the policy says it is told, and stands in the record.
      (message) => {
        say('warn', message);
        writer.append(context.now().getTime(), { event: 'weakness', message }, true);
      },
    );
    const record = observer.finish(endResult(conducted), conducted.killed);
    hooks.ended?.(record);
    say(
      'plain',
      summarise(record, { directory: writer.directory, columns: context.stderr.columns }).join('\n'),
    );
    return conducted;
  } finally {
    if (!(await killLeaves(plan.cgroups, endProcess)))
      say('warn', 'processes of the session are left that cannot be killed');
    await Promise.all(sinks.map((sink) => sink.close()));
    const left = removeLeaves(plan.cgroups);
    for (const path of left) say('warn', `the control group ${path} could not be removed`);
  }
}

async function conductGuarded(
  { plan, opened, decision, gate, program, engine, entry }: Entered,
  streams: Streams,
  observer: SessionObserver,
  signals: CallerSignals,
  weakness: (message: string) => void,
): Promise<Conducted> {
  const { limits, watch } = decision.effective.policy;
  try {
    // The last look before the start.
    opened.check();
    engine?.opened.check();
    for (const line of makeLeaves(plan.cgroups)) weakness(line);
    return await conduct({
      plan,
      gateProgram: gate,
      file: program.fd,
      ...(entry === undefined ? {} : { entry }),
      ...(engine === undefined ? {} : { container: opened.file.fd }),
      streams,
      observer: guarding([opened, ...(engine === undefined ? [] : [engine.opened])], observer),
      signals,
      sampleMs: watch.sampleMs,
      timeMs: limits.timeMs,
    });
  } catch (cause) {
    observer.finish({ kind: 'failure', message: cause instanceof Error ? cause.message : String(cause) });
    throw cause;
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself meanwhile
  }
}

function requireLinux(): void {
  if (process.platform === 'linux' && process.arch === 'x64') return;
  throw new PaddockError('host-lacks', `paddock has no fence for ${process.platform} on ${process.arch}`, {
    expected: 'Linux on x86-64',
    remedy: '`paddock verify` and `paddock inspect` work here',
  });
}

// Loaded only when used: a terminal needs a native module, pipes do not.
async function openStreams(caller: CallerStreams, terminal: boolean, say: Speaker): Promise<Streams> {
  if (terminal) {
    const { openPty } = await import('../terminal/pty.ts');
    const pty = await openPty(caller);
    if (pty !== undefined) return pty;
    say('note', 'node-pty is not installed: the program gets pipes in place of a terminal of its own');
  }
  const { openPipes } = await import('../terminal/pipes.ts');
  return openPipes(caller);
}

/** From its start on the supervisor holds the file; where nobody can, it is looked at all the time it runs. */
function guarding(files: readonly StillFile[], observer: SessionObserver): Observer {
  const looked = files.filter(
    ({ still, lease }) => still.how !== 'sealed' && !(lease && still.how !== 'restat'),
  );
  const isChanged = (): boolean => looked.some(({ file }) => identityChanged(file.fd, file.identity));
  return {
    event(event) {
      if (event.event === 'started') for (const { release } of files) release();
      return observer.event(event);
    },
    sample: () =>
      isChanged() ? { by: 'file', detail: 'the file was changed while it ran' } : observer.sample(),
    output: (descriptor, bytes) => observer.output(descriptor, bytes),
    timeUp: (limitMs) => observer.timeUp(limitMs),
    isReady: () => observer.isReady?.() === true,
  };
}

function endResult({ end }: Conducted): EndResult {
  return 'signal' in end ? { kind: 'signal', signal: end.signal } : { kind: 'exit', code: end.code };
}
