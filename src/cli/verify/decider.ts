import type { Facts } from '../../policy/conditions/variables.ts';
import { decide } from '../../policy/decide.ts';
import { type LoadedPolicy, resolvePolicy } from '../../policy/load.ts';
import type { EffectivePolicy } from '../../policy/policy.ts';
import type { Judgement, Outcome } from '../../report/outcome.ts';
import type { Context } from '../context.ts';
import { hostFacts } from '../facts/host.ts';
import { judgesOtherwise } from '../facts/ruled.ts';
import type { JudgedBy } from '../judged.ts';
import { type How, judgeOne } from './judge-one.ts';

/**
 * What the policy says of each judgement, with what its rules make of that file. A file of which they require more than it
 * was judged by is judged once more.
 */
export function decider(
  context: Context,
  loaded: LoadedPolicy,
  how: How,
  by: (effective: EffectivePolicy) => JudgedBy,
): (judgement: Judgement) => Promise<Outcome> {
  const plain = resolvePolicy(loaded);
  const host = plain.rules.length === 0 ? {} : hostFacts(context, loaded.needs);
  const policyFor = (known: Facts | undefined): EffectivePolicy => {
    if (plain.rules.length === 0) return plain;
    const { values, signers } = known ?? { values: {}, signers: [] };
    return resolvePolicy(loaded, { values: { ...host, ...values }, signers });
  };
  return async (first) => {
    if ('failure' in first) return first;
    const effective = policyFor(first.facts.known);
    const judgement = judgesOtherwise(by(plain), by(effective))
      ? await judgeOne(first.path, { ...how, by: by(effective) })
      : first;
    if ('failure' in judgement) return judgement;
    const { path, facts } = judgement;
    const { known: _, ...shown } = facts;
    const decision = decide({ effective: policyFor(facts.known), verdict: facts.verdict });
    return { path, facts: { ...shown, verdict: decision.verdict }, decision };
  };
}
