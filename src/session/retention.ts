import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcFiles } from '../lib/proc.ts';
import type { Policy } from '../policy/policy.ts';
import { sessionsDirectory } from './directory.ts';
import { listSessions, type SessionEntry, sessionIds } from './read.ts';

/**
 * Removes records of ended sessions: those that began more than `ageMs` ago, and then the oldest until all together have
 * at most `bytes`. Sessions that live, or of which another machine would have to say, stay. Gives the ids that were removed.
 * @param now milliseconds since the epoch.
 */
export function pruneSessions(
  stateDir: string,
  retention: Policy['retention'],
  now: number,
  files: ProcFiles,
): string[] {
  if (nothingIsDue(stateDir, retention, now)) return [];
  const oldest = listSessions(stateDir, files, MAX_SESSIONS)
    .filter(({ state }) => REMOVABLE.has(state))
    .reverse()
    .map((entry) => ({ entry, bytes: sizeOf(entry.directory) }));
  let total = oldest.reduce((sum, { bytes }) => sum + bytes, 0);
  const removed: string[] = [];
  for (const { entry, bytes } of oldest) {
    const isOld = retention.ageMs !== null && now - startOf(entry.id) > retention.ageMs;
    const isMuch = retention.bytes !== null && total > retention.bytes;
    if (!isOld && !isMuch) continue;
    total -= bytes;
    if (remove(entry.directory)) removed.push(entry.id);
  }
  return removed;
}

/** Said by names and sizes alone: at the end of every session, records are not read for nothing. */
function nothingIsDue(stateDir: string, { ageMs, bytes }: Policy['retention'], now: number): boolean {
  const ids = ageMs === null && bytes === null ? [] : sessionIds(stateDir);
  if (ageMs !== null && ids.some((id) => now - startOf(id) > ageMs)) return false;
  if (bytes === null) return true;
  const folder = sessionsDirectory(stateDir);
  return ids.reduce((sum, id) => sum + sizeOf(join(folder, id)), 0) <= bytes;
}

const REMOVABLE: ReadonlySet<SessionEntry['state']> = new Set(['ended', 'crashed', 'unreadable']);
const MAX_SESSIONS = 1_000_000;

// Of the id, which the launcher's clock made; what is in the record could be anything.
function startOf(id: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/.exec(id) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? Number.POSITIVE_INFINITY : time;
}

function sizeOf(directory: string): number {
  try {
    return readdirSync(directory).reduce((sum, name) => sum + lstatSync(join(directory, name)).size, 0);
  } catch {
    return 0; // removed meanwhile
  }
}

function remove(directory: string): boolean {
  try {
    rmSync(directory, { recursive: true, force: true });
    return true;
  } catch {
    return false; // not ours to remove; the next session tries again
  }
}
