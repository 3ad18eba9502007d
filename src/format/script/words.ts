import type { Architecture } from '../anatomy.ts';

/** What a number or a header in the script is about. */
export type Role = Architecture | 'apple' | 'macho' | 'loader-macho';

/**
 * A place that the linker fills in.
 * `left10`, `left8`: digits, padded with spaces on the right to that width. `right8`: the same on the left, in double quotes.
 * `number`: digits alone. `header`: 64 bytes for `printf`, in single quotes. `version`: one of `values`.
 */
export interface Hole {
  readonly kind: 'left10' | 'left8' | 'right8' | 'number' | 'header' | 'version';
  readonly role: Role;
  readonly field: 'skip' | 'count' | 'header' | 'version';
  /** Bytes that a `skip` or `count` of one stands for: the `bs=` of the same line. */
  readonly unit: number;
  readonly values?: readonly string[];
}

export type Word = string | readonly (string | Hole)[];
/** Words with exactly one space between them. */
export type Line = readonly Word[];

/** Where the loader is unpacked, up to the name that the version ends; and the folder of it. */
export const LOADER_PATH = `t="\${TMPDIR:-\${HOME:-.}}/`;
export const LOADER_FOLDER = `"\${t%/*}"`;

export function hole(kind: Hole['kind'], role: Role, field: Hole['field'], unit = 1): Hole {
  return { kind, role, field, unit };
}

const QUOTES = { right8: '"', header: "'" } as const;

/** How a person would write the line: holes are named in angle brackets. */
export function spell(line: Line): string {
  return line.map((word) => (typeof word === 'string' ? word : word.map(spellPart).join(''))).join(' ');
}

function spellPart(part: string | Hole): string {
  if (typeof part === 'string') return part;
  if (part.kind === 'version') return (part.values ?? []).join('|');
  const quote = part.kind === 'right8' || part.kind === 'header' ? QUOTES[part.kind] : '';
  return `${quote}<${part.field}>${quote}`;
}
