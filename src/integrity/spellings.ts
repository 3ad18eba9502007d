import { PaddockError } from '../lib/errors.ts';
import spellingsText from './data/flag-spellings.tsv';
import { canonicalFlag } from './flags.ts';
import { parseTable } from './tables.ts';

/**
 * The groups of spellings, canonical, in which a flag stands: `-l` is `--logit-bias` to some programs of the releases and
 * `--listen` to others. Itself alone when it has one spelling only.
 */
export function spellingsOf(name: string): readonly (readonly string[])[] {
  const canonical = canonicalFlag(name);
  return shipped().get(canonical) ?? [[canonical]];
}

/** Whether some program of the releases takes the one for the other. Both with or without dashes. */
export function canMean(name: string, other: string): boolean {
  const canonical = canonicalFlag(other);
  return spellingsOf(name).some((group) => group.includes(canonical));
}

/** Whether every program of the releases that knows `name` takes it for one of those, or it is named itself. */
export function meansOneOf(name: string, others: readonly string[]): boolean {
  const named = new Set(others.map(canonicalFlag));
  if (named.has(canonicalFlag(name))) return true;
  return spellingsOf(name).every((group) => group.some((spelling) => named.has(spelling)));
}

type Groups = ReadonlyMap<string, readonly (readonly string[])[]>;

let table: Groups | undefined;

function shipped(): Groups {
  table ??= parseSpellings(spellingsText);
  return table;
}

/** Canonical spelling → its groups. @throws PaddockError `internal` for a doubtful row: the table is part of the program. */
export function parseSpellings(text: string): Groups {
  const groups = new Map<string, (readonly string[])[]>();
  for (const [row = ''] of parseTable(text, 1)) {
    const names = row.split(' ');
    if (names.length < 2 || !names.every((name) => /^--?[A-Za-z][\w.-]*$/.test(name))) {
      throw new PaddockError('internal', 'the table of spellings is damaged', { found: row.slice(0, 100) });
    }
    const group = [...new Set(names.map(canonicalFlag))];
    for (const spelling of group) groups.set(spelling, [...(groups.get(spelling) ?? []), group]);
  }
  return groups;
}
