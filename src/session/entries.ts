import { decodeBytes } from '../watch/describe.ts';
import type { GateEvent } from '../watch/events.ts';
import type { Sample } from '../watch/sampler.ts';
import type { Entry } from './record.ts';

/** A gate event as the record keeps it: its target read as UTF-8 where it is that, without the time of the line. */
export function eventEntry({ time: _, ...event }: GateEvent): Entry {
  if (event.event !== 'call' || event.target === undefined) return event;
  return { ...event, target: decodeBytes(event.target) ?? event.target };
}

/**
 * Which samples of a session are recorded: one a second in the first minute, then ever fewer, at last one a minute.
 * Times are milliseconds since the epoch. A day is a few thousand lines.
 */
export function sampleEntries(started: number): (sample: Sample) => Entry | undefined {
  let last = Number.NEGATIVE_INFINITY;
  return ({ time, ...figures }) => {
    const apart = Math.min(MOST_MS, Math.max(LEAST_MS, (time - started) / 60));
    if (time - last < apart) return undefined;
    last = time;
    return { event: 'sample', ...figures };
  };
}

// A little under a second, as timers come early and late.
const LEAST_MS = 900;
const MOST_MS = 60_000;
