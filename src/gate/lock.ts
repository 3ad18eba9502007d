import { spawnSync } from 'node:child_process';
import * as v from 'valibot';
import { PaddockError } from '../lib/errors.ts';

/** A regular file in the register, as `paddock-gate --lock` saw it while nobody else could change the register. */
export interface LockedEntry {
  /** Bytes as latin1; anybody may have chosen it. */
  readonly name: string;
  readonly uid: number;
  readonly inode: number;
  /** A living process holds its lock. */
  readonly held: boolean;
}

/**
 * Locks an open file, or an open folder of them after waiting for at most ten seconds: Node cannot. The lock belongs to
 * the open description: it is held until `fd` and every copy of it is closed. Gives what is in a folder.
 * @throws PaddockError `gate-missing`, `gate-failed`; `io` for a lock that somebody else holds.
 */
export function lockDescriptor(gate: string, fd: number): LockedEntry[] {
  const { stdout, error, status } = spawnSync(gate, ['--lock'], {
    stdio: ['ignore', 'pipe', 'ignore', fd],
    env: {},
    encoding: 'latin1',
    timeout: PATIENCE_MS,
    maxBuffer: MAX_BYTES,
  });
  if (error !== undefined) throw failed(error.message, error);
  const lines = stdout.split('\n').slice(0, -1);
  try {
    const { errno } = v.parse(Last, JSON.parse(lines.pop() ?? ''));
    if (errno !== 0) throw refused(errno);
    return lines.map((line) => v.parse(Entry, JSON.parse(line)));
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw failed(`exit code ${status ?? 'of a signal'}`, cause);
  }
}

/** Longer than the gate itself waits. */
const PATIENCE_MS = 20_000;
const MAX_BYTES = 64 << 20;
const EWOULDBLOCK = 11;

const Whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const Last = v.object({ event: v.literal('lock'), errno: Whole });
const Entry = v.object({
  event: v.literal('entry'),
  name: v.string(),
  uid: Whole,
  inode: Whole,
  held: v.boolean(),
});

function refused(errno: number): PaddockError {
  return new PaddockError('io', 'the register of sessions cannot be locked; nothing was started', {
    expected: 'a lock within ten seconds',
    found: errno === EWOULDBLOCK ? 'somebody else holds it' : `errno ${errno}`,
    remedy: 'try again; `lslocks` shows who holds a FLOCK on that folder',
  });
}

function failed(found: string, cause: unknown): PaddockError {
  return new PaddockError('gate-failed', 'paddock-gate could not lock the register of sessions', {
    expected: 'lines of JSON, as src/gate/lock.h describes',
    found,
    remedy: 'build paddock-gate and paddock from the same release: npm rebuild llama-paddock',
    cause,
  });
}
