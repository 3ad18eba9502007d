import { BOUNDS } from './bounds.ts';
import type { SignersOf } from './condition.ts';
import type { Facts, VariableName } from './variables.ts';

/** What an expression is evaluated with: nested as its names are, without what is not known. */
export interface EvaluationContext {
  readonly context: Readonly<Record<string, unknown>>;
  /** Why mentioned facts are not in it, one phrase each. */
  readonly missing: readonly string[];
}

/** The values of the mentioned variables. A fact beyond its bounds is left out, as one that is not known. */
export function contextOf(
  mentions: ReadonlySet<VariableName>,
  facts: Facts,
  signers: SignersOf,
): EvaluationContext {
  const context: Record<string, unknown> = {};
  const missing: string[] = [];
  for (const name of mentions) {
    const parts = name.split('.');
    const last = parts.pop() ?? name;
    let at = context;
    for (const part of parts) {
      at[part] ??= {};
      at = at[part] as Record<string, unknown>;
    }
    const value = factOf(name, facts, signers);
    const why = value === undefined ? 'is not known' : beyond(value);
    if (why === undefined) at[last] = typeof value === 'number' ? BigInt(value) : value;
    else missing.push(`${name} ${why}`);
  }
  return { context, missing };
}

/** A fact as a condition sees it: of the signers, those that count there. */
export function factOf(name: VariableName, facts: Facts, signers: SignersOf): Value | undefined {
  if (name !== 'signers') return facts.values[name];
  const counting = facts.signers.filter(({ anchor }) => signers === 'anybody' || anchor === 'system');
  return [...new Set(counting.map((one) => one.name))];
}

export type Value = boolean | number | string | readonly string[];

function beyond(value: Value): string | undefined {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return 'is no whole number below 2^53';
  if (typeof value === 'string' && value.length > BOUNDS.text)
    return `has ${value.length} characters, and conditions judge at most ${BOUNDS.text}`;
  if (typeof value !== 'object') return undefined;
  if (value.length > BOUNDS.items)
    return `has ${value.length} entries, and conditions judge at most ${BOUNDS.items}`;
  const long = value.findIndex((text) => text.length > BOUNDS.text);
  if (long === -1) return undefined;
  return `has ${value[long]?.length} characters in entry ${long + 1}, and conditions judge at most ${BOUNDS.text}`;
}
