import { isScalar, type Node, type Scalar } from 'yaml';
import { escapeText } from '../lib/text.ts';
import { offsetInScalar } from './conditions/scalar.ts';
import type { PartialPolicy } from './layer.ts';
import { originsBelow } from './origins.ts';
import { type ParseHost, toPolicy } from './partial.ts';
import type { Origin } from './policy.ts';
import { itemsOf, type Located, placeAt, pointAt, valueAt } from './positions.ts';
import { type Problem, problem } from './problems.ts';
import type { PolicyFile } from './schema.ts';

/** A rule as a policy file says it. Its condition is still text: `compileRules` checks it. */
export interface Rule {
  readonly name: string;
  /** An expression of CEL. */
  readonly when: string;
  /** Where its condition stands. */
  readonly origin: Origin;
  readonly effect: Refusal | Change;
  /** Where a character of the condition stands in the file; an index into `when`. */
  readonly pointAt: (index: number) => RulePlace;
}

export interface RulePlace {
  readonly origin: Origin;
  readonly where: string;
  readonly excerpt: string;
}

/** Why a file is refused where the condition holds. */
export interface Refusal {
  readonly refuse: string;
}

/** What holds where the condition does, as if it stood in the layer of the rule, behind its plain keys. */
export interface Change {
  readonly values: PartialPolicy;
  /** As those of a layer. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/** The rules of a policy file whose shape was checked. */
export function readRules(
  file: Located,
  rules: NonNullable<PolicyFile['rules']>,
  host: ParseHost,
): readonly Rule[] {
  const items = itemsOf(file, valueAt(file, file.document.contents, 'rules'));
  return rules.map(({ name, when, refuse, then }, index): Rule => {
    const node = valueAt(file, items[index], 'when');
    const place = (at: number): RulePlace => {
      const offset = placeIn(file, node, at);
      const origin = { layer: file.name, ...placeAt(file, offset), rule: name };
      return { origin, ...pointAt(file, offset) };
    };
    const change = {
      values: toPolicy(then ?? {}, host),
      origins: originsBelow(file, valueAt(file, items[index], 'then'), { rule: name }),
    };
    const effect = refuse === undefined ? change : { refuse };
    return { name, when, origin: place(0).origin, effect, pointAt: place };
  });
}

function placeIn(file: Located, node: unknown, index: number): number {
  return isText(node)
    ? offsetInScalar(file.text, node, index)
    : ((node as Node | undefined)?.range?.[0] ?? 0);
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === 'string';
}

/** Rules of one file that have the same name: a record could not say which of them held. */
export function repeatedNames(file: Located): Problem[] {
  const seen = new Set<unknown>();
  return itemsOf(file, valueAt(file, file.document.contents, 'rules')).flatMap((item) => {
    const node = valueAt(file, item, 'name');
    if (!isText(node)) return []; // the schema tells
    const { value, range } = node;
    if (!seen.has(value)) {
      seen.add(value);
      return [];
    }
    return [
      problem(file, range?.[0] ?? 0, `two rules are named ${escapeText(value, 80)}`, {
        expected: 'a name of its own for each rule: decisions and records call it so',
        remedy: 'give one of them another name',
      }),
    ];
  });
}
