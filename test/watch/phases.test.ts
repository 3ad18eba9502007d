import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GateEvent } from '../../src/watch/events.ts';
import {
  FIRST_PHASE,
  nextPhase,
  type Phase,
  type PhaseSettings,
  type Transition,
  type WatchInput,
} from '../../src/watch/phases.ts';
import { callEvent, sampleAt } from './inputs.ts';

const SERVER: PhaseSettings = { mode: 'server', outputVisible: true };
const COMMAND: PhaseSettings = { mode: 'command', outputVisible: true };
const BLIND: PhaseSettings = { mode: 'command', outputVisible: false };

function play(
  settings: PhaseSettings,
  inputs: readonly WatchInput[],
): { phase: Phase; passed: Transition[] } {
  let state = FIRST_PHASE;
  const passed: Transition[] = [];
  for (const input of inputs) {
    const step = nextPhase(state, input, settings);
    state = step.state;
    if (step.transition !== undefined) passed.push(step.transition);
  }
  return { phase: state.phase, passed };
}

const event = (one: GateEvent): WatchInput => ({ kind: 'event', event: one });
const listen = (time: number, answer: 'emulated' | 'denied' = 'emulated', errno = 0): WatchInput =>
  event(callEvent({ label: 'listen', time, answer, errno }));
const sample = (time: number, cpuMs: number): WatchInput => ({
  kind: 'sample',
  sample: sampleAt(time, { cpuMs }),
});
const output = (time: number, descriptor: 1 | 2 = 1): WatchInput => ({
  kind: 'output',
  time,
  descriptor,
  bytes: 5,
});
const exited = (time: number): WatchInput => event({ event: 'exited', time, code: 0 });

describe('a server', () => {
  it('is ready when it listens, infers while it is busy, and is ready again when it is quiet', () => {
    const { passed } = play(SERVER, [
      sample(0, 0),
      sample(1000, 900), // busy with loading
      listen(1500),
      sample(2000, 950), // neither busy nor quiet: 0.05 CPUs
      sample(3000, 2900),
      sample(4000, 2910),
      sample(5000, 2910),
      exited(6000),
    ]);
    expect(passed.map(({ time, from, to }) => [time, from, to])).toEqual([
      [1500, 'loading', 'ready'],
      [3000, 'ready', 'inferring'],
      [5000, 'inferring', 'ready'],
      [6000, 'ready', 'exiting'],
    ]);
    expect(passed.every(({ reason }) => reason.length > 0)).toBe(true);
  });

  it('is not ready when listening was refused or failed', () => {
    expect(play(SERVER, [listen(1, 'denied', 13)]).phase).toBe('loading');
    expect(play(SERVER, [listen(1, 'emulated', 98)]).phase).toBe('loading');
  });

  it('is not ready by what it prints', () => {
    expect(play(SERVER, [output(1), output(2)]).phase).toBe('loading');
  });

  it('one quiet sample between two tokens is not the end', () => {
    const inputs = [listen(0), sample(1, 0), sample(1001, 900), sample(2001, 900), sample(3001, 1800)];
    expect(play(SERVER, inputs).phase).toBe('inferring');
  });
});

describe('on the command line', () => {
  it('output on descriptor 1 shows that it answers; the log on 2 does not', () => {
    const { passed } = play(COMMAND, [output(1, 2), output(2, 2), output(3), output(4), exited(9)]);
    expect(passed.map(({ time, to }) => [time, to])).toEqual([
      [3, 'ready'],
      [4, 'inferring'],
      [9, 'exiting'],
    ]);
  });

  it('without sight of the output, CPU is all there is', () => {
    expect(play(BLIND, [sample(0, 0), sample(1000, 100)]).phase).toBe('loading');
    expect(play(BLIND, [sample(0, 0), sample(1000, 1900)]).phase).toBe('inferring');
    expect(play(COMMAND, [sample(0, 0), sample(1000, 1900)]).phase).toBe('loading');
  });
});

describe('always', () => {
  const anything: fc.Arbitrary<WatchInput> = fc.oneof(
    fc.tuple(fc.nat(10_000), fc.nat(10_000)).map(([time, cpuMs]) => sample(time, cpuMs)),
    fc.tuple(fc.nat(10_000), fc.constantFrom<1 | 2>(1, 2)).map(([time, on]) => output(time, on)),
    fc.nat(10_000).map((time) => listen(time)),
    fc.nat(10_000).map(exited),
    fc.constant(event({ event: 'finished', time: 1, killed: 0 })),
  );

  it('transitions form a chain that ends with exiting, also when the clock goes back', () => {
    fc.assert(
      fc.property(fc.array(anything), fc.constantFrom(SERVER, COMMAND, BLIND), (inputs, settings) => {
        const { phase, passed } = play(settings, inputs);
        let at: Phase = 'loading';
        for (const { from, to } of passed) {
          expect(from).toBe(at);
          expect(to).not.toBe(from);
          expect(from).not.toBe('exiting');
          at = to;
        }
        expect(phase).toBe(at);
      }),
    );
  });
});
