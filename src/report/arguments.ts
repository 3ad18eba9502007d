import type { TokenOrigin } from '../format/args/effective.ts';
import type { Grammar } from '../format/args/grammar.ts';
import { READERS } from '../integrity/checks/arguments.ts';
import type { CommandLine } from '../integrity/dot-args.ts';
import { findFlag, flagName } from '../integrity/flags.ts';

/** One argument in words; nothing is escaped. */
export interface ShownArgument {
  readonly text: string;
  /** Where it came from: ".args, line 3". */
  readonly origin: string;
  /** What its flag does, where it is not benign; empty otherwise. */
  readonly note: string;
}

/** A command line in words, for all ways of reading that come to the same. */
export interface ShownCommandLine {
  readonly title: string;
  readonly grammars: readonly Grammar[];
  /** The place of the user's arguments is a row of its own, without text. */
  readonly tokens: readonly ShownArgument[];
}

/**
 * The command lines that the file can come to, each different one once.
 * @param version of the identified release.
 */
export function shownCommandLines(lines: readonly CommandLine[], version?: string): ShownCommandLine[] {
  const groups = new Map<string, CommandLine[]>();
  for (const line of lines) {
    const { tokens, givenAt, alone, dropped, member } = line;
    const key = JSON.stringify([tokens, givenAt, alone, dropped, member?.recordOffset]);
    groups.set(key, [...(groups.get(key) ?? []), line]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const grammars = group.map(({ grammar }) => grammar);
    return [{ title: title(grammars, groups.size, version), grammars, tokens: rows(first) }];
  });
}

function title(grammars: readonly Grammar[], ways: number, version: string | undefined): string {
  if (version !== undefined) return `as llamafile ${version} reads .args`;
  if (ways === 1) return 'however .args is read';
  return `as ${grammars.map((grammar) => READERS[grammar]).join(' and ')} read .args`;
}

function rows({ tokens, givenAt, alone, dropped }: CommandLine): ShownArgument[] {
  const shown = tokens.map(({ text, origin }) => ({ text, origin: from(origin), note: noteOf(text) }));
  if (dropped || tokens.some(({ origin }) => origin.from === 'command line')) return shown;
  const yours = {
    text: '',
    origin: alone ? 'your arguments, if you give any: all others are left out then' : 'your arguments',
    note: '',
  };
  return [...shown.slice(0, givenAt), yours, ...shown.slice(givenAt)];
}

function from(origin: TokenOrigin): string {
  switch (origin.from) {
    case '.args': {
      const names = origin.variables.map(({ name }) => `$${name}`);
      return `.args, line ${origin.line}${names.length === 0 ? '' : `, with ${names.join(', ')}`}`;
    }
    case 'command line':
      return `the command line, argument ${origin.index + 1}`;
    case 'policy':
      return 'the policy (arguments.force)';
  }
}

function noteOf(text: string): string {
  const name = flagName(text);
  const flag = name === undefined ? undefined : findFlag(name);
  return flag === undefined || flag.class === 'benign' ? '' : flag.why;
}
