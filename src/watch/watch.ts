import type { Action, Policy } from '../policy/policy.ts';
import { describeCall, showBytes } from './describe.ts';
import {
  FIRST_PHASE,
  nextPhase,
  type PhaseSettings,
  type PhaseState,
  type Transition,
  type WatchInput,
} from './phases.ts';
import { actionFor, type CallEvent, isRefused, isUsual } from './rules.ts';
import type { Sample, Totals } from './sampler.ts';

/** Something that a person, or the session, should act on. */
export interface Alert {
  readonly time: number;
  readonly severity: 'info' | 'warn' | 'critical';
  readonly label: string;
  /** One line, escaped. */
  readonly message: string;
  readonly action: Action;
  /** How often it has happened, this time included. */
  readonly count: number;
  readonly call?: CallEvent;
}

/** What became of the watched calls of one label. */
export interface LabelCounts {
  /** Denied by the gate, or outside the grants so that the kernel denied it. */
  readonly denied: number;
  readonly continued: number;
  readonly emulated: number;
  /** Target of the first denied one, escaped; of the first that was no usual one, where there is one. */
  readonly firstDenied?: string;
}

export interface Peaks {
  readonly memoryBytes: number;
  readonly rssBytes: number;
  readonly processes: number;
  readonly threads: number;
  /** Most CPUs in use between two samples, and CPU time of the whole session. */
  readonly cpus: number;
  readonly cpuMs: number;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly memoryKills: number;
  /** How often the memory limit itself was struck; absent in records of earlier releases. */
  readonly memoryStrikes?: number;
  /** How often a process or thread was refused, being one too many. */
  readonly processRefusals: number;
}

export interface WatchState {
  readonly phase: PhaseState;
  readonly labels: Readonly<Record<string, LabelCounts>>;
  readonly peaks: Peaks;
  readonly lastSample?: Sample;
  /** Refused calls by what they have in common: how often each was seen. */
  readonly repeats: ReadonlyMap<string, number>;
  /** Alerts given for each label. */
  readonly shown: Readonly<Record<string, number>>;
  /** Events that the gate counted and did not report. */
  readonly dropped: number;
  readonly outputBytes: { readonly 1: number; readonly 2: number };
}

export interface WatchSettings extends PhaseSettings {
  readonly actions: Policy['watch'];
  /** The session's own limit of memory; null: none. */
  readonly memoryBytes?: number | null;
}

export interface WatchStep {
  readonly state: WatchState;
  readonly alerts: readonly Alert[];
  readonly transition?: Transition;
}

export const NOTHING_SEEN: WatchState = {
  phase: FIRST_PHASE,
  labels: {},
  peaks: {
    memoryBytes: 0,
    rssBytes: 0,
    processes: 0,
    threads: 0,
    cpus: 0,
    cpuMs: 0,
    readBytes: 0,
    writeBytes: 0,
    memoryKills: 0,
    memoryStrikes: 0,
    processRefusals: 0,
  },
  repeats: new Map(),
  shown: {},
  dropped: 0,
  outputBytes: { 1: 0, 2: 0 },
};

/**
 * Takes one thing that happened and says what follows. Pure. A repeated alert is given again at the 10th, 100th,
 * 1000th time; of a label with ever new targets the first ten are given, then likewise. The first ten
 * that end the session are always given. Memory is bounded whatever the program does.
 */
export function watch(state: WatchState, input: WatchInput, settings: WatchSettings): WatchStep {
  const phase = nextPhase(state.phase, input, settings);
  const step = react({ ...state, phase: phase.state }, input, settings);
  return phase.transition === undefined ? step : { ...step, transition: phase.transition };
}

/** Distinct alerts that are told apart, and alerts of one label that are given singly. */
const MAX_REPEATS = 256;
const MAX_SHOWN = 10;
const MAX_LABELS = 64;
const OTHERS = 'others';

const SEVERITY = { record: 'info', warn: 'warn', kill: 'critical' } as const;

function react(state: WatchState, input: WatchInput, settings: WatchSettings): WatchStep {
  const { actions, memoryBytes = null } = settings;
  switch (input.kind) {
    case 'sample':
      return onSample(state, input.sample, memoryBytes);
    case 'totals':
      return onTotals(state, input.totals, memoryBytes);
    case 'output': {
      const before = state.outputBytes[input.descriptor];
      const outputBytes = { ...state.outputBytes, [input.descriptor]: before + input.bytes };
      return { state: { ...state, outputBytes }, alerts: [] };
    }
    case 'event':
      if (input.event.event === 'call') return onCall(state, input.event, actions);
      if (input.event.event !== 'dropped') return { state, alerts: [] };
      return { state: { ...state, dropped: state.dropped + input.event.count }, alerts: [] };
  }
}

function onCall(before: WatchState, call: CallEvent, actions: Policy['watch']): WatchStep {
  const state = { ...before, labels: countCall(before.labels, call) };
  const action = actionFor(call, actions);
  if (action === undefined) return { state, alerts: [] };
  const [repeats, count] = countRepeat(state.repeats, `${call.label} ${call.nr} ${call.target ?? ''}`);
  const given = own(state.shown, call.label) ?? 0;
  const ofLabel = own(state.labels, call.label)?.denied ?? 0;
  // What ends the session is never folded away: the first ones are told also where all else is full.
  const first = given < MAX_SHOWN && (count === 1 || action === 'kill');
  const round = isRound(count) || (given >= MAX_SHOWN && isRound(ofLabel));
  if (!first && !round) return { state: { ...state, repeats }, alerts: [] };
  const alert: Alert = {
    time: call.time,
    severity: SEVERITY[action],
    label: call.label,
    message: `${describeCall(call)}: refused${times(count, ofLabel)}`,
    action,
    count,
    call,
  };
  const shown = { ...state.shown, [call.label]: given + 1 };
  return { state: { ...state, repeats, shown }, alerts: [alert] };
}

function times(count: number, ofLabel: number): string {
  if (count > 1) return ` (${count} times)`;
  return ofLabel > MAX_SHOWN ? ` (${ofLabel} refusals of this kind)` : '';
}

function isRound(count: number): boolean {
  return count >= 10 && 10 ** Math.round(Math.log10(count)) === count;
}

function countCall(labels: WatchState['labels'], call: CallEvent): WatchState['labels'] {
  const known = Object.hasOwn(labels, call.label) || Object.keys(labels).length < MAX_LABELS;
  const label = known ? call.label : OTHERS;
  const before = own(labels, label);
  const { denied = 0, continued = 0, emulated = 0 } = before ?? {};
  const refused = isRefused(call);
  const earlier = before?.firstDenied;
  const news = earlier === undefined || isUsual(earlier);
  const target = news && refused && call.target !== undefined ? showBytes(call.target) : earlier;
  const counts: LabelCounts = {
    denied: denied + (refused ? 1 : 0),
    continued: continued + (!refused && call.answer === 'continued' ? 1 : 0),
    emulated: emulated + (!refused && call.answer === 'emulated' ? 1 : 0),
    ...(target === undefined ? {} : { firstDenied: target }),
  };
  return { ...labels, [label]: counts };
}

// A label may have the name of something that every object inherits.
function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function countRepeat(repeats: WatchState['repeats'], key: string): [WatchState['repeats'], number] {
  const known = repeats.has(key) || repeats.size < MAX_REPEATS;
  const name = known ? key : OTHERS;
  const count = (repeats.get(name) ?? 0) + 1;
  return [new Map(repeats).set(name, count), count];
}

function onSample(state: WatchState, sample: Sample, limit: number | null): WatchStep {
  const peaks = raise(state.peaks, sample, state.lastSample);
  return struck({ ...state, lastSample: sample }, peaks, sample.time, limit);
}

function onTotals(state: WatchState, totals: Totals, limit: number | null): WatchStep {
  const { peaks } = state;
  const raised = {
    ...peaks,
    memoryBytes: Math.max(peaks.memoryBytes, totals.memoryPeakBytes ?? 0),
    threads: Math.max(peaks.threads, totals.tasksPeak ?? 0),
    cpuMs: Math.max(peaks.cpuMs, totals.cpuMs ?? 0),
    memoryKills: Math.max(peaks.memoryKills, totals.memoryKills ?? 0),
    memoryStrikes: Math.max(peaks.memoryStrikes ?? 0, totals.memoryStrikes ?? 0),
    processRefusals: Math.max(peaks.processRefusals, totals.processRefusals ?? 0),
  };
  return struck(state, raised, totals.time, limit);
}

/**
 * Whether the session struck its own limit of memory, and not one of a group above or of the machine. Counters of v1 stand
 * still in newer kernels: there the most that was used says it, to within the pages that a CPU asks for at once.
 */
export function reachedMemory(peaks: Peaks, limitBytes: number | null): boolean {
  if (limitBytes === null) return false;
  return (peaks.memoryStrikes ?? 0) > 0 || peaks.memoryBytes >= limitBytes - AT_ONCE_BYTES;
}

const AT_ONCE_BYTES = 64 * 4096;

/** Takes the new peaks; a limit that struck more often than before is an alert. */
function struck(state: WatchState, peaks: Peaks, time: number, limit: number | null): WatchStep {
  const alerts: Alert[] = [];
  const tell = (label: string, count: number, before: number, message: string): void => {
    if (count > before) alerts.push({ time, severity: 'warn', label, message, action: 'record', count });
  };
  const before = state.peaks;
  const own = reachedMemory(peaks, limit);
  tell(
    'memory',
    peaks.memoryKills,
    before.memoryKills,
    own
      ? 'the session reached its memory limit: the kernel ended a process of it'
      : 'the kernel ended a process of the session for lack of memory',
  );
  tell(
    'processes',
    peaks.processRefusals,
    before.processRefusals,
    'the session reached its limit of processes and threads: more were refused',
  );
  return { state: { ...state, peaks }, alerts };
}

function raise(peaks: Peaks, sample: Sample, before: Sample | undefined): Peaks {
  const elapsed = before === undefined ? 0 : sample.time - before.time;
  const cpus = before === undefined || elapsed <= 0 ? 0 : (sample.cpuMs - before.cpuMs) / elapsed;
  const most = (key: Exclude<keyof Peaks, 'cpus'>): number => Math.max(peaks[key] ?? 0, sample[key] ?? 0);
  return {
    memoryBytes: most('memoryBytes'),
    rssBytes: most('rssBytes'),
    processes: most('processes'),
    threads: most('threads'),
    cpus: Math.max(peaks.cpus, Math.round(cpus * 100) / 100),
    cpuMs: most('cpuMs'),
    readBytes: most('readBytes'),
    writeBytes: most('writeBytes'),
    memoryKills: most('memoryKills'),
    memoryStrikes: most('memoryStrikes'),
    processRefusals: most('processRefusals'),
  };
}
