import { lstatSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessName } from '../../lib/proc.ts';
import { readFacts } from './facts.ts';
import { COPY_NAME, isUsable, namesOf, type StorePlace, within } from './places.ts';

/** A copy that is kept. */
export interface Kept {
  readonly sha256: string;
  readonly sizeBytes: number;
  /** When it was last run; milliseconds since the epoch. */
  readonly usedMs: number;
  /** A session that runs uses it. */
  readonly inUse: boolean;
}

/** What the store may hold. */
export interface StoreLimits {
  readonly bytes: number;
  /** Since it was last used. */
  readonly ageMs: number;
}

/** Bounds of ours: some dozen models, and what nobody has run for a month can be copied again. */
export const STORE_LIMITS: StoreLimits = { bytes: 256 * 1024 ** 3, ageMs: 30 * 24 * 3600 * 1000 };
/** More files than this are not looked at; the next call takes the others. */
const MAX_ENTRIES = 10_000;

export interface TidyInput {
  readonly place: StorePlace;
  readonly limits: StoreLimits;
  readonly nowMs: number;
  isAlive(owner: ProcessName): boolean;
  /** About to be used: stays. */
  readonly keep?: string;
  /** Bytes that are going to be added. */
  readonly incomingBytes?: number;
}

/** Says that this copy is in use by `owner`, until `leave`. To be called before it is opened. */
export function enter(place: StorePlace, sha256: string, owner: ProcessName, now: Date): void {
  writeFileSync(useName(place, sha256, owner), '', { mode: 0o600 });
  try {
    utimesSync(namesOf(place, sha256).facts, now, now);
  } catch {
    // it is being made, or was removed just now: whoever opens it sees that
  }
}

export function leave(place: StorePlace, sha256: string, owner: ProcessName): void {
  rmSync(useName(place, sha256, owner), { force: true });
}

/** All copies, the one that was used longest ago first. None where the store is not there. */
export function listCopies(place: StorePlace, isAlive: TidyInput['isAlive']): Kept[] {
  if (!isUsable(place)) return [];
  const used = new Set(
    names(within(place, 'uses'))
      .filter((name) => isAlive(ownerIn(name, 1)))
      .map(firstPart),
  );
  const kept = names(place.folder)
    .filter((name) => COPY_NAME.test(name))
    .flatMap((sha256): Kept[] => {
      const { content, facts } = namesOf(place, sha256);
      const stats = lstatSync(content, { throwIfNoEntry: false });
      if (stats === undefined) return [];
      const usedMs = lstatSync(facts, { throwIfNoEntry: false })?.mtimeMs ?? stats.mtimeMs;
      return [{ sha256, sizeBytes: stats.size, usedMs, inUse: used.has(sha256) }];
    });
  return kept.sort((a, b) => a.usedMs - b.usedMs);
}

/**
 * Removes what is too old, then what is too much, the oldest first; never what is in use. And what sessions left behind
 * that were killed. Gives what was removed.
 */
export function tidy(input: TidyInput): Kept[] {
  const { place, limits, nowMs, isAlive, keep, incomingBytes = 0 } = input;
  if (!isUsable(place)) return [];
  removeAbandoned(input);
  const all = listCopies(place, isAlive);
  let total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, incomingBytes);
  const removed: Kept[] = [];
  for (const copy of all) {
    if (copy.inUse || copy.sha256 === keep) continue;
    const isWhole = readFacts(place, copy.sha256) !== undefined;
    if (isWhole && nowMs - copy.usedMs <= limits.ageMs && total <= limits.bytes) continue;
    const { content, facts } = namesOf(place, copy.sha256);
    rmSync(facts, { force: true }); // first: without them the content counts for nothing
    rmSync(content, { force: true });
    total -= copy.sizeBytes;
    removed.push(copy);
  }
  removePointers(place);
  return removed;
}

// Begins with the process that made them (`partial`), or has it behind the name of the copy (`uses`).
function removeAbandoned({ place, isAlive }: TidyInput): void {
  for (const [part, at] of [['partial', 0] as const, ['uses', 1] as const]) {
    for (const name of names(within(place, part))) {
      if (!isAlive(ownerIn(name, at))) rmSync(within(place, part, name), { force: true });
    }
  }
}

function removePointers(place: StorePlace): void {
  for (const name of names(within(place, 'sources'))) {
    const path = within(place, 'sources', name);
    if (!leadsSomewhere(place, path)) rmSync(path, { force: true });
  }
}

function leadsSomewhere(place: StorePlace, path: string): boolean {
  try {
    const sha256 = readFileSync(path, 'utf8').trim();
    return COPY_NAME.test(sha256) && statSync(namesOf(place, sha256).content).isFile();
  } catch {
    return false; // damaged, or its copy is gone
  }
}

function useName(place: StorePlace, sha256: string, { pid, startTime }: ProcessName): string {
  return within(place, 'uses', `${sha256}.${pid}.${startTime}`);
}

function ownerIn(name: string, at: number): ProcessName {
  const parts = name.split('.');
  return { pid: Number(parts[at]), startTime: Number(parts[at + 1]) };
}

function firstPart(name: string): string {
  return name.split('.')[0] ?? '';
}

function names(folder: string): string[] {
  try {
    return readdirSync(join(folder)).slice(0, MAX_ENTRIES);
  } catch {
    return []; // not there: nothing is in it
  }
}
