import { makePlace } from './place.ts';
import { atOnce, type Failures, inARow } from './sessions.ts';
import { left, records, traces } from './traces.ts';

export interface StressInput {
  /** One after another, in this process. */
  readonly inARow: number;
  /** Side by side, each with its own launcher. */
  readonly atOnce: number;
  /** Path of the demo's engine. */
  readonly engine: string;
  /** Command of the built `paddock`, as words. */
  readonly paddock: readonly string[];
}

export interface StressResult {
  readonly failures: Failures;
  /** What was there afterwards and not before, by kind: nothing, if all is well. */
  readonly left: Readonly<Record<string, readonly string[]>>;
  readonly inARowMs: number;
  readonly atOnceMs: number;
  /** Of this process, before and after the sessions in a row. */
  readonly residentBytes: readonly [number, number];
}

/** Starts and ends sessions, and looks for what they left. A few before are not counted: what a process opens once, it keeps. */
export async function stress(input: StressInput): Promise<StressResult> {
  const place = makePlace(input.engine);
  try {
    const warm = await inARow(WARM_UP, place);
    const before = traces(place);
    const resident = process.memoryUsage().rss;
    const begin = performance.now();
    const failures = [...warm, ...(await inARow(input.inARow, place))];
    const between = performance.now();
    const residentBytes = [resident, process.memoryUsage().rss] as const;
    failures.push(...(await atOnce(input.atOnce, place, input.paddock)));
    const end = performance.now();
    const expected = WARM_UP + input.inARow + input.atOnce;
    const kept = records(place).length;
    if (kept !== expected) failures.push(`${kept} records are there, and not ${expected}`);
    const found = left(before, traces(place));
    return { failures, left: found, inARowMs: between - begin, atOnceMs: end - between, residentBytes };
  } finally {
    place.remove();
  }
}

const WARM_UP = 3;
