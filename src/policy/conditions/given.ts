import { escapeText } from '../../lib/text.ts';
import { nearest } from '../nearest.ts';
import { BOUNDS } from './bounds.ts';
import {
  type Facts,
  type FactType,
  type SignerFact,
  VARIABLE_NAMES,
  VARIABLES,
  type VariableName,
} from './variables.ts';

/** Something wrong with a table of facts. */
export interface GivenProblem {
  /** The keys that lead to it: `['user', 'name']` or `['user.name']`. */
  readonly keys: readonly string[];
  /** One line, escaped, as `expected` and `found` are. */
  readonly message: string;
  readonly expected: string;
  readonly found?: string;
}

export type Given = { readonly facts: Facts } | { readonly problems: readonly GivenProblem[] };

/**
 * Facts that somebody wrote down, as a table by dotted name (`user.name: ada`) or nested (`user: { name: ada }`). Names and
 * types are checked. What is left out is not known, but for two: a table that tells of the model says that it is known, and
 * one without signers says that there are none. Signers are names, which the system's trust store vouches for, or
 * `{ name, anchor }` with anchor `system` or `user`. Pure.
 */
export function givenFacts(table: unknown): Given {
  const values: Record<string, unknown> = {};
  const signers: SignerFact[] = [];
  const problems: GivenProblem[] = [];
  for (const { name, keys, value } of entries(table, [], problems)) {
    const wrong = name === 'signers' ? readSigners(value, signers) : mismatch(VARIABLES[name].type, value);
    const twice = Object.hasOwn(values, name);
    if (wrong !== undefined) {
      problems.push({
        keys,
        message: `the fact ${name} has another type`,
        expected: wrong,
        found: shown(value),
      });
    } else if (twice) {
      problems.push({ keys, message: `the fact ${name} is given twice`, expected: 'one value for each' });
    }
    values[name] = value;
  }
  if (problems.length > 0) return { problems };
  const tellsOfModel = Object.keys(values).some((name) => name.startsWith('model.'));
  const { signers: _, ...plain } = values;
  const known = tellsOfModel ? { 'model.known': true, ...plain } : plain;
  return { facts: { values: known as Facts['values'], signers } };
}

interface Entry {
  readonly name: VariableName;
  readonly keys: readonly string[];
  readonly value: unknown;
}

function entries(table: unknown, above: readonly string[], problems: GivenProblem[]): Entry[] {
  if (!isTable(table)) {
    problems.push({
      keys: above,
      message: 'facts are no table',
      expected: 'names and values, such as { user.name: ada, file.size: 4000000000 }',
      found: shown(table),
    });
    return [];
  }
  return Object.entries(table).flatMap(([key, value]): Entry[] => {
    const keys = [...above, key];
    const path = keys.join('.');
    const name = VARIABLE_NAMES.find((one) => one === path);
    if (name !== undefined) return [{ name, keys, value }];
    if (VARIABLE_NAMES.some((one) => one.startsWith(`${path}.`))) return entries(value, keys, problems);
    const near = nearest(path, VARIABLE_NAMES);
    problems.push({
      keys,
      message: `conditions know no ${escapeText(path, 80)}`,
      expected: near === undefined ? VARIABLE_NAMES.join(', ') : `\`${near}\`?`,
    });
    return [];
  });
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.length <= BOUNDS.text;
const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.length <= BOUNDS.items && value.every(isText);

const TYPES: Readonly<Record<FactType, readonly [fits: (value: unknown) => boolean, expected: string]>> = {
  bool: [(value) => typeof value === 'boolean', 'true or false'],
  int: [Number.isSafeInteger, 'a whole number'],
  string: [isText, `a text of at most ${BOUNDS.text} characters`],
  'list<string>': [isTexts, `a list of at most ${BOUNDS.items} texts`],
};

function mismatch(type: FactType, value: unknown): string | undefined {
  const [fits, expected] = TYPES[type];
  return fits(value) ? undefined : expected;
}

function readSigners(value: unknown, signers: SignerFact[]): string | undefined {
  const expected = 'a list of names, or of { name: publisher, anchor: system or user }';
  if (!Array.isArray(value) || value.length > BOUNDS.items) return expected;
  for (const one of value as readonly unknown[]) {
    const { name, anchor } = isTable(one) ? one : { name: one, anchor: 'system' };
    if (!isText(name) || (anchor !== 'system' && anchor !== 'user')) return expected;
    signers.push({ name, anchor });
  }
  return undefined;
}

function shown(value: unknown): string {
  return escapeText(JSON.stringify(value) ?? typeof value, 80);
}
