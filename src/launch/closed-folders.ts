import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PathGrant } from './landlock.ts';
import { RIGHT_KEPT, RIGHT_READ, RIGHT_WRITE } from './operations.ts';
import type { LaunchPlan } from './plan.ts';

type Directories = LaunchPlan['directories'];

/**
 * What a program may write in its home where a card is within reach. Rights of Landlock add up along a path, so that
 * whoever may write the home may replace what lies in it: the home is not granted then, only these are.
 */
const WRITABLE = ['.cache', '.config', '.local', '.nv'];
/** Where runtimes look for libraries that they load, in HOME or TMPDIR. There, and closed, also when they stay empty. */
const CLOSED = ['.llamafile', '.cosmo'];

/** The grants on the private folders of a session whose app folders are closed: nothing can be made beside them, either. */
export function closedGrants({ home, tmp, work }: Directories): PathGrant[] {
  return [
    { path: home, rights: RIGHT_READ },
    { path: tmp, rights: RIGHT_READ },
    ...[...WRITABLE.map((name) => join(home, name)), work].map((path) => ({
      path,
      rights: RIGHT_READ | RIGHT_WRITE | RIGHT_KEPT,
    })),
  ];
}

/** Makes the folders that `closedGrants` speaks of; what is put into them is put there before `sealFolders`. */
export function makeClosedFolders({ home, tmp }: Directories): void {
  for (const name of WRITABLE) mkdirSync(join(home, name), { mode: 0o700 });
  for (const base of [home, tmp]) for (const name of CLOSED) mkdirSync(join(base, name), { mode: 0o700 });
}

/** Takes the right to write from files and folders of the app folders, and from the folders around these. */
export function sealFolders({ home, tmp }: Directories): void {
  for (const base of [home, tmp]) {
    for (const name of CLOSED) seal(join(base, name));
    chmodSync(base, 0o555);
  }
}

// What lies there is paddock's: the program has not started yet.
function seal(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) seal(path);
    else chmodSync(path, 0o444);
  }
  chmodSync(folder, 0o555);
}
