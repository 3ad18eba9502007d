import { formatBytes, formatDuration } from '../lib/units.ts';
import type { Policy } from '../policy/policy.ts';
import type { Phase } from './phases.ts';
import type { Sample } from './sampler.ts';

/** A limit that ended a session, by whoever enforces it. */
export interface LimitReached {
  /** `memory` and `file-size` are the kernel's, the others paddock's. */
  readonly limit: 'memory' | 'file-size' | 'time' | 'idle' | 'output' | 'disk';
  /** What was reached: bytes or milliseconds. Absent where the limit was not the session's own. */
  readonly figure?: number;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** What the session was doing. */
  readonly phase: Phase;
  /** "killed for memory: 2.0 GiB reached at 14:03:11 UTC while inferring". */
  readonly message: string;
}

/** The same in words. Times of day in UTC, as in the record. */
export function limitReached(given: Omit<LimitReached, 'message'>): LimitReached {
  const { killed, reached } = WORDS[given.limit];
  const clock = new Date(given.time).toISOString().slice(11, 19);
  const figure = given.figure === undefined ? FOREIGN : reached(given.figure);
  return { ...given, message: `${killed}: ${figure} at ${clock} UTC while ${given.phase}` };
}

/** Looks after the limits that the kernel does not know. Each method gives the limit that is reached, once. */
export interface LimitWatch {
  sample(sample: Sample, seen: Seen): Reached | undefined;
  output(bytes: number): Reached | undefined;
}

export interface Seen {
  /** Connections of others to the program's port. */
  readonly connections: number;
  /** What the private folders hold, as far as they have been counted; undefined: they are not counted. */
  readonly diskBytes?: number | undefined;
}

export type Reached = Pick<LimitReached, 'limit' | 'figure'>;

/** A watch over one session that began at `started` (milliseconds since the epoch). */
export function limitWatch(
  limits: Pick<Policy['limits'], 'idleMs' | 'outputBytes' | 'diskBytes'>,
  started: number,
): LimitWatch {
  let written = 0;
  let outputSeen = 0;
  let active = started;
  let before: Sample | undefined;

  function isActive(sample: Sample, { connections }: Seen): boolean {
    const previous = before;
    before = sample;
    const wrote = written !== outputSeen;
    outputSeen = written;
    return connections > 0 || wrote || previous === undefined || works(previous, sample);
  }

  return {
    sample(sample, seen) {
      if (isActive(sample, seen)) active = sample.time;
      const { idleMs, diskBytes } = limits;
      if (diskBytes !== null && (seen.diskBytes ?? 0) > diskBytes)
        return { limit: 'disk', figure: diskBytes };
      if (idleMs !== null && sample.time - active >= idleMs) return { limit: 'idle', figure: idleMs };
      return undefined;
    },
    output(bytes) {
      written += bytes;
      const { outputBytes } = limits;
      return outputBytes !== null && written > outputBytes
        ? { limit: 'output', figure: outputBytes }
        : undefined;
    },
  };
}

/** Less than this is what a waiting server's own clock takes: of one CPU, and one tick of those who count in ticks. */
const IDLE_CPUS = 0.01;
const IDLE_MS = 10;

function works(before: Sample, now: Sample): boolean {
  const used = now.cpuMs - before.cpuMs;
  if (used > Math.max(IDLE_MS, IDLE_CPUS * (now.time - before.time))) return true;
  return now.readBytes !== before.readBytes || now.writeBytes !== before.writeBytes;
}

const FOREIGN = 'not its own, the machine had no more,';
const bytes = (figure: number): string => `${formatBytes(figure)} reached`;

const WORDS: Readonly<
  Record<LimitReached['limit'], { readonly killed: string; readonly reached: (figure: number) => string }>
> = {
  memory: { killed: 'killed for memory', reached: bytes },
  'file-size': { killed: 'killed for file size', reached: bytes },
  disk: { killed: 'ended for disk space', reached: bytes },
  output: { killed: 'ended for output', reached: bytes },
  time: { killed: 'ended for time', reached: (ms) => `${formatDuration(ms)} reached` },
  idle: { killed: 'ended for being idle', reached: (ms) => `${formatDuration(ms)} without work` },
};
