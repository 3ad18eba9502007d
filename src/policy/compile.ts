import { PaddockError } from '../lib/errors.ts';
import type { Condition } from './conditions/condition.ts';
import { Fault } from './conditions/fault.ts';
import type { VariableName } from './conditions/variables.ts';
import type { Layer } from './layer.ts';
import type { Rule } from './rules.ts';

/** The conditions of rules, checked. A rule without one here was never checked, and counts as one that fails. */
export type Conditions = ReadonlyMap<Rule, Condition>;

/**
 * Checks the conditions of all rules; without rules nothing is loaded for it.
 * @throws PaddockError `policy-invalid` for the first that is no good, with its place in the file.
 */
export async function compileRules(layers: readonly Layer[]): Promise<Conditions> {
  const { conditions, problems } = await examineRules(layers.flatMap(({ rules = [] }) => rules));
  const [first] = problems;
  if (first !== undefined) throw first;
  return conditions;
}

/** The same, giving one problem for each condition that is no good, in the order of the rules. */
export async function examineRules(
  rules: readonly Rule[],
): Promise<{ readonly conditions: Conditions; readonly problems: readonly PaddockError[] }> {
  const conditions = new Map<Rule, Condition>();
  const problems: PaddockError[] = [];
  if (rules.length === 0) return { conditions, problems };
  const { compileCondition } = await import('./conditions/condition.ts');
  for (const rule of rules) {
    try {
      conditions.set(rule, await compileCondition(rule.when));
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause;
      problems.push(problemOf(rule, cause));
    }
  }
  return { conditions, problems };
}

function problemOf(rule: Rule, { index, message, expected, found, remedy }: Fault): PaddockError {
  const { where, excerpt } = rule.pointAt(index);
  return new PaddockError('policy-invalid', message, {
    where,
    excerpt,
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found }),
    remedy: remedy ?? 'docs/policy.md tells how conditions are written',
  });
}

/** What the conditions ask about. */
export function mentioned(conditions: Conditions): ReadonlySet<VariableName> {
  return new Set([...conditions.values()].flatMap(({ mentions }) => [...mentions]));
}
