import { findFlag } from '../integrity/flags.ts';

/** What the value of a flag is to the launcher. Flags of no kind that take a value may name a file: it is looked up. */
export type FlagKind =
  | 'read' // a file to be read
  | 'read-folder'
  | 'write' // a file or folder that the program writes
  | 'text'; // never a path, even if a file of that name exists

const KINDS = {
  read: 'read',
  folder: 'read-folder',
  write: 'write',
  text: 'text',
  maybe: undefined,
  none: undefined,
} as const;

/** What the value of this flag is; undefined when the flag is not known, or takes none. */
export function flagKind(name: string): FlagKind | undefined {
  const flag = findFlag(name);
  return flag === undefined ? undefined : KINDS[flag.value];
}

/** Flags that take the weights: these may also name a member of the file's own zip. */
export const WEIGHT_FLAGS: ReadonlySet<string> = new Set(['-m', '--model']);
