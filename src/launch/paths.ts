import { readdirSync, realpathSync, statSync } from 'node:fs';
import type { PathKind } from './landlock.ts';

/** What planning may ask of the file system. Nothing is opened or read. */
export interface PathFacts {
  /** What the path leads to, links followed; a device counts as a file, as it does for Landlock. */
  kind(path: string): PathKind;
  /** The path without links; undefined when it is not there. */
  real(path: string): string | undefined;
  /** What is in a folder; nothing where it cannot be listed. */
  entries(path: string): readonly { readonly name: string; readonly link: boolean }[];
}

/** The file system itself. */
export const systemPaths: PathFacts = {
  kind(path) {
    try {
      return statSync(path).isDirectory() ? 'directory' : 'file';
    } catch {
      return 'missing'; // also when it may not be looked at: then no grant would help
    }
  },
  real(path) {
    try {
      return realpathSync(path);
    } catch {
      return undefined; // as above
    }
  },
  entries(path) {
    try {
      return readdirSync(path, { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        link: entry.isSymbolicLink(),
      }));
    } catch {
      return []; // what cannot be listed by the user is not granted entry by entry
    }
  },
};
