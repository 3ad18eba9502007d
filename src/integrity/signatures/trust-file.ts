import { closeSync, lstatSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PaddockError } from '../../lib/errors.ts';
import { makeFolders } from '../../lib/paths.ts';
import { escapeText } from '../../lib/text.ts';
import { notOwned, type Ownership, readOwned } from './owned.ts';
import {
  type Anchor,
  parseTrust,
  type Signer,
  type TrustEntry,
  type TrustStore,
  writeTrust,
} from './trust.ts';

/** The administrator's trust store: root's alone to write. */
export const SYSTEM_TRUST = '/etc/paddock/trust.json';

export interface TrustPlaces {
  readonly system: string;
  readonly user: string;
  /** Of the user: the user's own store must be theirs, or root's. */
  readonly uid: number;
}

const WRITABLE_BY_OTHERS = 0o022;
const ROOT = 0;
const STORE: Ownership = {
  what: 'the trust store',
  forbidden: WRITABLE_BY_OTHERS,
  others: 'change',
  chmod: 'go-w',
};

/**
 * All signers of both stores. A store that is not there is empty.
 * @throws PaddockError `policy-invalid` for one that others could have written, that is a link, or that is damaged; `io` for
 * one that cannot be read.
 */
export function readTrust({ system, user, uid }: TrustPlaces, now: Date): TrustStore {
  return { signers: [...readStore(system, 'system', ROOT), ...readStore(user, 'user', uid)], now };
}

/** The signers of one store, whose owner must be `uid` or root. @throws as `readTrust`. */
export function readStore(path: string, anchor: Anchor, uid: number): Signer[] {
  const text = readOwned(path, uid, STORE);
  if (text === undefined) return [];
  refuseFolder(dirname(path), anchor === 'system' ? ROOT : uid);
  return parseTrust(text, anchor, path);
}

/**
 * Changes a store: reads it, and puts a new one in its place as a whole, mode 0600 (0644 for the system's, which all read).
 * Two changes at a time do not lose each other: the second is refused.
 * @throws PaddockError `io` where that fails, and as `readTrust`.
 */
export function changeTrust(
  path: string,
  anchor: Anchor,
  uid: number,
  change: (entries: readonly TrustEntry[]) => readonly TrustEntry[],
): void {
  const next = `${path}.new`;
  try {
    makeFolders(dirname(path), anchor === 'system' ? 0o755 : 0o700);
    // Also the lock: one at a time has it.
    const fd = openSync(next, 'wx', anchor === 'system' ? 0o644 : 0o600);
    try {
      const entries = change(readStore(path, anchor, uid).map(({ entry }) => entry));
      const text = writeTrust(entries);
      parseTrust(text, anchor, path);
      writeFileSync(fd, text);
      renameSync(next, path);
    } catch (cause) {
      rmSync(next, { force: true });
      throw cause;
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw unwritable(path, next, cause as NodeJS.ErrnoException);
  }
}

// Who may write to the folder can put an old store of the same owner back: a signer that was removed with it.
function refuseFolder(folder: string, owner: number): void {
  if (owner < 0) return;
  // Users may keep their settings elsewhere, behind a link of their own; nobody does that to /etc.
  const { uid, mode } = owner === ROOT ? lstatSync(folder) : statSync(folder);
  if ((uid === owner || uid === ROOT) && (mode & WRITABLE_BY_OTHERS) === 0) return;
  throw notOwned(
    folder,
    { ...STORE, what: 'the folder of the trust store' },
    `owner ${owner === ROOT ? 'root' : `${owner} or root`}, not writable by group or others`,
    `owner ${uid}, mode ${(mode & 0o7777).toString(8)}`,
  );
}

function unwritable(path: string, lock: string, cause: NodeJS.ErrnoException): PaddockError {
  const held = cause.code === 'EEXIST';
  return new PaddockError(
    'io',
    held ? 'the trust store is being changed' : 'the trust store cannot be written',
    {
      where: path,
      found: held ? escapeText(lock, 4096) : escapeText(cause.message),
      remedy: held
        ? 'wait for the other `paddock trust`; if none is running, remove that file'
        : 'choose a folder that can be written (XDG_CONFIG_HOME); the system’s store is written by root',
      cause,
    },
  );
}
