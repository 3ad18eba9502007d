import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { FileIdentity } from '../../format/open.ts';
import { PaddockError } from '../../lib/errors.ts';
import { makeFolders } from '../../lib/paths.ts';
import { escapeText } from '../../lib/text.ts';

/** The folder of one user's private copies. Nobody else may look into it. */
export interface StorePlace {
  readonly folder: string;
  readonly owner: number;
}

/** Where a user's copies are, below the folder of paddock's data. */
export function storePlace(data: string, uid: number): StorePlace {
  return { folder: join(data, 'store'), owner: uid };
}

/** Files of one copy, in its folder. */
export interface CopyNames {
  readonly content: string;
  readonly facts: string;
}

/** Content and facts of the copy of what has this SHA-256 (hex). */
export function namesOf({ folder }: StorePlace, sha256: string): CopyNames {
  return { content: join(folder, sha256), facts: join(folder, `${sha256}.json`) };
}

/** Names of copies: the digest of what was copied, as it was. */
export const COPY_NAME = /^[0-9a-f]{64}$/;

/** What the folder holds beside copies: which file led to which copy, who uses one, who makes one, and unfinished ones. */
export const FOLDERS = ['sources', 'uses', 'locks', 'partial'] as const;

/** In that folder of the store. */
export function within({ folder }: StorePlace, part: (typeof FOLDERS)[number], name = ''): string {
  return join(folder, part, name);
}

/** Which copy was made of a file: the file’s identity leads to it, so that a second start need not read the file. */
export function sourceName({ dev, ino, size, mtimeNs, ctimeNs }: FileIdentity): string {
  return createHash('sha256').update([dev, ino, size, mtimeNs, ctimeNs].join(':')).digest('hex').slice(0, 32);
}

const OTHERS = 0o077;

/** Whether the folder is there and this user's alone. One that is not there is no place. */
export function isUsable({ folder, owner }: StorePlace): boolean {
  return [folder, ...FOLDERS.map((name) => join(folder, name))].every((path) => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats?.isDirectory() === true && stats.uid === owner && (stats.mode & OTHERS) === 0;
  });
}

/**
 * Makes the folder and those in it, mode 0700.
 * @throws PaddockError `io` where it cannot be made, `refused` where it is not this user's alone
 */
export function preparePlace(place: StorePlace): void {
  try {
    for (const path of [place.folder, ...FOLDERS.map((name) => join(place.folder, name))])
      makeFolders(path, 0o700);
  } catch (cause) {
    throw new PaddockError('io', 'the store of private copies cannot be made', {
      where: escapeText(place.folder, 4096),
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'set XDG_DATA_HOME to a folder that you may write to',
      cause,
    });
  }
  if (isUsable(place)) return;
  throw new PaddockError('refused', 'the store of private copies is not yours alone', {
    where: escapeText(place.folder, 4096),
    expected: `a folder of user ${place.owner}, mode 700, and all folders in it likewise`,
    remedy: 'look who made it, and remove it; paddock makes it again',
  });
}
