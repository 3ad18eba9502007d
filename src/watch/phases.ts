import type { GateEvent } from './events.ts';
import type { Sample, Totals } from './sampler.ts';

/**
 * What the session is doing. `loading`: the program was started and reads its weights. `ready`: it listens, or has
 * begun to answer, and is not busy. `inferring`: it computes. `exiting`: the program has ended, or is being ended.
 */
export type Phase = 'loading' | 'ready' | 'inferring' | 'exiting';

export interface Transition {
  readonly time: number;
  readonly from: Phase;
  readonly to: Phase;
  /** Why, in a few words of our own. */
  readonly reason: string;
}

/** Everything that a session can be told. Times are milliseconds since the epoch. */
export type WatchInput =
  | { readonly kind: 'event'; readonly event: GateEvent }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'totals'; readonly totals: Totals }
  | { readonly kind: 'output'; readonly time: number; readonly descriptor: 1 | 2; readonly bytes: number };

export interface PhaseSettings {
  readonly mode: 'server' | 'command';
  /** False when the program writes to the caller's descriptors itself, so that nothing of it is counted. */
  readonly outputVisible: boolean;
}

export interface PhaseState {
  readonly phase: Phase;
  readonly previous?: { readonly time: number; readonly cpuMs: number };
  /** Samples in a row that were busy, or quiet. */
  readonly busy: number;
  readonly quiet: number;
}

export const FIRST_PHASE: PhaseState = { phase: 'loading', busy: 0, quiet: 0 };

/** One step of the phase machine. Pure: the same state and input give the same result. */
export function nextPhase(
  state: PhaseState,
  input: WatchInput,
  settings: PhaseSettings,
): { readonly state: PhaseState; readonly transition?: Transition } {
  switch (input.kind) {
    case 'event':
      return onEvent(state, input.event, settings);
    case 'sample':
      return onSample(state, input.sample, settings);
    case 'totals':
      return { state };
    case 'output':
      return onOutput(state, input.time, input.descriptor, settings);
  }
}

/** CPU time per time: from here on a sample is busy, below that it is quiet, between them neither. In CPUs. */
const BUSY_CPUS = 0.5;
const QUIET_CPUS = 0.2;
/** A server is only quiet again when two samples say so: between two tokens it may wait. */
const QUIET_SAMPLES = 2;

type Step = ReturnType<typeof nextPhase>;

function onEvent(state: PhaseState, event: GateEvent, { mode }: PhaseSettings): Step {
  if (event.event === 'exited') return move(state, 'exiting', event.time, 'the program ended');
  if (event.event === 'finished') return move(state, 'exiting', event.time, 'no process is left');
  const listens = event.event === 'call' && event.label === 'listen' && event.answer !== 'denied';
  if (mode === 'server' && listens && event.errno === 0 && state.phase === 'loading') {
    return move(state, 'ready', event.time, 'the port is listening');
  }
  return { state };
}

function onSample(before: PhaseState, sample: Sample, settings: PhaseSettings): Step {
  const cpus = usedCpus(before, sample);
  const state: PhaseState = {
    ...before,
    previous: { time: sample.time, cpuMs: sample.cpuMs },
    busy: cpus !== undefined && cpus >= BUSY_CPUS ? before.busy + 1 : 0,
    quiet: cpus !== undefined && cpus < QUIET_CPUS ? before.quiet + 1 : 0,
  };
  const used = `${(cpus ?? 0).toFixed(1)} CPUs in use`;
  if (state.phase === 'ready' && state.busy > 0) return move(state, 'inferring', sample.time, used);
  if (state.phase === 'inferring' && state.quiet >= QUIET_SAMPLES) {
    return move(state, 'ready', sample.time, 'quiet');
  }
  // Nothing but CPU tells how far it is: loading is mostly reading.
  const blind = settings.mode === 'command' && !settings.outputVisible && state.phase === 'loading';
  if (blind && state.busy > 0) return move(state, 'inferring', sample.time, used);
  return { state };
}

function onOutput(state: PhaseState, time: number, descriptor: 1 | 2, { mode }: PhaseSettings): Step {
  // On descriptor 2 engines write their log while they load.
  if (mode === 'server' || descriptor !== 1) return { state };
  if (state.phase === 'loading') return move(state, 'ready', time, 'first output');
  if (state.phase === 'ready') return move(state, 'inferring', time, 'output goes on');
  return { state: { ...state, quiet: 0 } };
}

function move(state: PhaseState, to: Phase, time: number, reason: string): Step {
  if (state.phase === to || state.phase === 'exiting') return { state };
  return {
    state: { ...state, phase: to, busy: 0, quiet: 0 },
    transition: { time, from: state.phase, to, reason },
  };
}

function usedCpus({ previous }: PhaseState, { time, cpuMs }: Sample): number | undefined {
  if (previous === undefined || time <= previous.time) return undefined;
  return Math.max(0, cpuMs - previous.cpuMs) / (time - previous.time);
}
