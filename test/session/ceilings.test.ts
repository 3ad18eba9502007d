import { expect, it } from 'vitest';
import { PaddockError } from '../../src/lib/errors.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { checkCeilings, demandOf } from '../../src/session/ceilings.ts';
import type { Registered } from '../../src/session/register.ts';
import { effective, POLICY } from '../launch/fixtures.ts';

const GIB = 2 ** 30;
const NONE = POLICY.sessions;
const session = (uid: number, number: number, memoryBytes = GIB, cpus = 1): Registered => ({
  id: `20270101T000000-00000${number}`,
  uid,
  pid: 40 + number,
  memoryBytes,
  cpus,
});
const RUNNING = [session(1000, 1), session(1000, 2, 3 * GIB, 2.5), session(1001, 3)];

function check(
  sessions: Partial<Policy['sessions']>,
  running: readonly Registered[] = RUNNING,
  demand = { memoryBytes: GIB, cpus: 1 },
) {
  const policy = effective({ sessions: { ...NONE, ...sessions } });
  const origins = new Map([['sessions.perUser', { layer: '/etc/paddock/policy.yaml', line: 4, column: 3 }]]);
  try {
    checkCeilings({ ...policy, origins }, demand, running, 1000);
    return 'allowed';
  } catch (cause) {
    return cause instanceof PaddockError ? cause.explain() : String(cause);
  }
}

it('nothing is in the way without a ceiling', () => {
  expect(check({})).toBe('allowed');
});

it.each<[Partial<Policy['sessions']>, Partial<Policy['sessions']>]>([
  [{ perUser: 3 }, { perUser: 2 }],
  [{ perHost: 4 }, { perHost: 3 }],
  [{ memoryPerUserBytes: 5 * GIB }, { memoryPerUserBytes: 5 * GIB - 1 }],
  [{ cpusPerUser: 4.5 }, { cpusPerUser: 4.4 }],
])('%o is enough, %o is not', (enough, less) => {
  expect(check(enough)).toBe('allowed');
  expect(check(less)).toMatch(/more than may run at the same time/);
});

it('says who holds what, where the ceiling stands, and what to do', () => {
  const text = check({ perUser: 2 });
  expect(text).toMatch(/^sessions\.perUser: /);
  expect(text).toMatch(/at most 2 sessions, as \/etc\/paddock\/policy\.yaml:4:3 says/);
  expect(text).toMatch(/20270101T000000-000002 \(yours, process 42, 3\.0 GiB, 2\.5 CPUs\)/);
  expect(text).not.toContain('000003');
  expect(text).toMatch(/paddock ps/);
  expect(check({ perHost: 3 })).toMatch(/of user 1001/);
});

it('a single session may be too much, and the list of many is short', () => {
  expect(check({ memoryPerUserBytes: GIB - 1 }, [])).toMatch(/ask for less/);
  const many = Array.from({ length: 9 }, (_, number) => session(1000, number));
  expect(check({ perUser: 9 }, many)).toMatch(/and 1 more/);
});

it('whoever enters more than they may shuts out nobody else', () => {
  const greedy = Array.from({ length: 9 }, (_, number) => session(1001, number));
  expect(check({ perUser: 2, perHost: 3 }, greedy)).toBe('allowed');
  expect(check({ perHost: 3 }, greedy)).not.toBe('allowed');
});

it('a session without a limit counts as all that the machine has', () => {
  const machine = { memoryBytes: 16 * GIB, cpus: 4 };
  const limits = { ...POLICY.limits, memoryBytes: null, cpus: null };
  expect(demandOf(limits, machine)).toEqual(machine);
  expect(demandOf({ ...limits, memoryBytes: GIB, cpus: 0.5 }, machine)).toEqual({
    memoryBytes: GIB,
    cpus: 0.5,
  });
  expect(demandOf({ ...limits, memoryBytes: 99 * GIB, cpus: 64 }, machine)).toEqual(machine);
});
