import { escapeText } from '../../lib/text.ts';
import { LEAVES, leafPath, leafValue, nameInFile, valueInFile } from '../../policy/layer.ts';
import { resolvePolicy } from '../../policy/load.ts';
import type { EffectivePolicy } from '../../policy/policy.ts';
import { type Context, EXIT } from '../context.ts';
import { policyLayers } from '../policy-layers.ts';
import { paint, table, toJson } from '../render.ts';
import { rulesText, writtenRules } from './rules.ts';

export interface ShowInput {
  readonly json?: boolean;
  readonly policy: readonly string[];
  readonly preset?: string;
}

/** `paddock policy show`: the policy as it is where no rule holds, where each value came from, and the rules. */
export async function run(context: Context, input: ShowInput): Promise<number> {
  const loaded = await policyLayers(context, { files: input.policy, preset: input.preset });
  const effective = resolvePolicy(loaded);
  if (input.json === true) {
    const rules = writtenRules(loaded);
    context.stdout.write(`${toJson({ schema: 'paddock/policy/v1', ...effective, rules })}\n`);
    return EXIT.ok;
  }
  writeValues(context, effective);
  const rules = rulesText(context, loaded);
  if (rules !== '') context.stdout.write(`\n${rules}\n`);
  return EXIT.ok;
}

/** Each value with its origin, and the widenings that the ceiling rejected. For people. */
export function writeValues(context: Context, effective: EffectivePolicy): void {
  const colors = paint(context, 'stdout');
  const leaves = LEAVES.map(([part, leaf]) => {
    const path = leafPath(part, leaf);
    const value = valueInFile(path, leafValue(effective.policy, part, leaf));
    return { name: nameInFile(path), value, from: origin(effective, path) };
  });
  const longest = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length));
  // Two gaps of two columns; a value has room for something in the narrowest window, too.
  const room = Math.max(
    20,
    context.stdout.columns -
      longest(leaves.map(({ name }) => name)) -
      longest(leaves.map(({ from }) => from)) -
      5,
  );
  const rows = leaves.map(({ name, value, from }) => [name, escapeText(value, room), colors.dim(from)]);
  context.stdout.write(`${table([['value', 'is', 'from'], ...rows])}\n`);
  for (const { path, wanted, kept, wantedBy, ceiling } of effective.rejected) {
    context.stdout.write(
      `${colors.yellow('rejected')}  ${path}: ${wantedBy.layer} wants ${wanted}, ${ceiling.layer} keeps ${kept}\n`,
    );
  }
}

/** "default.yaml:19"; escaped, as the user named the file. */
function origin({ origins }: EffectivePolicy, path: string): string {
  const found = origins.get(path);
  if (found === undefined) return '';
  const layer = escapeText(found.layer, 60);
  return found.line === undefined ? layer : `${layer}:${found.line}`;
}
