import type { Conditions } from './compile.ts';
import type { Outcome, SignersOf } from './conditions/condition.ts';
import type { Facts } from './conditions/variables.ts';
import type { Layer } from './layer.ts';
import type { JudgedRule } from './policy.ts';
import type { Rule } from './rules.ts';

/** What rules are judged by. */
export interface RuleInput {
  /** Without them no rule was checked, and each fails. */
  readonly conditions?: Conditions;
  /** Without them nothing is known, and each rule fails. */
  readonly facts?: Facts;
}

/**
 * A layer with what its rules add where they hold: behind its plain keys and before the next layer, in the order in which they
 * stand, so that of two rules that hold and name the same value the later one counts. Pure.
 * @param signers whose signers count: a rule of the administrator does not believe the user's own
 */
export function resolveRules(
  layer: Layer,
  signers: SignersOf,
  input: RuleInput,
): { readonly layers: readonly Layer[]; readonly rules: readonly JudgedRule[] } {
  const { rules = [], ...plain } = layer;
  const judged = rules.map((rule) => ({ rule, outcome: judge(rule, signers, input) }));
  const held = judged.filter(({ outcome }) => 'held' in outcome && outcome.held);
  return {
    layers: [plain, ...held.flatMap(({ rule }) => changed(layer, rule))],
    rules: judged.map(({ rule, outcome }) => judgedRule(rule, outcome, signers)),
  };
}

function judge(rule: Rule, signers: SignersOf, { conditions, facts }: RuleInput): Outcome {
  const condition = conditions?.get(rule);
  if (condition === undefined) return { error: 'its condition was not checked' };
  if (facts === undefined) return { error: 'nothing is known of a file' };
  return condition.judge(facts, signers);
}

function changed({ name, lists }: Layer, { effect }: Rule): Layer[] {
  return 'values' in effect ? [{ name, values: effect.values, origins: effect.origins, lists }] : [];
}

function judgedRule(
  { name, effect, origin, pointAt }: Rule,
  outcome: Outcome,
  signers: SignersOf,
): JudgedRule {
  const bySystem = signers === 'system';
  if ('error' in outcome) {
    return {
      name,
      state: 'failed',
      error: outcome.error,
      origin: pointAt(outcome.index ?? 0).origin,
      bySystem,
    };
  }
  if (!outcome.held) return { name, state: 'not held', origin, bySystem };
  return { name, state: 'held', ...('refuse' in effect ? { refuse: effect.refuse } : {}), origin, bySystem };
}
