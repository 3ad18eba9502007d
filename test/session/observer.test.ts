import { expect, it } from 'vitest';
import type { LaunchPlan } from '../../src/launch/plan.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { observeSession, type SessionObserver } from '../../src/session/observer.ts';
import type { Entry, SessionWriter } from '../../src/session/record.ts';
import type { SessionEnd, SessionRecord } from '../../src/session/types.ts';
import type { Alert } from '../../src/watch/watch.ts';
import { callEvent } from '../watch/inputs.ts';
import { machine, start } from './sessions.ts';

interface Stage {
  readonly observer: SessionObserver;
  readonly lines: Entry[];
  /** Events that are recorded however full the record is. */
  readonly vital: string[];
  readonly warned: Alert[];
  readonly files: ReturnType<typeof machine>;
  running: unknown;
  broken: boolean;
  now: number;
}

function stage(limits: Partial<Policy['limits']> = {}): Stage {
  const lines: Entry[] = [];
  const warned: Alert[] = [];
  const files = machine()
    .process(10, { ppid: 1 })
    .process(11, { ppid: 10, threads: 3, pages: 100, ticks: 5 });
  const { id, plan } = start();
  const session: SessionWriter = {
    directory: '/d',
    eventsFile: '/d/events.jsonl',
    append(_, entry, vital = false) {
      if (world.broken) throw new PaddockError('io', 'disk full');
      lines.push(entry);
      if (vital) world.vital.push(entry.event);
    },
    running(child, gate) {
      world.running = { child, gate };
    },
    end(end: SessionEnd): SessionRecord {
      return { format: 'paddock-session', version: 1, ...start(), end };
    },
  };
  const world: Omit<Stage, 'observer'> = {
    lines,
    vital: [],
    warned,
    files,
    running: undefined,
    broken: false,
    now: 1000,
  };
  const observer = observeSession({
    plan: {
      ...plan,
      id,
      cgroups: [],
      closing: [],
      directories: { root: '/none', home: '/none/home', tmp: '/none/tmp', work: '/none/work' },
    } as unknown as LaunchPlan,
    actions: start().policy.watch,
    limits: { ...start().policy.limits, ...limits },
    session,
    files,
    outputVisible: true,
    now: () => world.now,
    warn: (alert) => warned.push(alert),
  });
  return Object.assign(world, { observer });
}

const kinds = ({ lines }: Stage): string[] => lines.map(({ event }) => event);

it('does not let a program fill the disk with events that it can bring about without end', () => {
  const { observer, vital } = stage();
  observer.event({ event: 'started', time: 1000, child: 11 });
  observer.event({ event: 'stopped', time: 1001, signal: 19 });
  observer.event({ event: 'continued', time: 1002, signal: 18 });
  observer.event({ event: 'dropped', time: 1003, count: 5 });
  observer.event(callEvent({}));
  observer.event({ event: 'exited', time: 1004, code: 0 });
  expect(vital).toContain('started');
  expect(vital).toContain('exited');
  for (const kind of ['stopped', 'continued', 'dropped', 'call']) expect(vital).not.toContain(kind);
});

it('follows a session from its first event to its last', () => {
  const world = stage();
  const { observer } = world;
  expect(observer.event({ event: 'started', time: 1000, child: 11 })).toBeUndefined();
  expect(world.running).toEqual({ child: { pid: 11, startTime: 110 }, gate: { pid: 10, startTime: 100 } });
  observer.output(1, 5);
  const read = callEvent({ label: 'read', target: '/etc/shadow', answer: 'continued', granted: false });
  expect(observer.event(read)).toBeUndefined();
  world.now = 3000;
  world.files.process(11, { ppid: 10, threads: 3, pages: 300, ticks: 95 });
  expect(observer.sample()).toBeUndefined();
  observer.event({ event: 'exited', time: 3100, code: 3 });
  observer.event({ event: 'finished', time: 3101, killed: 2 });
  const { end } = observer.finish({ kind: 'exit', code: 3 });
  expect(kinds(world)).toEqual([
    'started',
    'sample',
    'phase',
    'call',
    'alert',
    'sample',
    'exited',
    'phase',
    'totals',
    'finished',
  ]);
  expect(world.warned).toEqual([]); // the policy only records reads
  expect(end).toMatchObject({
    durationMs: 2000,
    result: { kind: 'exit', code: 3 },
    leftovers: 2,
    labels: { read: { denied: 1, firstDenied: '/etc/shadow' } },
    peaks: { threads: 3, processes: 1, rssBytes: 300 * 4096, cpuMs: 950, cpus: 0.45 },
    outputBytes: { 1: 5, 2: 0 },
  });
  expect(end?.alerts[0]).not.toHaveProperty('call');
  expect(end?.transitions.map(({ to }) => to)).toEqual(['ready', 'exiting']);
});

it('gives the reason when a rule ends the session, and keeps the first', () => {
  const world = stage();
  world.observer.event({ event: 'started', time: 1, child: 11 });
  const reason = { by: 'rule', detail: 'tried to execute /bin/sh: refused' };
  expect(world.observer.event(callEvent())).toEqual(reason);
  expect(world.warned.map(({ severity }) => severity)).toEqual(['critical']);
  const record = world.observer.finish({ kind: 'signal', signal: 9 }, { by: 'rule', detail: 'late' });
  expect(record.end?.killed).toEqual(reason);
  expect(world.lines.at(-1)).toEqual({ event: 'kill', ...reason });
});

it('what cannot be recorded must not go on', () => {
  const world = stage();
  world.observer.event({ event: 'started', time: 1, child: 11 });
  world.broken = true;
  expect(world.observer.event(callEvent({ label: 'read' }))).toEqual({ by: 'record', detail: 'disk full' });
});

it('a failure that shows while output passes is told at once', () => {
  const world = stage();
  world.observer.event({ event: 'started', time: 1, child: 11 });
  world.broken = true;
  // It becomes ready, which is recorded.
  expect(world.observer.output(1, 5)).toEqual({ by: 'record', detail: 'disk full' });
});

it('the end is written once', () => {
  const { observer } = stage();
  const first = observer.finish({ kind: 'failure', message: 'no gate' });
  expect(observer.finish({ kind: 'exit', code: 0 })).toBe(first);
  expect(first.end?.result).toEqual({ kind: 'failure', message: 'no gate' });
});
