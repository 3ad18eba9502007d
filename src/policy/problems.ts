import type * as v from 'valibot';
import type { Node, Pair } from 'yaml';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { EXPECTED } from './expected.ts';
import { nearest } from './nearest.ts';
import { isList, itemsOf, keyOf, type Located, offsetOf, pairsOf, pointAt, valueAt } from './positions.ts';
import { PolicyFile, RuleInFile } from './schema.ts';
import { FLAG, VARIABLE } from './values.ts';

/** Something wrong at one place of a policy file. */
export interface Problem {
  readonly offset: number;
  readonly error: PaddockError;
}

const MAPPING = 'lines such as `key: value`';
const REMEDY = 'the comments in policies/default.yaml explain every value';

/**
 * Keys that no policy has. Looked for in the document itself, as an object has keys of its own that nobody wrote
 * (`constructor`), and to know where they stand.
 */
export function unknownKeys(file: Located): Problem[] {
  const root = file.document.contents;
  if (isList(file, root)) return [noMapping(file, root, 'the policy')];
  const rules = valueAt(file, root, 'rules');
  return [
    ...unknownParts(file, root, entriesOf(PolicyFile), ''),
    ...itemsOf(file, rules).flatMap((rule) => unknownInRule(file, rule)),
  ];
}

function unknownParts(
  file: Located,
  node: unknown,
  entries: Readonly<Record<string, unknown>>,
  prefix: string,
): Problem[] {
  return pairsOf(file, node).flatMap((part) => {
    const name = keyOf(part)?.key;
    if (name === undefined || !Object.hasOwn(entries, name)) {
      return [unknownKey(file, part, prefix, Object.keys(entries))];
    }
    const known = Object.keys(entriesOf(entries[name]));
    return known.length === 0 ? [] : unknownLeaves(file, name, part.value, known); // 0: a list or a word
  });
}

function unknownInRule(file: Located, rule: unknown): Problem[] {
  if (isList(file, rule)) return [noMapping(file, rule, 'rules')];
  const entries = entriesOf(RuleInFile);
  const then = valueAt(file, rule, 'then');
  const keys = pairsOf(file, rule).filter((pair) => !Object.hasOwn(entries, keyOf(pair)?.key ?? ''));
  return [
    ...keys.map((pair) => unknownKey(file, pair, 'rules.', Object.keys(entries))),
    ...(isList(file, then)
      ? [noMapping(file, then, 'rules.then')]
      : unknownParts(file, then, entriesOf(entries.then), 'rules.then.')),
  ];
}

function unknownLeaves(file: Located, part: string, value: unknown, known: readonly string[]): Problem[] {
  if (isList(file, value)) return [noMapping(file, value, part)];
  return pairsOf(file, value).flatMap((leaf) => {
    const key = keyOf(leaf)?.key;
    if (key === undefined || !known.includes(key)) return [unknownKey(file, leaf, `${part}.`, known)];
    const path = `${part}.${key}`;
    const named = NAMED[path];
    if (named === undefined) return [];
    return isList(file, leaf.value)
      ? [noMapping(file, leaf.value, path)]
      : badNames(file, path, named, leaf.value);
  });
}

interface Named {
  readonly pattern: RegExp;
  readonly what: string;
  readonly expected: string;
}

// Mappings whose keys the file chooses.
const NAMED: Readonly<Record<string, Named>> = {
  'environment.set': {
    pattern: VARIABLE,
    what: 'environment variable',
    expected: 'letters, digits and underscores, not beginning with a digit',
  },
  'arguments.bounds': { pattern: FLAG, what: 'flag', expected: 'a flag such as --ctx-size' },
};

// To the schema a list is an object like any other.
function noMapping(file: Located, node: unknown, what: string): Problem {
  const offset = (node as Node | undefined)?.range?.[0] ?? 0;
  return problem(file, offset, `${what} is no mapping of keys to values`, {
    expected: EXPECTED[what] ?? MAPPING,
    found: 'a list',
    remedy: REMEDY,
  });
}

const LEAF_DEPTH = 2;
/** `rules`, the number of the rule, `then`. */
const THEN_DEPTH = 3;

/** What the schema says against the file, apart from keys: `unknownKeys` finds these. */
export function describeIssue(file: Located, issue: v.BaseIssue<unknown>): Problem | undefined {
  const depth = (issue.path?.length ?? 0) - (issue.path?.[0]?.key === 'rules' ? THEN_DEPTH : 0);
  const isOwn = depth <= LEAF_DEPTH; // deeper keys are the schema's to tell
  if (isOwn && issue.type === 'strict_object' && issue.expected === 'never') return undefined;
  if (issue.type !== 'strict_object' && issue.path?.at(-1)?.origin === 'key') return undefined;
  const keys = issue.path?.map(({ key }) => key) ?? [];
  const path = keys.filter((key) => typeof key === 'string').join('.');
  const shown = escapeText(path, 80);
  const leaf = path.replace(/^rules\.then\.(?=.)/, ''); // a rule says what a policy says
  const missing = issue.input === undefined;
  const what =
    path === ''
      ? 'the policy is no mapping of keys to values'
      : missing
        ? `the policy lacks ${shown}`
        : `the policy says something impossible for ${shown}`;
  return problem(file, offsetOf(file, keys), what, {
    expected:
      EXPECTED[leaf] ??
      EXPECTED[leaf.split('.', 2).join('.')] ??
      (path === ''
        ? 'apiVersion: paddock/v1, and what differs'
        : keys.length === 1
          ? MAPPING
          : escapeText(issue.message)), // a message of the schema may hold what the file says
    found: missing ? 'nothing' : described(issue.input),
    remedy: path === 'apiVersion' ? 'begin the file with `apiVersion: paddock/v1`' : REMEDY,
  });
}

function described(value: unknown): string {
  return escapeText(typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value), 80);
}

/** A problem with its place, line and mark. */
export function problem(
  file: Located,
  offset: number,
  message: string,
  detail: ConstructorParameters<typeof PaddockError>[2],
): Problem {
  const error = new PaddockError('policy-invalid', message, { ...pointAt(file, offset), ...detail });
  return { offset, error };
}

function unknownKey(
  file: Located,
  pair: Pair<unknown, unknown>,
  prefix: string,
  known: readonly string[],
): Problem {
  const key = keyOf(pair);
  const offset = (pair.key as Node | undefined)?.range?.[0] ?? 0;
  const expected = `one of ${known.join(', ')}`;
  if (key === undefined) {
    return problem(file, offset, 'the policy has a key that is no text', { expected, remedy: REMEDY });
  }
  const near = nearest(key.key, known) ?? elsewhere(key.key);
  return problem(
    file,
    offset,
    `the policy has a key that does not exist: ${prefix}${escapeText(key.key, 60)}`,
    { expected, remedy: near === undefined ? REMEDY : `did you mean \`${near}\`?` },
  );
}

/** `memory` at the top is meant for `limits.memory`. */
function elsewhere(key: string): string | undefined {
  const parts = Object.entries(entriesOf(PolicyFile)).map(
    ([part, schema]) => [part, entriesOf(schema)] as const,
  );
  const found = parts.find(([, entries]) => Object.hasOwn(entries, key));
  return found === undefined ? undefined : `${found[0]}.${key}`;
}

function badNames(file: Located, path: string, { pattern, what, expected }: Named, map: unknown): Problem[] {
  return pairsOf(file, map).flatMap((pair) => {
    const key = keyOf(pair)?.key;
    if (key !== undefined && pattern.test(key) && !(key in Object.prototype)) return [];
    const offset = (pair.key as Node | undefined)?.range?.[0] ?? 0;
    return [
      problem(file, offset, `${path} has a key that names no ${what}`, {
        expected,
        found: escapeText(key ?? 'a key that is no text', 60),
        remedy: REMEDY,
      }),
    ];
  });
}

function entriesOf(schema: unknown): Readonly<Record<string, unknown>> {
  const { wrapped, entries } = schema as { wrapped?: unknown; entries?: Readonly<Record<string, unknown>> };
  return wrapped === undefined ? (entries ?? {}) : entriesOf(wrapped);
}
