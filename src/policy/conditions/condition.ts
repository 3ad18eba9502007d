import type { Environment } from '@marcbachmann/cel-js';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { checkAllowed, type Node } from './allowed.ts';
import { BOUNDS } from './bounds.ts';
import { contextOf } from './context.ts';
import { Fault } from './fault.ts';
import { type Facts, VARIABLE_NAMES, VARIABLES, type VariableName } from './variables.ts';

/** Whether only signers of the system's trust store count, or those of the user's own, too. */
export type SignersOf = 'system' | 'anybody';

/** What came of a condition. An error is no `false`: what it means is the caller's to decide. */
export type Outcome =
  | { readonly held: boolean }
  /** `index`: where in the expression, as far as that is known. */
  | { readonly error: string; readonly index?: number };

/** An expression that was checked. */
export interface Condition {
  readonly mentions: ReadonlySet<VariableName>;
  /** Pure. Never throws for what facts say: a fact that is missing or beyond its bounds is an error of the outcome. */
  readonly judge: (facts: Facts, signers: SignersOf) => Outcome;
}

/**
 * Parses an expression of CEL, restricts it to what conditions may use and checks its types. The library is loaded with the first.
 * @throws Fault with the place in `text`
 */
export async function compileCondition(text: string): Promise<Condition> {
  if (text.length > BOUNDS.characters)
    throw new Fault(0, 'the condition is too long', {
      expected: `at most ${BOUNDS.characters} characters`,
      found: `${text.length}`,
    });
  const { environment, errorOf } = await language();
  const parsed = attempt(text, errorOf, () => environment.parse(text));
  const mentions = checkAllowed(parsed.ast as unknown as Node);
  const { valid, type, error } = parsed.check();
  if (!valid || error !== undefined) throw faultOf(text, errorOf(error), error);
  if (type !== 'bool')
    throw new Fault(0, 'the condition is neither true nor false', {
      expected: 'a comparison, or something else of type bool',
      found: `type ${escapeText(String(type), 60)}`,
    });
  return { mentions, judge: (facts, signers) => judge(parsed, mentions, facts, signers, errorOf) };
}

interface LibraryError {
  readonly code: string;
  readonly summary: string;
  readonly index: number | undefined;
}

interface Language {
  readonly environment: Environment;
  readonly errorOf: (cause: unknown) => LibraryError | undefined;
}

let loaded: Promise<Language> | undefined;

function language(): Promise<Language> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Language> {
  const cel = await import('@marcbachmann/cel-js');
  const environment = new cel.Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: true,
    enableOptionalTypes: false,
    limits: {
      maxAstNodes: BOUNDS.nodes,
      maxDepth: BOUNDS.depth,
      maxListElements: BOUNDS.items,
      maxCallArguments: 4,
    },
  });
  for (const [name, declared] of Object.entries(schema())) {
    if (typeof declared === 'string') environment.registerVariable(name, declared);
    else environment.registerVariable({ name, schema: declared });
  }
  const errorOf = (cause: unknown): LibraryError | undefined => {
    const known = [cel.EvaluationError, cel.ParseError, cel.TypeError].some((kind) => cause instanceof kind);
    if (!known) return undefined;
    const { code, summary, range } = cause as InstanceType<typeof cel.ParseError>;
    return { code, summary, index: range?.start };
  };
  return { environment, errorOf };
}

interface Schema {
  [name: string]: string | Schema;
}

// "time.utc.hour": 'int' → { time: { utc: { hour: 'int' } } }
function schema(): Schema {
  const root: Schema = {};
  for (const name of VARIABLE_NAMES) {
    const parts = name.split('.');
    const last = parts.pop() ?? name;
    let at = root;
    for (const part of parts) {
      at[part] ??= {};
      at = at[part] as Schema;
    }
    at[last] = VARIABLES[name].type;
  }
  return root;
}

function attempt<Result>(text: string, errorOf: Language['errorOf'], work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw faultOf(text, errorOf(cause), cause);
  }
}

// Anything else than an error of the library's own is no judgement about the text: its stack, or a bug.
function faultOf(text: string, error: LibraryError | undefined, cause: unknown): unknown {
  if (error === undefined) return cause instanceof RangeError ? tooDeep() : cause;
  if (error.code === 'limit_exceeded') return tooDeep(error.index);
  return new Fault(error.index ?? 0, saidOf(error), hintOf(text, error));
}

function tooDeep(index = 0): Fault {
  return new Fault(index, 'the condition is too large', {
    expected: `at most ${BOUNDS.nodes} parts, ${BOUNDS.depth} levels and ${BOUNDS.items} entries in a list`,
  });
}

function saidOf({ code, summary }: LibraryError): string {
  if (code === 'unexpected_token' && summary.endsWith('EOF')) return 'the condition ends too early';
  return `the condition is not valid: ${escapeText(summary, 160)}`;
}

function hintOf(text: string, { code, index = 0 }: LibraryError): { expected?: string } {
  if (code !== 'unexpected_character') return {};
  const rest = text.slice(index);
  if (rest.startsWith('=')) return { expected: '`==` to compare' };
  if (rest.startsWith('&')) return { expected: '`&&`' };
  if (rest.startsWith('|')) return { expected: '`||`' };
  const word = /^(and|or|not)\b/.exec(rest)?.[1];
  return word === undefined ? {} : { expected: { and: '`&&`', or: '`||`', not: '`!`' }[word] ?? '' };
}

function judge(
  evaluate: (context: Readonly<Record<string, unknown>>) => unknown,
  mentions: ReadonlySet<VariableName>,
  facts: Facts,
  signers: SignersOf,
  errorOf: Language['errorOf'],
): Outcome {
  const { context, missing } = contextOf(mentions, facts, signers);
  try {
    const result = evaluate(context);
    if (typeof result === 'boolean') return { held: result };
    throw new PaddockError('internal', 'a condition came to something else than true or false');
  } catch (cause) {
    const error = errorOf(cause);
    if (error === undefined) throw cause;
    const at = error.index === undefined ? {} : { index: error.index };
    if (MISSING.has(error.code) && missing.length > 0) return { error: missing.join('; '), ...at };
    return { error: escapeText(error.summary, 160), ...at };
  }
}

/** What the library says where the context lacks something. */
const MISSING = new Set(['no_such_key', 'unknown_variable']);
