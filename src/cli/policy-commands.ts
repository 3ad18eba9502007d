import type { Command } from 'commander';
import { PRESETS } from '../policy/preset-names.ts';
import type { CallerStreams } from '../terminal/streams.ts';
import type { Context } from './context.ts';
import { collect } from './options.ts';
import { policyFlags } from './policy-flags.ts';

const PRESET = `one of ${PRESETS.join(', ')}`;

/** `paddock policy`. */
export function policyCommands(root: Command, context: Context, streams: () => CallerStreams): void {
  const policy = root.command('policy').summary('write, check, test and explain policies');
  policy
    .command('init')
    .summary('write a policy of your own, from a preset')
    .description('Asks a few questions at a terminal. What it writes is commented, and is yours to change.')
    .option('--preset <name>', PRESET)
    .option('-o, --output <file>', 'default: the file that `paddock run` reads; - is standard output')
    .option('--force', 'write over a file that is there')
    .action(async (options: Record<string, unknown>) => {
      const { run } = await import('./policy/init.ts');
      process.exitCode = await run(context, options as never, streams());
    });
  policy
    .command('check')
    .summary('validate policy files')
    .argument('<file...>', 'policy files')
    .action(async (files: string[]) => {
      const { run } = await import('./policy/check.ts');
      process.exitCode = await run(context, { files });
    });
  policy
    .command('test')
    .summary('try policies against the cases written beside them')
    .description('Cases for NAME.yaml stand in NAME.test.yaml: what is given, and what is to come of it.')
    .argument('<file...>', 'policies, or their tables')
    .option('--json', 'machine-readable')
    .action(async (files: string[], options: Record<string, unknown>) => {
      const { run } = await import('./policy/test.ts');
      process.exitCode = await run(context, { files, ...options } as never);
    });
  policy
    .command('show')
    .summary('the effective policy, and where each value came from')
    .option('--json', 'machine-readable')
    .option('--policy <file>', 'a policy on top of the system’s and your own', collect)
    .option('--preset <name>', PRESET)
    .action(async (options: Record<string, unknown>) => {
      const { run } = await import('./policy/show.ts');
      process.exitCode = await run(context, { policy: [], ...options } as never);
    });
  policyFlags(policy.command('explain'))
    .summary('what would become of `paddock run` with a file, and why')
    .description('Takes the options of `run`. Starts nothing.')
    .passThroughOptions()
    .argument('<file>', 'the llamafile')
    .argument('[args...]', 'its own arguments')
    .option('--json', 'machine-readable')
    .action(async (file: string, args: string[], options: Record<string, unknown>) => {
      const { run } = await import('./policy/explain.ts');
      process.exitCode = await run(context, { file, args, policy: [], ...options } as never);
    });
  policy
    .command('schema')
    .summary('what a policy file may say, as JSON Schema for editors')
    .action(async () => {
      const { run } = await import('./policy/schema.ts');
      process.exitCode = await run(context);
    });
}
