import { totalmem } from 'node:os';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { MACHINE_FILES } from '../policy/files.ts';
import { LEAVES, leafPath, leafValue, nameInFile, valueInFile } from '../policy/layer.ts';
import { readNamed } from '../policy/load.ts';
import { examinePolicy } from '../policy/parse.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import { type Context, EXIT } from './context.ts';
import { effectivePolicy } from './policy-layers.ts';
import { paint, table, toJson } from './render.ts';

export type PolicyInput =
  | { readonly action: 'check'; readonly files: readonly string[] }
  | {
      readonly action: 'show';
      readonly json?: boolean;
      readonly policy?: readonly string[];
      readonly preset?: string;
    };

/** `paddock policy check|show`. */
export async function run(context: Context, input: PolicyInput): Promise<number> {
  return input.action === 'check' ? check(context, input.files) : show(context, input);
}

/** Each file by itself, for what it says. Exit 1 when one of them is not valid, 2 when one could not be read. */
function check(context: Context, files: readonly string[]): number {
  let worst: number = EXIT.ok;
  for (const path of files) {
    const shown = escapeText(path, 200);
    const errors = problemsOf(path, context.home);
    const colors = paint(context, 'stdout');
    if (errors.length === 0) context.stdout.write(`${shown}: ${colors.green('ok')}\n`);
    for (const error of errors) {
      context.stdout.write(`${shown}: ${colors.red('wrong')}: ${error.explain()}\n`);
      worst = Math.max(worst, error.code === 'policy-invalid' ? EXIT.policy : EXIT.incomplete);
    }
  }
  return worst;
}

function problemsOf(path: string, home: string): readonly PaddockError[] {
  try {
    const result = examinePolicy(readNamed(MACHINE_FILES, path), path, { memoryBytes: totalmem(), home });
    return 'problems' in result ? result.problems : [];
  } catch (cause) {
    if (cause instanceof PaddockError) return [cause];
    throw cause;
  }
}

function show(context: Context, input: Extract<PolicyInput, { action: 'show' }>): number {
  const effective = effectivePolicy(context, { files: input.policy ?? [], preset: input.preset });
  if (input.json === true) {
    context.stdout.write(`${toJson({ schema: 'paddock/policy/v1', ...effective })}\n`);
    return EXIT.ok;
  }
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
  return EXIT.ok;
}

/** "default.yaml:19"; escaped, as the user named the file. */
function origin({ origins }: EffectivePolicy, path: string): string {
  const found = origins.get(path);
  if (found === undefined) return '';
  const layer = escapeText(found.layer, 60);
  return found.line === undefined ? layer : `${layer}:${found.line}`;
}
