import type { Environment } from '../../lib/paths.ts';
import type { DotArgs, Dots, VariableReference } from './dot-args.ts';
import { GRAMMARS, type Grammar, parseDotArgs } from './grammar.ts';

/** Where an effective argument came from. Indexes begin with 0. */
export type TokenOrigin =
  | {
      readonly from: '.args';
      /** Bytes of the member's content. */
      readonly offset: number;
      readonly length: number;
      /** From 1. */
      readonly line: number;
      readonly variables: readonly VariableReference[];
    }
  | { readonly from: 'command line'; readonly index: number }
  /** `arguments.force` of the policy. */
  | { readonly from: 'policy'; readonly index: number };

/** One argument as the program receives it. */
export interface EffectiveToken {
  /** Untrusted where it is from `.args`. */
  readonly text: string;
  readonly origin: TokenOrigin;
}

/** The whole command line behind the program's name, as one grammar makes it. */
export interface EffectiveArguments {
  readonly grammar: Grammar;
  readonly tokens: readonly EffectiveToken[];
  /** The release leaves `.args` out, because it was given arguments and `.args` does not end with `...`. */
  readonly dropped: boolean;
  /** Index in `tokens` where the arguments begin that were given, or would; they take the place of all others if `alone`. */
  readonly givenAt: number;
  /** `.args` counts only if nobody gives an argument. */
  readonly alone: boolean;
  readonly dots: readonly Dots[];
  /** Every reference to the environment in `.args`. */
  readonly variables: readonly VariableReference[];
}

export interface ArgumentSources {
  /** Grammar of the identified release; undefined where nobody knows it. */
  readonly grammar?: Grammar;
  /** Content of `.args`; undefined when there is none. */
  readonly dotArgs?: Uint8Array;
  /** What the user typed behind the file's name. */
  readonly user?: readonly string[];
  /** Given behind the user's: `arguments.force` of the policy. */
  readonly append?: readonly string[];
  /** That the program will have. */
  readonly environment?: Environment;
}

/**
 * The command lines that the program may come to: one for the grammar of an identified release; one for each grammar
 * otherwise, the newest first. Each token has its origin.
 * @throws PaddockError `too-large` when variables of the environment make `.args` longer than 4 MiB.
 */
export function effectiveArguments(sources: ArgumentSources): EffectiveArguments[] {
  return grammarsOf(sources.grammar).map((grammar) => merge(grammar, sources));
}

function grammarsOf(known: Grammar | undefined): readonly Grammar[] {
  return known === undefined ? GRAMMARS : [known];
}

function merge(grammar: Grammar, sources: ArgumentSources): EffectiveArguments {
  const given: EffectiveToken[] = [
    ...(sources.user ?? []).map((text, index) => ({
      text,
      origin: { from: 'command line' as const, index },
    })),
    ...(sources.append ?? []).map((text, index) => ({ text, origin: { from: 'policy' as const, index } })),
  ];
  const parsed = parseDotArgs(grammar, sources.dotArgs ?? EMPTY, sources.environment);
  const own = fromFile(parsed);
  const { dots, variables, insertAt } = parsed;
  const alone = grammar === 'lines-alone' && insertAt === undefined && own.length > 0;
  if (alone && given.length > 0)
    return { grammar, tokens: given, dropped: true, givenAt: 0, alone, dots, variables: [] };
  const givenAt = insertAt ?? own.length;
  const tokens = [...own.slice(0, givenAt), ...given, ...own.slice(givenAt)];
  return { grammar, tokens, dropped: false, givenAt, alone, dots, variables };
}

const EMPTY = new Uint8Array(0);

function fromFile({ tokens }: DotArgs): EffectiveToken[] {
  return tokens.map(({ text, offset, length, line, variables }) => ({
    text,
    origin: { from: '.args', offset, length, line, variables },
  }));
}
