import type { EffectiveToken, TokenOrigin } from '../format/args/effective.ts';
import { compareVersions } from '../format/args/version.ts';
import { PaddockError } from '../lib/errors.ts';
import flagsText from './data/flags.tsv';
import { parseTable } from './tables.ts';

/** What the value of a flag is. */
export type FlagValue =
  | 'none'
  | 'maybe' // takes one in some releases, or only sometimes
  | 'text' // never a path, even if a file of that name exists
  | 'read' // a file to be read
  | 'folder' // a folder to be read, or shown to clients
  | 'write'; // a file or folder that the program writes

/**
 * `deny`: nothing grants it to a file. `grant`: the user or a policy may, not the file by itself. `note`: worth showing.
 */
export type FlagClass = 'benign' | 'note' | 'grant' | 'deny';

/** A flag of some release of llamafile. */
export interface Flag {
  /** As it is spelt, with its dashes. Ends with `*` for all that begin so. */
  readonly name: string;
  readonly value: FlagValue;
  /** First and last release that knows it; without a last one, so does the newest that was looked at. */
  readonly since: string;
  readonly until?: string;
  readonly class: FlagClass;
  /** What it does, where it is not benign: follows "it". */
  readonly why: string;
}

/** The last release whose flags are all in the table: later ones are known from documentation. */
export const LAST_COMPLETE = '0.9.3';

/** "--host=127.0.0.1" → "--host"; the argument itself when it has no value in it; undefined when it is no flag. */
export function flagName(argument: string): string | undefined {
  if (!argument.startsWith('-') || argument === '-' || argument === '--') return undefined;
  const equals = argument.indexOf('=');
  return equals === -1 ? argument : argument.slice(0, equals);
}

/** Spellings that the runtimes take for the same flag come to the same text: `-rpc`, `--rpc`, `--tools_runtime`. */
export function canonicalFlag(name: string): string {
  return name.replace(/^-+/, '').replaceAll('_', '-');
}

/** The flag of that name, `--flag=value` cut off before; one that is denied also with other dashes. */
export function findFlag(name: string): Flag | undefined {
  const { exact, denied, prefixes } = shippedFlags();
  const canonical = canonicalFlag(name);
  return (
    exact.get(name.startsWith('--') ? name.replaceAll('_', '-') : name) ??
    denied.get(canonical) ??
    prefixes.find((flag) => canonical.startsWith(canonicalFlag(flag.name.slice(0, -1))))
  );
}

/** Whether that release knows the flag; true for releases whose flags are not all known. */
export function isKnownTo(flag: Flag | undefined, version: string): boolean {
  if (!(compareVersions(version, LAST_COMPLETE) <= 0)) return true;
  if (flag === undefined || !(compareVersions(version, flag.since) >= 0)) return false;
  return flag.until === undefined || compareVersions(version, flag.until) <= 0;
}

/** A flag on a command line. */
export interface FlagUse {
  /** As it was given, without a value. Untrusted. */
  readonly name: string;
  /** Undefined where no release has such a flag. */
  readonly flag?: Flag;
  readonly origin: TokenOrigin;
  /** What follows `=`, or else the next argument, whether or not the flag takes one. */
  readonly value?: EffectiveToken;
  /** The flag before takes a value, and this is it: no flag at all, unless the release reads it otherwise. */
  readonly swallowed: boolean;
}

/**
 * Everything that looks like a flag, in order. Which of them are values of the one before depends on the release, so all
 * are told: what is denied is looked for in each.
 */
export function flagUses(tokens: readonly EffectiveToken[]): FlagUse[] {
  const uses: FlagUse[] = [];
  let swallowed = false;
  for (const [index, token] of tokens.entries()) {
    const name = flagName(token.text);
    if (name === undefined) {
      swallowed = false;
      continue;
    }
    const flag = findFlag(name);
    const inline = name.length < token.text.length;
    const value = inline ? { ...token, text: token.text.slice(name.length + 1) } : tokens[index + 1];
    uses.push({
      name,
      origin: token.origin,
      swallowed,
      ...(flag === undefined ? {} : { flag }),
      ...(value === undefined ? {} : { value }),
    });
    swallowed = !swallowed && !inline && flag !== undefined && TAKES_VALUE.has(flag.value);
  }
  return uses;
}

/**
 * The argument that keeps the policy's appended ones from being what they are: a flag right in front of them, which takes the
 * first of them for its value. A flag that nobody knows could, too; the user may give one, the file may not. `from`: index of
 * the first that counts.
 */
export function swallowsAppended(tokens: readonly EffectiveToken[], from = 0): EffectiveToken | undefined {
  const first = tokens.findIndex(({ origin }) => origin.from === 'policy' && origin.index >= from);
  const before = tokens.slice(0, Math.max(0, first));
  const last = before.at(-1);
  const use = flagUses(before).at(-1);
  if (last === undefined || use === undefined || use.origin !== last.origin) return undefined;
  const isWhole = use.name === last.text;
  if (use.swallowed || !isWhole) return undefined;
  const takes =
    use.flag === undefined
      ? last.origin.from === '.args' && SPELLING.test(use.name)
      : TAKES_VALUE.has(use.flag.value);
  return takes ? last : undefined;
}

/** How flags are spelt. A line of several words is one argument to old grammars, and no flag. */
const SPELLING = /^--?[A-Za-z][\w.-]*$/;
const TAKES_VALUE: ReadonlySet<FlagValue> = new Set(['text', 'read', 'folder', 'write']);

interface FlagTable {
  readonly exact: ReadonlyMap<string, Flag>;
  /** By canonical name. */
  readonly denied: ReadonlyMap<string, Flag>;
  readonly prefixes: readonly Flag[];
}

let shipped: FlagTable | undefined;

function shippedFlags(): FlagTable {
  shipped ??= tableOf(parseFlags(flagsText));
  return shipped;
}

function tableOf(flags: readonly Flag[]): FlagTable {
  const whole = flags.filter(({ name }) => !name.endsWith('*'));
  const denied = whole.filter((flag) => flag.class === 'deny');
  return {
    exact: new Map(whole.map((flag) => [flag.name, flag])),
    denied: new Map(denied.map((flag) => [canonicalFlag(flag.name), flag])),
    prefixes: flags.filter(({ name }) => name.endsWith('*')),
  };
}

const VALUES: readonly FlagValue[] = ['none', 'maybe', 'text', 'read', 'folder', 'write'];
const CLASSES: readonly FlagClass[] = ['benign', 'note', 'grant', 'deny'];

/** Rows of a table of flags. @throws PaddockError `internal` for a doubtful one: the table is part of the program. */
export function parseFlags(text: string): Flag[] {
  return parseTable(text, 6).map(([name = '', value = '', since = '', until = '', kind = '', why = '']) => {
    const row = {
      value: VALUES.find((one) => one === value),
      class: CLASSES.find((one) => one === kind),
    };
    const versions = [since, ...(until === '' ? [] : [until])];
    const sane =
      /^--?[A-Za-z][\w.-]*\*?$/.test(name) && versions.every((one) => compareVersions(one, '0.1') >= 0);
    if (row.value === undefined || row.class === undefined || !sane || (why === '') !== (kind === 'benign')) {
      throw new PaddockError('internal', 'the table of flags is damaged', { found: name.slice(0, 100) });
    }
    return {
      name,
      value: row.value,
      since,
      ...(until === '' ? {} : { until }),
      class: row.class,
      why,
    };
  });
}
