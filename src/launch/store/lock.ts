import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessName } from '../../lib/proc.ts';

export interface LockInput {
  /** Folder in which the lock is a file, and its name there. */
  readonly folder: string;
  readonly name: string;
  readonly owner: ProcessName;
  isAlive(owner: ProcessName): boolean;
}

const POLL_MS = 100;

/**
 * Does `work` while nobody else does it, or takes what another one has made meanwhile.
 * @param made what `work` would make, where it is there already; asked for before each try
 */
export async function onceAtATime<Made>(
  input: LockInput,
  made: () => Made | undefined,
  work: () => Promise<Made>,
): Promise<Made> {
  const path = join(input.folder, input.name);
  for (;;) {
    const already = made();
    if (already !== undefined) return already;
    if (take(path, input)) {
      try {
        return made() ?? (await work());
      } finally {
        rmSync(path, { force: true });
      }
    }
    if (!holds(path, input)) removeAbandoned(path);
    else await sleep(POLL_MS);
  }
}

// A link is made with its content or not at all: nobody sees a lock without an owner.
function take(path: string, { owner }: LockInput): boolean {
  const own = `${path}.${randomBytes(8).toString('hex')}`;
  writeFileSync(own, JSON.stringify(owner), { mode: 0o600, flag: 'wx' });
  try {
    linkSync(own, path);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  } finally {
    rmSync(own, { force: true });
  }
}

function holds(path: string, { isAlive }: LockInput): boolean {
  try {
    const { pid, startTime } = JSON.parse(readFileSync(path, 'utf8')) as ProcessName;
    return isAlive({ pid, startTime });
  } catch {
    return false; // given back just now, or damaged: the next try tells
  }
}

// Two may do this at once; at worst the same copy is then made twice, and the second takes the first one’s place.
function removeAbandoned(path: string): void {
  const aside = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch {
    // somebody else has removed it
  }
}
