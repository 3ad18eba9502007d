import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asUntrusted } from '../../src/lib/text.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { describeCall, showBytes } from '../../src/watch/describe.ts';
import type { GateEvent } from '../../src/watch/events.ts';
import type { WatchInput } from '../../src/watch/phases.ts';
import {
  type Alert,
  NOTHING_SEEN,
  type WatchSettings,
  type WatchState,
  watch,
} from '../../src/watch/watch.ts';
import { callEvent, sampleAt } from './inputs.ts';

const ACTIONS: Policy['watch'] = {
  exec: 'kill',
  connect: 'warn',
  write: 'warn',
  read: 'record',
  syscall: 'record',
  sampleMs: 1000,
};
const SETTINGS: WatchSettings = { mode: 'command', outputVisible: true, actions: ACTIONS };

function play(
  inputs: readonly WatchInput[],
  actions: Partial<Policy['watch']> = {},
): { state: WatchState; alerts: Alert[] } {
  const settings = { ...SETTINGS, actions: { ...ACTIONS, ...actions } };
  let state = NOTHING_SEEN;
  const alerts: Alert[] = [];
  for (const input of inputs) {
    const step = watch(state, input, settings);
    state = step.state;
    alerts.push(...step.alerts);
  }
  return { state, alerts };
}

const event = (one: GateEvent): WatchInput => ({ kind: 'event', event: one });
const call = (facts: Parameters<typeof callEvent>[0]): WatchInput => event(callEvent(facts));

describe('what the policy says about an event', () => {
  it.each([
    ['a denied exec', { label: 'exec' }, 'kill'],
    ['a memory file, which is there to be executed', { label: 'memfd', target: undefined }, 'kill'],
    ['a connection', { label: 'connect', target: '10.0.0.1:80' }, 'warn'],
    ['a socket', { label: 'socket', target: undefined }, 'warn'],
    ['fast open', { label: 'fast-open' }, 'warn'],
    ['another port', { label: 'bind' }, 'warn'],
    ['a write outside the grant', { label: 'write', answer: 'continued', granted: false }, 'warn'],
    ['a read outside the grant', { label: 'read', answer: 'continued', granted: false }, 'record'],
    ['another call', { label: 'trace', nr: 101, target: undefined }, 'record'],
    ['a label that is not in the table', { label: 'constructor' }, 'record'],
  ] as const)('%s', (_, facts, action) => {
    const { alerts } = play([call(facts)]);
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toMatchObject({ action, count: 1, label: facts.label });
    expect(alerts[0]?.severity).toBe({ kill: 'critical', warn: 'warn', record: 'info' }[action]);
  });

  it.each([
    ['the first exec, which is the program itself', { label: 'exec', answer: 'continued', errno: 0 }],
    ['a granted write', { label: 'write', answer: 'continued', granted: true, errno: 0 }],
    ['the port that was asked for', { label: 'bind', answer: 'emulated', errno: 0 }],
    ['a port that is taken', { label: 'bind', answer: 'emulated', errno: 98 }],
    ['a call that a C library has another way for', { label: 'fallback', answer: 'denied', errno: 38 }],
    ['a signal, which is seen only', { label: 'signal', answer: 'continued', errno: 1 }],
  ] as const)('is nothing for %s', (_, facts) => {
    const { alerts, state } = play([call(facts)]);
    expect(alerts).toEqual([]);
    expect(Object.keys(state.labels)).toEqual([facts.label]); // but it is counted
  });
});

describe('what every engine tries', () => {
  it('gives way, as the first that was denied, to what is news', () => {
    const write = (target: string) => call({ label: 'write', target });
    expect(play([write('/dev/tty')]).state.labels.write?.firstDenied).toBe('/dev/tty');
    const { state } = play([write('/dev/tty'), write('/etc/passwd'), write('/etc/group')]);
    expect(state.labels.write).toMatchObject({ denied: 3, firstDenied: '/etc/passwd' });
  });
});

describe('a flood', () => {
  const counts = (alerts: readonly Alert[]): number[] => alerts.map(({ count }) => count);

  it('of the same is told at once, then at every power of ten', () => {
    const { alerts, state } = play(
      Array.from({ length: 1500 }, () => call({ label: 'connect', target: 'x' })),
    );
    expect(counts(alerts)).toEqual([1, 10, 100, 1000]);
    expect(alerts[3]?.message).toContain('1000 times');
    expect(state.labels.connect).toEqual({ denied: 1500, continued: 0, emulated: 0, firstDenied: 'x' });
  });

  it('of ever new targets is told ten times, then rarely', () => {
    const { alerts } = play(
      Array.from({ length: 2000 }, (_, n) => call({ label: 'connect', target: `t${n}` })),
    );
    expect(alerts.length).toBeLessThan(20);
    expect(alerts.at(-1)?.message).toMatch(/refusals of this kind|times/);
  });

  it('does not hide what ends the session, even behind a thousand other things', () => {
    const noise = Array.from({ length: 1000 }, (_, n) => call({ label: `l${n}`, target: `t${n}` }));
    const { alerts } = play([...noise, call({ label: 'exec' }), call({ label: 'exec' })]);
    expect(alerts.slice(-2).map(({ action }) => action)).toEqual(['kill', 'kill']);
    const storm = Array.from({ length: 1000 }, (_, n) => call({ label: 'exec', target: `t${n}` }));
    expect(play(storm).alerts.length).toBeLessThan(20);
  });

  it('takes bounded memory, whatever the labels and targets', () => {
    const inputs = Array.from({ length: 1000 }, (_, n) => call({ label: `l${n}`, target: `t${n}` }));
    const { state } = play(inputs);
    expect(Object.keys(state.labels).length).toBeLessThanOrEqual(65);
    expect(state.repeats.size).toBeLessThanOrEqual(257);
    const denied = Object.values(state.labels).reduce((sum, one) => sum + one.denied, 0);
    expect(denied).toBe(1000);
  });

  it('what the gate dropped is counted', () => {
    expect(
      play([event({ event: 'dropped', time: 1, count: 4 }), event({ event: 'dropped', time: 2, count: 5 })])
        .state.dropped,
    ).toBe(9);
  });
});

describe('samples', () => {
  it('leave their peaks, and CPUs from one to the next', () => {
    const { state } = play([
      { kind: 'sample', sample: sampleAt(0, { cpuMs: 100, threads: 4, readBytes: 7 }) },
      { kind: 'sample', sample: sampleAt(1000, { cpuMs: 1900, memoryBytes: 9000, processes: 3 }) },
      { kind: 'sample', sample: sampleAt(2000, { cpuMs: 1950 }) },
    ]);
    expect(state.peaks).toEqual({
      memoryBytes: 9000,
      rssBytes: 1000,
      processes: 3,
      threads: 4,
      cpus: 1.8,
      cpuMs: 1950,
      readBytes: 7,
      writeBytes: 0,
      memoryKills: 0,
      memoryStrikes: 0,
      processRefusals: 0,
    });
  });

  it('are completed by what the control groups tell at the end', () => {
    const { state, alerts } = play([
      { kind: 'sample', sample: sampleAt(0, { cpuMs: 100, memoryBytes: 5000, threads: 4 }) },
      {
        kind: 'totals',
        totals: { time: 5, memoryPeakBytes: 9000, tasksPeak: 2, cpuMs: 300, memoryKills: 1 },
      },
      { kind: 'totals', totals: { time: 6 } },
    ]);
    expect(state.peaks).toMatchObject({ memoryBytes: 9000, threads: 4, cpuMs: 300, memoryKills: 1 });
    expect(alerts.map(({ label }) => label)).toEqual(['memory']);
  });

  it('tell once for each time that the memory limit struck', () => {
    const kills = [0, 1, 1, 2].map(
      (memoryKills, time): WatchInput => ({ kind: 'sample', sample: sampleAt(time, { memoryKills }) }),
    );
    const { alerts } = play(kills);
    expect(alerts.map(({ label, count, severity }) => [label, count, severity])).toEqual([
      ['memory', 1, 'warn'],
      ['memory', 2, 'warn'],
    ]);
  });
});

describe('words', () => {
  it('say what was tried', () => {
    expect(describeCall(callEvent())).toBe('tried to execute /bin/sh');
    expect(describeCall(callEvent({ label: 'trace', nr: 101, target: undefined }))).toBe(
      'tried to look into another process (ptrace)',
    );
    expect(describeCall(callEvent({ label: 'socket', nr: 41, target: undefined }))).toBe(
      'tried to open a socket',
    );
    expect(describeCall(callEvent({ label: 'unlisted', nr: 9999, target: undefined }))).toBe(
      'tried to make a call of the kind “unlisted”',
    );
  });

  it('read bytes as UTF-8 where they are that, and show them as bytes where not', () => {
    const bytes = (text: Buffer) => asUntrusted(text.toString('latin1'));
    expect(showBytes(bytes(Buffer.from('/tmp/größe')))).toBe('/tmp/größe');
    expect(showBytes(bytes(Buffer.from([0x2f, 0xe9, 0x62])))).toBe('/\\xe9b');
    expect(showBytes(bytes(Buffer.from('/a\x1b[2J\u202eb')))).toBe('/a\\x1b[2J\\u{202e}b');
  });

  it('never carry anything that a terminal would act on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, denied) => {
        const target = Buffer.from(bytes).toString('latin1');
        const { alerts, state } = play([
          call({ label: 'read', target, answer: denied ? 'denied' : 'continued', granted: false }),
        ]);
        for (const text of [alerts[0]?.message ?? '', state.labels.read?.firstDenied ?? '']) {
          expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
          expect(text.length).toBeLessThan(1500);
        }
      }),
    );
  });
});
