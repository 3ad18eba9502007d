import type { LaunchPlan } from '../launch/plan.ts';
import { nameProcess, type ProcFiles, parseAuxv, readStat } from '../lib/proc.ts';
import type { Policy } from '../policy/policy.ts';
import { connectionsTo } from '../watch/connections.ts';
import { diskMeter } from '../watch/disk.ts';
import type { GateEvent } from '../watch/events.ts';
import { type LimitReached, limitReached, limitWatch, type Reached, type Seen } from '../watch/limits.ts';
import type { Phase, Transition, WatchInput } from '../watch/phases.ts';
import { createSampler, type Sampler } from '../watch/sampler.ts';
import {
  type Alert,
  NOTHING_SEEN,
  reachedMemory,
  type WatchSettings,
  type WatchState,
  watch,
} from '../watch/watch.ts';
import type { KillReason, Observer } from './conduct.ts';
import { eventEntry, sampleEntries } from './entries.ts';
import type { Entry, SessionWriter } from './record.ts';
import type { EndResult, SessionEnd, SessionRecord } from './types.ts';

export interface ObserverInput {
  readonly plan: LaunchPlan;
  readonly actions: Policy['watch'];
  readonly limits: Policy['limits'];
  readonly session: SessionWriter;
  readonly files: ProcFiles;
  /** False when the program has the caller's own descriptors, so that its output is not seen. */
  readonly outputVisible: boolean;
  /** The clock; milliseconds since the epoch. */
  now(): number;
  /** Alerts of severity warn and critical, for the terminal. */
  warn(alert: Alert): void;
  /** For whoever wants to see the phases live. */
  phase?(transition: Transition): void;
}

/** Looks on, keeps the record, and closes it. */
export interface SessionObserver extends Observer {
  /**
   * Writes the end of the record; a second time it only gives it again. The first reason to end the session counts.
   * @throws PaddockError `io`
   */
  finish(result: EndResult, killed?: KillReason): SessionRecord;
}

/** Brings watching and recording together. If the record cannot be kept, the session is to end: the reason says so. */
export function observeSession(input: ObserverInput): SessionObserver {
  const { session, files } = input;
  const settings: WatchSettings = {
    mode: input.plan.network.mode === 'serve' ? 'server' : 'command',
    outputVisible: input.outputVisible,
    actions: input.actions,
    memoryBytes: input.limits.memoryBytes,
  };
  const started = input.now();
  const limits = limitWatch(input.limits, started);
  const { home, tmp, work } = input.plan.directories;
  const meter = input.limits.diskBytes === null ? undefined : diskMeter([home, tmp, work]);
  let program = 0;
  let limit: LimitReached | undefined;
  let lastMemoryKill: number | undefined;
  const sampleEntry = sampleEntries(started);
  const alerts: Omit<Alert, 'call'>[] = [];
  const transitions: Transition[] = [];
  let state: WatchState = NOTHING_SEEN;
  let sampler: Sampler | undefined;
  let leftovers = 0;
  /** The phase before `exiting`. */
  let busyPhase: Phase = 'loading';
  let killed: KillReason | undefined;
  let record: SessionRecord | undefined;

  function take(what: WatchInput): KillReason | undefined {
    const step = watch(state, what, settings);
    state = step.state;
    if (step.transition !== undefined) keepTransition(step.transition);
    for (const alert of step.alerts) keepAlert(alert);
    const fatal = step.alerts.find(({ action }) => action === 'kill');
    return fatal === undefined ? undefined : { by: 'rule', detail: fatal.message };
  }

  let ready = false;

  function keepTransition(transition: Transition): void {
    const isRoom = transitions.length < MAX_TRANSITIONS;
    if (isRoom) transitions.push(transition);
    if (transition.to !== 'exiting') busyPhase = transition.to;
    const { time, ...rest } = transition;
    session.append(time, { event: 'phase', ...rest }, isRoom);
    input.phase?.(transition);
    if (ready || transition.from !== 'loading' || transition.to === 'exiting') return;
    ready = true;
    const { closing } = input.plan;
    if (closing.length > 0) session.append(time, { event: 'closed', closing }, true);
  }

  function keepAlert(alert: Alert): void {
    const { call: _, ...told } = alert;
    const isRoom = alerts.length < MAX_ALERTS;
    if (isRoom) alerts.push(told);
    const { time, ...rest } = told;
    if (alert.label === 'memory') lastMemoryKill = time;
    session.append(time, { event: 'alert', ...rest }, isRoom || alert.action === 'kill');
    if (alert.severity !== 'info') input.warn(alert);
  }

  function begin({ child, init }: Extract<GateEvent, { event: 'started' }>): void {
    program = child;
    const gatePid = readStat(files, child)?.ppid;
    const gate = gatePid === undefined ? undefined : nameProcess(files, gatePid);
    session.running(nameProcess(files, child) ?? { pid: child, startTime: -1 }, gate);
    const units = parseAuxv(files.readText('/proc/self/auxv'));
    const gateOrChild = gatePid ?? child;
    const leaves = input.plan.cgroups;
    sampler = createSampler({
      files,
      units,
      leaves,
      gate: gateOrChild,
      ...(init === undefined ? {} : { init }),
    });
  }

  function look(): KillReason | undefined {
    const sample = sampler?.sample(input.now());
    if (sample === undefined) return undefined;
    const entry = sampleEntry(sample);
    if (entry !== undefined) session.append(sample.time, entry);
    const reached = limits.sample(sample, surroundings());
    return take({ kind: 'sample', sample }) ?? ended(reached);
  }

  /** What the kernel does not limit. */
  function surroundings(): Seen {
    const { network } = input.plan;
    return {
      connections: network.mode === 'serve' ? connectionsTo(files, program, network.port) : 0,
      diskBytes: meter && meter.measure(DISK_MS, sampler?.pids() ?? []) - extractedBytes(input.plan),
    };
  }

  function ended(reached: Reached | undefined): KillReason | undefined {
    if (reached === undefined) return undefined;
    limit ??= limitReached({ ...reached, time: input.now(), phase: busyPhase });
    return { by: 'limit', detail: limit.message, limit };
  }

  function total(): KillReason | undefined {
    const totals = sampler?.totals(input.now());
    if (totals === undefined) return undefined;
    const { time, ...figures } = totals;
    session.append(time, { event: 'totals', ...figures }, true);
    return take({ kind: 'totals', totals });
  }

  function deciding(work: () => KillReason | undefined): KillReason | undefined {
    let reason: KillReason | undefined;
    try {
      reason = work();
    } catch (cause) {
      // What cannot be recorded must not go on.
      reason = { by: 'record', detail: cause instanceof Error ? cause.message : String(cause) };
    }
    killed ??= reason;
    return reason;
  }

  return {
    event: (event) =>
      deciding(() => {
        session.append(event.time, eventEntry(event), !REPEATABLE.has(event.event));
        if (event.event === 'started') begin(event);
        if (event.event === 'finished') leftovers = event.killed;
        const reason = take({ kind: 'event', event });
        // The first and the last look: a short session has no others. The gate removes the control groups when it is
        // told that this was seen.
        if (event.event === 'started') return reason ?? look();
        return reason ?? (event.event === 'exited' ? total() : undefined);
      }),
    sample: () => deciding(look),
    output: (descriptor, bytes) =>
      deciding(
        () => take({ kind: 'output', time: input.now(), descriptor, bytes }) ?? ended(limits.output(bytes)),
      ),
    isReady: () => ready,
    timeUp: (limitMs) => deciding(() => ended({ limit: 'time', figure: limitMs })),
    finish(result, reason) {
      if (record !== undefined) return record;
      killed ??= reason;
      const now = input.now();
      meter?.close();
      limit ??= limitOfKernel(result, {
        state,
        killed,
        limits: input.limits,
        time: lastMemoryKill ?? now,
        phase: busyPhase,
      });
      if (limit !== undefined) session.append(now, limitEntry(limit), true);
      if (killed !== undefined)
        session.append(now, { event: 'kill', by: killed.by, detail: killed.detail }, true);
      const end = endOf(state, { now, started, killed, limit, result, leftovers, alerts, transitions });
      // What is notable must survive a crash of the machine right after.
      record = session.end(end, alerts.length > 0 || killed !== undefined);
      return record;
    },
  };
}

/** Events that a program can bring about without end: these are recorded only up to the bound of the record. */
const REPEATABLE: ReadonlySet<string> = new Set(['call', 'dropped', 'stopped', 'continued']);
const MAX_ALERTS = 100;
const MAX_TRANSITIONS = 200;
/** For counting files, at each sample. */
const DISK_MS = 50;

interface Ending extends Pick<SessionEnd, 'result' | 'leftovers' | 'alerts' | 'transitions'> {
  readonly now: number;
  readonly started: number;
  readonly killed: KillReason | undefined;
  readonly limit: LimitReached | undefined;
}

// What paddock put into the private folders itself is not the program's.
function extractedBytes({ libraries }: ObserverInput['plan']): number {
  return (libraries?.files ?? []).reduce((sum, { bytes }) => sum + bytes, 0);
}

function endOf(state: WatchState, { now, started, killed, limit, ...rest }: Ending): SessionEnd {
  return {
    time: new Date(now).toISOString(),
    durationMs: Math.max(0, now - started),
    ...(killed === undefined ? {} : { killed: { by: killed.by, detail: killed.detail } }),
    ...(limit === undefined ? {} : { limit }),
    peaks: state.peaks,
    labels: state.labels,
    droppedEvents: state.dropped,
    outputBytes: state.outputBytes,
    ...rest,
  };
}

function limitEntry({ time, ...rest }: LimitReached): Entry {
  return { event: 'limit', at: new Date(time).toISOString(), ...rest };
}

const SIGKILL = 9;
const SIGXFSZ = 25;

interface KernelFacts {
  readonly state: WatchState;
  readonly killed: KillReason | undefined;
  readonly limits: Policy['limits'];
  readonly time: number;
  readonly phase: Phase;
}

/**
 * The limit of the kernel by which the program ended. Told from the control group's own counters and from the signal:
 * a program that is killed by SIGKILL alone may have been killed by anybody.
 */
function limitOfKernel(
  result: EndResult,
  { state, killed, limits, time, phase }: KernelFacts,
): LimitReached | undefined {
  if (killed !== undefined || result.kind !== 'signal') return undefined;
  const { memoryKills } = state.peaks;
  if (result.signal === SIGXFSZ) {
    return limitReached({ limit: 'file-size', figure: limits.fileBytes, time, phase });
  }
  if (result.signal !== SIGKILL || memoryKills === 0) return undefined;
  const own = reachedMemory(state.peaks, limits.memoryBytes);
  return limitReached({
    limit: 'memory',
    ...(own ? { figure: limits.memoryBytes ?? 0 } : {}),
    time,
    phase,
  });
}
