import { escapeText } from '../../lib/text.ts';
import { LEAVES, leafPath, leafValue, nameInFile, valueInFile } from '../../policy/layer.ts';
import type { LoadedPolicy } from '../../policy/load.ts';
import type { Origin } from '../../policy/policy.ts';
import type { Rule } from '../../policy/rules.ts';
import type { Context } from '../context.ts';
import { paint } from '../render.ts';

/** A rule for scripts: what it asks, and what it does where that holds. */
export interface WrittenRule extends Pick<Rule, 'name' | 'when'> {
  readonly origin: Origin;
  readonly refuse?: string;
  /** As `policy` is: values by part and name. */
  readonly changes?: unknown;
}

/** The rules of all layers, in order. Whether they hold depends on a file. */
export function writtenRules({ layers }: LoadedPolicy): WrittenRule[] {
  return layers
    .flatMap(({ rules = [] }) => rules)
    .map(({ name, when, origin, effect }) => ({
      name,
      when,
      origin,
      ...('refuse' in effect ? { refuse: effect.refuse } : { changes: effect.values }),
    }));
}

/** The same for a person; empty where there are none. */
export function rulesText(context: Context, { layers }: LoadedPolicy): string {
  const colors = paint(context, 'stdout');
  const rules = layers.flatMap(({ rules = [] }) => rules);
  return rules
    .map((rule) => {
      const { layer, line } = rule.origin;
      const from = `${escapeText(layer, 60)}${line === undefined ? '' : `:${line}`}`;
      const lines = [`when  ${escapeText(rule.when.trim(), 400)}`, ...effectLines(rule)];
      return [
        `rule "${escapeText(rule.name, 80)}"  ${colors.dim(from)}`,
        ...lines.map((text) => `  ${text}`),
      ].join('\n');
    })
    .join('\n');
}

function effectLines({ effect }: Rule): string[] {
  if ('refuse' in effect) return [`refuse  ${escapeText(effect.refuse, 500)}`];
  return LEAVES.flatMap(([part, leaf]) => {
    const value = leafValue(effect.values, part, leaf);
    if (value === undefined) return [];
    const path = leafPath(part, leaf);
    return [`then  ${nameInFile(path)}: ${escapeText(valueInFile(path, value), 200)}`];
  });
}
