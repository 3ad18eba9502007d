import { closeSync, fstatSync, readlinkSync, statfsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FileIdentity, identityChanged, type JudgedFile, openJudged } from '../format/open.ts';
import { type Held, holdStill } from '../gate/hold.ts';
import { type ChangersFound, whoMayChange } from '../launch/changers.ts';
import type { LaunchPlan } from '../launch/plan.ts';
import { type CopyMode, chooseStillness, leaseOf, type StillFacts, type Stillness } from '../launch/still.ts';
import type { CopyInput } from '../launch/store/copy.ts';
import { storePlace } from '../launch/store/places.ts';
import { privateCopy } from '../launch/store/store.ts';
import { PaddockError } from '../lib/errors.ts';
import { userPaths } from '../lib/paths.ts';
import { isRunning, nameProcess, PROC_FILES } from '../lib/proc.ts';
import type { Context } from './context.ts';
import { hostArchitecture } from './judged.ts';

/** The file that is going to be judged, and how it stays as it is. */
export interface StillFile {
  /** What is judged and runs: the file itself, or the private copy of it. */
  readonly file: JudgedFile;
  /** Of the file that was named. */
  readonly original: FileIdentity;
  readonly still: LaunchPlan['still'];
  /** Whether the supervisor is to hold it, too. */
  readonly lease: boolean;
  /** Where the private copy is. */
  readonly copyPath?: string;
  /** @throws PaddockError `changed` where somebody has disturbed it since */
  check(): void;
  /** For when the supervisor holds it. The descriptor stays open. */
  release(): void;
  /** When nobody needs it any more. Safe to call more than once. */
  close(): void;
}

export interface StillInput {
  readonly gate: string;
  readonly path: string;
  readonly copy: CopyMode;
  /** Nothing is started: no copy is made for it, and the file itself is judged. */
  readonly dryRun: boolean;
  /** Told how far the copy is. */
  readonly report: CopyInput['report'];
}

/** Times of files are those of the last tick of the clock; no Linux ticks more slowly. */
const TICK_MS = 20;
const NS_PER_MS = 1_000_000n;

/**
 * Opens the file once, and holds it still before anybody has read a byte of it; or makes the private copy that is judged
 * and run in its place. The table that decides is in src/launch/still.ts.
 * @throws PaddockError as `openJudged`, `holdStill` and `privateCopy`; `changed` where it is no longer what was opened
 */
export async function openStill(context: Context, input: StillInput): Promise<StillFile> {
  const file = openJudged(input.path);
  let held: Held | undefined;
  try {
    held = await holdStill(input.gate, file.fd);
    const facts = factsOf(context, file, held, input.copy);
    const { how, why } = chooseStillness(facts);
    if (how === 'copy' && !input.dryRun) {
      const copied = await openCopied(context, input, file, why);
      held.release();
      return copied;
    }
    if (facts.lease !== 'busy') await settled(file, context.now());
    return stillFile(file, file.identity, held, how, why);
  } catch (cause) {
    held?.release();
    closeSync(file.fd);
    throw cause;
  }
}

// Whatever becomes of the file from here on: it is not looked at again.
async function openCopied(
  context: Context,
  { gate, report }: StillInput,
  original: JudgedFile,
  why: string,
): Promise<StillFile> {
  const { data } = userPaths(context.env, context.home);
  const copy = await privateCopy({
    place: storePlace(data, context.uid),
    source: original,
    architecture: hostArchitecture(),
    owner: nameProcess(PROC_FILES, process.pid) ?? { pid: process.pid, startTime: -1 },
    now: context.now(),
    report,
    isAlive: (owner) => isRunning(PROC_FILES, owner),
  });
  try {
    const held = await holdStill(gate, copy.file.fd);
    const opened = stillFile(copy.file, original.identity, held, 'copy', why);
    closeSync(original.fd);
    return {
      ...opened,
      still: { ...opened.still, sha256: copy.facts.sha256 },
      copyPath: copy.path,
      close: once(() => {
        opened.close();
        copy.leave();
      }),
    };
  } catch (cause) {
    closeSync(copy.file.fd);
    copy.leave();
    throw cause;
  }
}

function factsOf(context: Context, file: JudgedFile, held: Held, copy: CopyMode): StillFacts {
  const lease = leaseOf(held.leaseErrno, statfsSync(ownPath(file.fd)).type);
  return { copy, verity: held.verity !== undefined, lease, ...changersOf(file, context.uid) };
}

function stillFile(
  file: JudgedFile,
  original: FileIdentity,
  held: Held,
  how: Stillness,
  why: string,
): StillFile {
  return {
    file,
    original,
    still: { how, why, ...(held.verity === undefined ? {} : { verity: held.verity }) },
    lease: held.leaseErrno === 0,
    check: () => checkStill(file, held),
    release: () => held.release(),
    close: once(() => {
      held.release();
      closeSync(file.fd);
    }),
  };
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
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
