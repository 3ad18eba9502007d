import type { Anatomy } from '../../format/anatomy.ts';
import type { Grammar } from '../../format/args/grammar.ts';
import { escapeText } from '../../lib/text.ts';
import { type CheckId, finding } from '../catalogue.ts';
import { type CommandLine, commandLines, type DotArgsMember } from '../dot-args.ts';
import { type FlagUse, flagUses, isKnownTo, swallowsAppended } from '../flags.ts';
import type { Finding } from '../verdict.ts';
import { judgeFlags } from './flags.ts';
import { place, type Seen } from './seen.ts';

/** With what the file would be started. `verify` knows of none of it. */
export interface GivenArguments {
  /** What the user typed behind the file's name. */
  readonly user?: readonly string[];
  /** `arguments.force` of the policy. */
  readonly append?: readonly string[];
  /** That the program will have. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * ARG: the arguments that the file brings along, as the identified release reads them and merges them with the user's; as
 * each of the three grammars does where the release is not known, and then the worst counts.
 * @param version of the identified release.
 */
export function checkArguments(
  anatomy: Anatomy,
  dotArgs: readonly DotArgsMember[],
  version: string | undefined,
  given: GivenArguments = {},
): Finding[] {
  const lines = commandLines(dotArgs, version, given);
  const members = new Set<string>(anatomy.zip?.members.map(({ name }) => name));
  const seen = lines.flatMap((line) => {
    const uses = flagUses(line.tokens);
    const all = [...variables(line), ...order(line), ...judgeFlags(uses, members), ...unknown(uses, version)];
    return all.map((one) => ({ ...one, line }));
  });
  return [...dotArgs.flatMap(unreadable), ...told(seen, lines)];
}

/** Findings of one check; a file of 64 KiB could cause ten thousand. */
const MOST_OF_ONE = 8;

type SeenIn = Seen & { readonly line: CommandLine };

// What several grammars see is told once; what only some see says so.
function told(seen: readonly SeenIn[], lines: readonly CommandLine[]): Finding[] {
  const ways = new Set(lines.map(({ grammar }) => grammar)).size;
  const groups = grouped(seen, ({ id, found, asks, line }) =>
    JSON.stringify([id, found, asks, line.member?.recordOffset]),
  );
  const byCheck = grouped(groups, ([first]) => first?.id ?? '');
  return byCheck.flatMap((all) =>
    all.slice(0, MOST_OF_ONE).flatMap((group, index) => {
      const more = index === MOST_OF_ONE - 1 ? all.length - MOST_OF_ONE : 0;
      return oneFinding(group, ways, more);
    }),
  );
}

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[][] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

function oneFinding(group: readonly SeenIn[], ways: number, more: number): Finding[] {
  const [first] = group;
  if (first === undefined) return [];
  const { id, origin, found, detail, asks, line } = first;
  const grammars = [...new Set(group.map((one) => one.line.grammar))];
  const readers = grammars.map((grammar) => READERS[grammar]).join(' and ');
  const reading = grammars.length < ways ? `, as ${readers} would read it` : '';
  const rest = more > 0 ? `; and ${more} more of this kind` : '';
  const made = finding(id, { ...place(line.member, origin), found: found + reading + rest }, detail);
  // What one that is not told asks for, nobody granted.
  return [asks === undefined || more > 0 ? made : { ...made, asks }];
}

/** Who reads `.args` so, for a sentence. */
export const READERS: Readonly<Record<Grammar, string>> = {
  shell: 'releases since 0.8.17',
  lines: 'releases 0.7 to 0.8.16',
  'lines-alone': 'releases before 0.7',
};

function unreadable({ member, bytes, fault }: DotArgsMember): Finding[] {
  const bad = (found: string): Finding[] => [
    finding('ARG-001', { offset: member.contentOffset, length: member.compressedSize, found }),
  ];
  if (bytes === undefined) return bad(fault ?? 'nothing');
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.exec(text);
    return control === null ? [] : bad(`control character ${escapeText(control[0])}`);
  } catch {
    return bad('bytes that are not UTF-8'); // the finding is the report
  }
}

function variables(line: CommandLine): Seen[] {
  return line.variables.map(({ name, offset, length }) => ({
    id: 'ARG-003',
    origin: { offset, length },
    found: `$${escapeText(name, 60)}`,
  }));
}

// Where the file's own arguments stand behind the user's, they have the last word.
function order({ tokens, dots, dropped }: CommandLine): Seen[] {
  if (dropped) return [];
  const ids: Seen[] = [];
  const odd = dots.find(({ effect }) => effect !== 'insert');
  if (odd !== undefined)
    ids.push({ id: 'ARG-004', origin: { offset: odd.offset, length: 3 }, found: ODD_DOTS[odd.effect] });
  const insert = dots.find(({ effect }) => effect === 'insert');
  const last = tokens.at(-1);
  if (insert !== undefined && last?.origin.from === '.args' && last.origin.offset > insert.offset)
    ids.push({ id: 'ARG-004', origin: last.origin, found: `${shown(last.text)} behind “...”` });
  const own = tokens.findLastIndex(({ origin }) => origin.from === 'policy');
  if (own !== -1 && own < tokens.length - 1 && last?.origin.from === '.args')
    ids.push({ id: 'ARG-020', origin: last.origin, found: shown(last.text) });
  const taker = swallowsAppended(tokens);
  if (taker?.origin.from === '.args')
    ids.push({ id: 'ARG-020', origin: taker.origin, found: `${shown(taker.text)} in front of them` });
  return ids;
}

const ODD_DOTS = { nothing: 'a second “...”', literal: '“...” before the last line', insert: '' } as const;

function unknown(uses: readonly FlagUse[], version: string | undefined): Seen[] {
  if (version === undefined) return [];
  return uses.flatMap(({ name, flag, origin, swallowed }) =>
    origin.from !== '.args' || swallowed || isKnownTo(flag, version)
      ? []
      : [{ id: 'ARG-014' as CheckId, origin, found: shown(name), detail: `llamafile ${version}` }],
  );
}

function shown(text: string): string {
  return escapeText(text, 80);
}
