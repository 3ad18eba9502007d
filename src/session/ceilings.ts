import { PaddockError } from '../lib/errors.ts';
import { formatBytes } from '../lib/units.ts';
import type { EffectivePolicy, Origin, Policy } from '../policy/policy.ts';
import type { Demand, Registered } from './register.ts';

type Ceilings = Policy['sessions'];

/** What the machine has; a session without a limit counts as all of it. */
export function demandOf(limits: Policy['limits'], machine: Demand): Demand {
  return {
    memoryBytes: Math.min(machine.memoryBytes, limits.memoryBytes ?? machine.memoryBytes),
    cpus: Math.min(machine.cpus, limits.cpus ?? machine.cpus),
  };
}

/**
 * Whether one more session with this demand may run beside those that run now.
 * @throws PaddockError `refused`, naming the ceiling, who holds what, and what would help.
 */
export function checkCeilings(
  effective: EffectivePolicy,
  demand: Demand,
  running: readonly Registered[],
  uid: number,
): void {
  const { sessions } = effective.policy;
  const own = running.filter((one) => one.uid === uid);
  for (const { key, all, sum, show } of CEILINGS) {
    const ceiling = sessions[key];
    if (ceiling === null) continue;
    const counted = all ? withinTheirOwn(running, sessions) : own;
    const held = counted.reduce((total, one) => total + sum(one), 0);
    if (held + sum(demand) <= ceiling + ROUNDING) continue;
    throw exceeded(effective.origins.get(`sessions.${key}`), {
      ceiling: show(ceiling),
      name: NAMES[key],
      wanted: show(sum(demand)),
      held: show(held),
      counted,
      uid,
    });
  }
}

interface Ceiling {
  readonly key: keyof Ceilings;
  /** Sessions of all users count, not only one's own. */
  readonly all: boolean;
  readonly sum: (of: Demand) => number;
  readonly show: (value: number) => string;
}

const one = (): number => 1;
const sessionsText = (value: number): string => `${value} ${value === 1 ? 'session' : 'sessions'}`;
const cpusText = (value: number): string => `${Math.round(value * 100) / 100} CPUs`;

const CEILINGS: readonly Ceiling[] = [
  { key: 'perUser', all: false, sum: one, show: sessionsText },
  { key: 'perHost', all: true, sum: one, show: sessionsText },
  { key: 'memoryPerUserBytes', all: false, sum: ({ memoryBytes }) => memoryBytes, show: formatBytes },
  { key: 'cpusPerUser', all: false, sum: ({ cpus }) => cpus, show: cpusText },
];

/** As policy files call them. */
const NAMES: Readonly<Record<keyof Ceilings, string>> = {
  perUser: 'sessions.perUser',
  perHost: 'sessions.perHost',
  memoryPerUserBytes: 'sessions.memoryPerUser',
  cpusPerUser: 'sessions.cpusPerUser',
};

/** Sums of fractions of CPUs. */
const ROUNDING = 1e-9;

/** Nobody takes more of the host than a user may have: whoever plants entries shuts out nobody but themselves. */
function withinTheirOwn(running: readonly Registered[], { perUser }: Ceilings): Registered[] {
  if (perUser === null) return [...running];
  const counts = new Map<number, number>();
  return running.filter(({ uid }) => {
    const count = (counts.get(uid) ?? 0) + 1;
    counts.set(uid, count);
    return count <= perUser;
  });
}

interface Excess {
  readonly ceiling: string;
  readonly name: string;
  readonly wanted: string;
  readonly held: string;
  readonly counted: readonly Registered[];
  readonly uid: number;
}

/** Sessions that are named one by one. */
const MAX_NAMED = 8;

function exceeded(origin: Origin | undefined, excess: Excess): PaddockError {
  const { ceiling, name, wanted, held, counted, uid } = excess;
  const named = counted.slice(0, MAX_NAMED).map((session) => holder(session, uid));
  const more = counted.length > MAX_NAMED ? `; and ${counted.length - MAX_NAMED} more` : '';
  const where = origin === undefined ? undefined : place(origin);
  return new PaddockError('refused', `${name}: this session would be more than may run at the same time`, {
    expected: `at most ${ceiling}${where === undefined ? '' : `, as ${where} says`}`,
    found: `${wanted} more than the ${held} that run now${named.length === 0 ? '' : `: ${named.join('; ')}${more}`}`,
    remedy:
      counted.length === 0
        ? 'ask for less (--memory, --cpus)'
        : 'wait until one has ended, end one of yours (`paddock ps` lists them), or ask for less (--memory, --cpus)',
  });
}

function place({ layer, line, column }: Origin): string {
  return line === undefined ? layer : `${layer}:${line}:${column ?? 1}`;
}

function holder({ id, uid: owner, pid, memoryBytes, cpus }: Registered, uid: number): string {
  const who = owner === uid ? 'yours' : `of user ${owner}`;
  const process = pid === undefined ? '' : `, process ${pid}`;
  return `${id} (${who}${process}, ${formatBytes(memoryBytes)}, ${cpusText(cpus)})`;
}
