import { totalmem } from 'node:os';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { examineRules } from '../../policy/compile.ts';
import { MACHINE_FILES } from '../../policy/files.ts';
import { readNamed } from '../../policy/load.ts';
import { examinePolicy } from '../../policy/parse.ts';
import { type Context, EXIT } from '../context.ts';
import { paint } from '../render.ts';

/**
 * `paddock policy check`: each file by itself, for what it says. Exit 1 when one of them is not valid, 2 when one could not
 * be read.
 */
export async function run(
  context: Context,
  { files }: { readonly files: readonly string[] },
): Promise<number> {
  let worst: number = EXIT.ok;
  for (const path of files) {
    const shown = escapeText(path, 200);
    const errors = await problemsOf(path, context.home);
    const colors = paint(context, 'stdout');
    if (errors.length === 0) context.stdout.write(`${shown}: ${colors.green('ok')}\n`);
    for (const error of errors) {
      context.stdout.write(`${shown}: ${colors.red('wrong')}: ${error.explain()}\n`);
      worst = Math.max(worst, error.code === 'policy-invalid' ? EXIT.policy : EXIT.incomplete);
    }
  }
  return worst;
}

async function problemsOf(path: string, home: string): Promise<readonly PaddockError[]> {
  try {
    const result = examinePolicy(readNamed(MACHINE_FILES, path), path, { memoryBytes: totalmem(), home });
    if ('problems' in result) return result.problems;
    return (await examineRules(result.parsed.layer.rules ?? [])).problems;
  } catch (cause) {
    if (cause instanceof PaddockError) return [cause];
    throw cause;
  }
}
