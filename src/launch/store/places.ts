import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { FileIdentity } from '../../format/open.ts';
import { PaddockError } from '../../lib/errors.ts';
import { makeFolders } from '../../lib/paths.ts';
import { escapeText } from '../../lib/text.ts';

/** Copies for everybody on this machine: made by its administrator, for whom `paddock store add` puts them here. */
export const SYSTEM_STORE = '/var/lib/paddock/store';

/** A folder of private copies. Only `owner` may write to it. */
export interface StorePlace {
  readonly folder: string;
  readonly owner: number;
  /** 0700 for a user’s own; 0755 for the machine’s, whose copies everybody may read and run. */
  readonly mode: number;
}

/** Where copies are looked for, in this order; the last one is where new ones are made. */
export type StorePlaces = readonly StorePlace[];

/** The places of one user. Root’s new copies are for everybody only where it says so (`shared`). */
export function storePlaces(cache: string, uid: number, shared = false): StorePlaces {
  const system: StorePlace = { folder: SYSTEM_STORE, owner: 0, mode: 0o755 };
  return shared ? [system] : [system, { folder: join(cache, 'store'), owner: uid, mode: 0o700 }];
}

/** Files of one copy, in its folder. */
export interface CopyNames {
  readonly content: string;
  readonly facts: string;
}

export function namesOf({ folder }: StorePlace, sha256: string): CopyNames {
  return { content: join(folder, sha256), facts: join(folder, `${sha256}.json`) };
}

/** Names of copies: the digest of what was copied, as it was. */
export const COPY_NAME = /^[0-9a-f]{64}$/;

/** Which copy was made of a file: the file’s identity leads to it, so that a second start need not read the file. */
export function sourceName({ folder }: StorePlace, { dev, ino, size, mtimeNs, ctimeNs }: FileIdentity): string {
  const key = createHash('sha256').update([dev, ino, size, mtimeNs, ctimeNs].join(':')).digest('hex');
  return join(folder, 'sources', key.slice(0, 32));
}

/** Whether the folder is there and nobody else may write to it. One that is not there is no place. */
export function isUsable(place: StorePlace): boolean {
  const stats = lstatSync(place.folder, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === place.owner && (stats.mode & 0o022) === 0;
}

/**
 * Makes the folder and those in it.
 * @throws PaddockError `io` where it cannot be made, `refused` where others may write to it
 */
export function preparePlace(place: StorePlace): void {
  try {
    for (const folder of [place.folder, ...FOLDERS.map((name) => join(place.folder, name))])
      makeFolders(folder, place.mode);
  } catch (cause) {
    throw new PaddockError('io', 'the store of private copies cannot be made', {
      where: escapeText(place.folder, 4096),
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'set XDG_CACHE_HOME to a folder that you may write to',
      cause,
    });
  }
  if (isUsable(place)) return;
  throw new PaddockError('refused', 'others may write to the store of private copies', {
    where: escapeText(place.folder, 4096),
    expected: `a folder of user ${place.owner} that nobody else may write to`,
    remedy: 'remove it, and look who made it',
  });
}

const FOLDERS = ['sources', 'uses', 'locks'] as const;
