import { isDeepStrictEqual } from 'node:util';
import { PaddockError } from '../../lib/errors.ts';
import type { Facts } from '../../policy/conditions/variables.ts';
import { type LoadedPolicy, resolvePolicy } from '../../policy/load.ts';
import type { EffectivePolicy } from '../../policy/policy.ts';
import type { Context } from '../context.ts';
import type { Judged, JudgedBy } from '../judged.ts';
import { type FileFactsInput, fileFacts } from './file.ts';
import { hostFacts } from './host.ts';

export interface RuledInput extends Pick<FileFactsInput, 'path' | 'original' | 'digests' | 'onDigest'> {
  readonly loaded: LoadedPolicy;
  /** By what a file is judged under a policy. */
  readonly by: (effective: EffectivePolicy) => JudgedBy;
  readonly judge: (by: JudgedBy) => Promise<Judged>;
}

/** A judged file, and the policy that the rules make for it. */
export interface Ruled {
  readonly judged: Judged;
  readonly effective: EffectivePolicy;
  /** What the rules were judged by; undefined where there are none. */
  readonly facts?: Facts;
}

/**
 * Judges a file, then the rules by what is known of it. Where they change by what it is judged (they force an argument,
 * or require an approval), it is judged once more.
 * @throws PaddockError `policy-invalid` when the rules come out otherwise then: they would decide about themselves.
 */
export async function judgeRuled(context: Context, input: RuledInput): Promise<Ruled> {
  const { loaded, by, judge } = input;
  const plain = resolvePolicy(loaded);
  const first = await judge(by(plain));
  if (plain.rules.length === 0) return { judged: first, effective: plain };
  const host = hostFacts(context, loaded.needs);
  const facts = await allFacts(context, host, input, first, by(plain));
  const effective = resolvePolicy(loaded, facts);
  if (!judgesOtherwise(by(plain), by(effective))) return { judged: first, effective, facts };
  const judged = await judge(by(effective));
  const again = resolvePolicy(loaded, await allFacts(context, host, input, judged, by(effective), facts));
  if (again.digest !== effective.digest || !isDeepStrictEqual(again.rules, effective.rules))
    throw circular(again);
  return { judged, effective, facts };
}

async function allFacts(
  context: Context,
  host: Facts['values'],
  { loaded, path, original, digests, onDigest }: RuledInput,
  judged: Judged,
  by: JudgedBy,
  known?: Facts,
): Promise<Facts> {
  const sha256 = known?.values['file.digest'] ?? digests?.sha256;
  const { values, signers } = await fileFacts({
    path,
    judged,
    original,
    by,
    cwd: context.cwd,
    needs: loaded.needs,
    ...(sha256 === undefined ? {} : { digests: { sha256 } }),
    onDigest,
  });
  return { values: { ...host, ...values }, signers };
}

/** Whether a verdict by the one may differ from that by the other. */
export function judgesOtherwise(one: JudgedBy, other: JudgedBy): boolean {
  const matters = ({ look, given }: JudgedBy): unknown => [look?.required, given];
  return !isDeepStrictEqual(matters(one), matters(other));
}

function circular({ rules }: EffectivePolicy): PaddockError {
  const layers = [...new Set(rules.map(({ origin }) => origin.layer))];
  return new PaddockError('policy-invalid', 'rules of the policy change what they ask about', {
    expected: 'rules that come out the same when what they force and set is counted in',
    where: layers.join(', '),
    remedy: 'let no rule force arguments or set variables that a condition asks about',
  });
}
