import { type BigIntStats, lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { escapeText } from '../lib/text.ts';

/** Who may change a file, or put another one in its place: root alone, the user as well, or others. */
export type Changers = 'root' | 'user' | 'others';

export interface ChangersFound {
  readonly changers: Changers;
  /** The first thing that others may change, with its owner and mode; escaped. */
  readonly because?: string;
}

/** What must be known of a file or folder. */
export type Owned = Pick<BigIntStats, 'uid' | 'gid' | 'mode'>;

const ROOT = 0n;
const GROUP_WRITE = 0o020n;
const OTHERS_WRITE = 0o002n;
/** In a folder with this bit only the owner of an entry may remove or rename it. */
const STICKY = 0o1000n;

/**
 * Looks at the file and at every folder above it. Whoever may write to a folder may put another file in the file's place,
 * which does not change an open one on a local disk, but does where every opening goes by the path (FUSE).
 *
 * Permission for the group counts as permission for others: who is in it is not looked up. Entries of a POSIX ACL are
 * covered by the same bits, as the mask that bounds them stands in the place of the group's; NFSv4 ACLs are not seen.
 * @param path absolute, without symbolic links; undefined where nobody knows it, which counts as `others`
 */
export function whoMayChange(
  path: string | undefined,
  file: Owned,
  uid: number,
  look: (path: string) => Owned | undefined = lookAt,
): ChangersFound {
  if (path === undefined) return { changers: 'others', because: 'its path is not known' };
  let changers = changersOf(file, BigInt(uid), false);
  if (changers === 'others') return { changers, because: told(path, file) };
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const facts = look(folder);
    if (facts === undefined)
      return { changers: 'others', because: `${escapeText(folder, 200)} cannot be seen` };
    const found = changersOf(facts, BigInt(uid), true);
    if (found === 'others') return { changers: found, because: told(folder, facts) };
    if (found === 'user') changers = 'user';
    if (folder === dirname(folder)) return { changers };
  }
}

function changersOf({ uid, gid, mode }: Owned, user: bigint, isFolder: boolean): Changers {
  const guarded = isFolder && (mode & STICKY) !== 0n;
  const group = (mode & GROUP_WRITE) !== 0n && gid !== ROOT;
  if (!guarded && (group || (mode & OTHERS_WRITE) !== 0n)) return 'others';
  if (uid === ROOT) return 'root';
  return uid === user ? 'user' : 'others';
}

function told(path: string, { uid, mode }: Owned): string {
  return `${escapeText(path, 200)} (owner ${uid}, mode ${(mode & 0o7777n).toString(8)})`;
}

function lookAt(path: string): Owned | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch {
    return undefined; // gone, or hidden from this user: told as such
  }
}
