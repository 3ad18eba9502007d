import type { Policy } from '../policy/policy.ts';
import type { Operation } from './operations.ts';
import type { HostAbilities } from './plan.ts';

/** RLIMIT_* of asm-generic/resource.h; the same on x86-64 and aarch64. */
export const RLIMIT = {
  fileSize: 1,
  data: 2,
  core: 4,
  processes: 6,
  openFiles: 7,
  pendingSignals: 11,
  messageQueues: 12,
  nice: 13,
  realtimePriority: 14,
} as const;

/** More than any engine has timers and queued signals, and a small part of what a user may have. */
const PENDING_SIGNALS = 1024;

type Limits = Policy['limits'];

/**
 * Limits of each process. Memory and processes only where no cgroup holds them for the session: RLIMIT_DATA counts
 * private writable memory (RLIMIT_AS would count mapped weights too), and RLIMIT_NPROC counts all tasks of the user,
 * so the user's present ones are added; root is exempt from it. No limit is ever raised above the caller's own.
 */
export function rlimits(limits: Limits, host: HostAbilities): Operation[] {
  const set = (resource: number, value: number): Operation => {
    const hard = host.hardLimits?.[resource];
    const wanted = BigInt(Math.max(0, Math.floor(value)));
    const kept = hard !== undefined && hard < wanted ? hard : wanted;
    return { op: 'rlimit', resource, soft: kept, hard: kept };
  };
  const operations = [
    // A core dump would hold the weights and the prompt. One byte, not none: the kernel hands the memory of a program
    // with a limit of 0 to the crash handler of the host all the same, but not that of one with 1 (core(5)).
    set(RLIMIT.core, 1),
    set(RLIMIT.openFiles, limits.openFiles),
    set(RLIMIT.fileSize, limits.fileBytes),
    // Counted over all processes of the user: whoever queues as many as he may leaves none to the others, nor timers.
    set(RLIMIT.pendingSignals, PENDING_SIGNALS),
    set(RLIMIT.messageQueues, 0),
    set(RLIMIT.nice, 0), // nobody moves forward again
    set(RLIMIT.realtimePriority, 0),
  ];
  const controllers = host.cgroup.controllers;
  if (limits.memoryBytes !== null && !controllers.includes('memory')) {
    operations.push(set(RLIMIT.data, limits.memoryBytes));
  }
  if (!controllers.includes('pids')) {
    operations.push(set(RLIMIT.processes, limits.processes + (host.userTasks ?? 0)));
  }
  return operations;
}

/**
 * How the program stands back for others: niceness, I/O priority, and, where no control group can hold it to its CPUs,
 * the CPUs themselves. Never in front of where the launcher is.
 */
export function scheduling(limits: Limits, host: HostAbilities, id: string): Operation[] {
  const nice = Math.max(limits.nice, host.nice ?? 0);
  const operations: Operation[] = [];
  if (limits.nice > (host.nice ?? 0)) operations.push({ op: 'nice', value: limits.nice });
  const level = ioLevel(limits.ioWeight, nice);
  if (level !== undefined) operations.push({ op: 'io-priority', level });
  const mask = affinityMask(limits, host, id);
  if (mask !== undefined) operations.push({ op: 'affinity', mask });
  return operations;
}

/** Whether the CPUs of the program are held by naming them, because no control group can hold it to a number. */
export function holdsByAffinity({ cpus }: Limits, host: HostAbilities): boolean {
  return cpus !== null && !host.cgroup.controllers.includes('cpu') && Math.ceil(cpus) < host.cpus;
}

/** Whether memory and processes of the whole session can be held. */
export function limitsWholeSession(limits: Limits, host: HostAbilities): boolean {
  const { controllers } = host.cgroup;
  return controllers.includes('pids') && (limits.memoryBytes === null || controllers.includes('memory'));
}

/**
 * What of the limits does not hold here as the policy says it, and what holds in its place: one line each. `asked`: only
 * those that somebody must have asked for, as no shipped policy has them; the others stand in the record and the summary.
 */
export function limitWeaknesses(limits: Limits, host: HostAbilities, asked = false): string[] {
  const { controllers } = host.cgroup;
  return WEAKNESSES.filter(
    ({ controller, asks }) =>
      !controllers.includes(controller) && asks(limits, host) && (!asked || controller === 'cpu'),
  ).map(({ tells }) => (typeof tells === 'string' ? tells : tells(limits, host)));
}

interface Weakness {
  /** The controller that is missing. */
  readonly controller: string;
  readonly asks: (limits: Limits, host: HostAbilities) => boolean;
  readonly tells: string | ((limits: Limits, host: HostAbilities) => string);
}

const EVERYBODYS = 100;

const WEAKNESSES: readonly Weakness[] = [
  {
    controller: 'memory',
    asks: ({ memoryBytes }) => memoryBytes !== null,
    tells:
      'the limit of memory is one of each process: no control group can be written here, and several processes together may use more',
  },
  {
    controller: 'memory',
    asks: ({ swapBytes }, { swapBytes: space }) => swapBytes !== null && space !== 0,
    tells: 'swap is not limited: no control group can be written here',
  },
  {
    controller: 'pids',
    asks: (_, { uid }) => uid === 0,
    tells:
      'processes and threads are not limited: no control group can be written here, and root is exempt otherwise',
  },
  {
    controller: 'pids',
    asks: (_, { uid }) => uid !== 0,
    tells:
      'the limit of processes counts all of yours, not those of the session: no control group can be written here',
  },
  {
    controller: 'cpu',
    asks: holdsByAffinity,
    tells: ({ cpus }) =>
      `the limit of CPUs holds by binding the program to ${Math.ceil(cpus ?? 1)} of them: no cpu controller can be written here`,
  },
  {
    controller: 'cpu',
    asks: (limits, host) => limits.cpus !== null && limits.cpus < host.cpus && !holdsByAffinity(limits, host),
    tells: 'the limit on CPUs is not in force: no cpu controller can be written here',
  },
  {
    controller: 'cpu',
    asks: ({ cpuWeight }) => cpuWeight !== EVERYBODYS,
    tells:
      'the share of the CPUs is not in force: no cpu controller can be written here; `nice` works everywhere',
  },
];

/** ioWeight → level of the class best effort (0 first, 7 last; 4 is the kernel's own): ioprio_set(2). */
const IO_LEVELS: readonly (readonly [upTo: number, level: number])[] = [
  [10, 7],
  [49, 6],
  [99, 5],
];

// A weight above everybody's is for the control group alone: who asks for nothing else must not push others back.
function ioLevel(weight: number, nice: number): number | undefined {
  const level = IO_LEVELS.find(([upTo]) => weight <= upTo)?.[1];
  // What the kernel derives from niceness where nobody sets a level.
  return level === undefined ? undefined : Math.max(level, Math.floor((nice + 20) / 5));
}

// Neighbours on the list, from a place that the session's name decides: sessions are spread over the machine.
function affinityMask(limits: Limits, host: HostAbilities, id: string): Uint8Array | undefined {
  const numbers = host.cpuNumbers ?? [];
  if (!holdsByAffinity(limits, host) || numbers.length !== host.cpus) return undefined;
  const first = [...id].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % numbers.length, 0);
  const chosen = Array.from(
    { length: Math.ceil(limits.cpus ?? 1) },
    (_, at) => numbers[(first + at) % numbers.length] ?? 0,
  );
  const mask = new Uint8Array(Math.floor(Math.max(...chosen) / 8) + 1);
  for (const number of chosen) mask[number >> 3] = (mask[number >> 3] ?? 0) | (1 << (number & 7));
  return mask;
}
