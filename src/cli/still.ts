import { closeSync, fstatSync, readlinkSync, statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityChanged, type JudgedFile, openJudged } from '../format/open.ts';
import { type Held, holdStill } from '../gate/hold.ts';
import { type ChangersFound, whoMayChange } from '../launch/changers.ts';
import type { LaunchPlan } from '../launch/plan.ts';
import { type CopyMode, chooseStillness, type Lease, leaseOf } from '../launch/still.ts';
import { PaddockError } from '../lib/errors.ts';
import type { Context } from './context.ts';

/** The file that is going to be judged, and how it stays as it is. */
export interface StillFile {
  readonly file: JudgedFile;
  readonly still: LaunchPlan['still'];
  /** Whether the supervisor is to hold it, too. */
  readonly lease: boolean;
  /** @throws PaddockError `changed` where somebody has disturbed it since */
  check(): void;
  /** For when the supervisor holds it, or nothing is started. The descriptor stays open. */
  release(): void;
}

/** Times of files are those of the last tick of the clock; no Linux ticks more slowly. */
const TICK_MS = 20;
const NS_PER_MS = 1_000_000n;

/**
 * Opens the file once, and holds it still before anybody has read a byte of it.
 * @throws PaddockError as `openJudged` and `holdStill`; `changed` where somebody has it open for writing
 */
export async function openStill(
  context: Context,
  gate: string,
  path: string,
  copy: CopyMode,
): Promise<StillFile> {
  const file = openJudged(path);
  let held: Held | undefined;
  try {
    held = await holdStill(gate, file.fd);
    const lease = leaseOf(held.leaseErrno, statfsSync(ownPath(file.fd)).type);
    const facts = { copy, verity: held.verity !== undefined, lease, ...changersOf(file, context.uid) };
    const { how, why } = chooseStillness(facts);
    if (how === 'refuse') throw refused(facts, why);
    await settled(file, context.now());
    return {
      file,
      still: { how, why, ...(held.verity === undefined ? {} : { verity: held.verity }) },
      lease: held.leaseErrno === 0,
      check: () => checkStill(file, held),
      release: () => held?.release(),
    };
  } catch (cause) {
    held?.release();
    closeSync(file.fd);
    throw cause;
  }
}

function ownPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

function changersOf(file: JudgedFile, uid: number): ChangersFound {
  let path: string | undefined;
  try {
    path = readlinkSync(ownPath(file.fd));
  } catch {
    path = undefined; // no /proc: nothing is known of its folders
  }
  return whoMayChange(path, fstatSync(file.fd, { bigint: true }), uid);
}

// A file that was changed within the last tick could be changed again within it, and its times would not tell.
async function settled(file: JudgedFile, now: Date): Promise<void> {
  const ageMs = BigInt(now.getTime()) - file.identity.ctimeNs / NS_PER_MS;
  if (ageMs >= 0n && ageMs <= TICK_MS) await sleep(TICK_MS);
  if (identityChanged(file.fd, file.identity)) throw changed('it was changed just now');
}

function checkStill(file: JudgedFile, held: Held | undefined): void {
  if (held?.disturbed() === true) throw changed('somebody opened it for writing while it was judged');
  if (identityChanged(file.fd, file.identity))
    throw changed('its times, size, owner or mode are not what they were');
}

function changed(found: string): PaddockError {
  return new PaddockError('changed', 'the file was changed after it was opened', {
    check: 'FILE-001',
    expected: 'nobody who writes to it',
    found,
    remedy: 'make sure nothing is writing to the file, then try again; or use --private-copy',
  });
}

function refused({ lease }: { readonly lease: Lease }, why: string): PaddockError {
  return new PaddockError('changed', 'the file may change while it is judged or runs; nothing was started', {
    check: 'FILE-001',
    expected: 'a file that nobody is writing to',
    found: lease === 'busy' ? 'somebody has it open for writing' : why,
    remedy: 'wait until it is written (a download?), then try again; or use --private-copy',
  });
}
