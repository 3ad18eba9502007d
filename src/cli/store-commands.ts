import type { Command } from 'commander';
import type { Context } from './context.ts';
import { duration, memory } from './options.ts';

/** `paddock store`. */
export function storeCommands(root: Command, context: Context): void {
  const store = root.command('store').summary('private copies of llamafiles that could not be held still');
  const run = async (input: Record<string, unknown>): Promise<void> => {
    const command = await import('./store.ts');
    process.exitCode = command.run(context, input as never);
  };
  store
    .command('list')
    .summary('your private copies, the one that was used longest ago first')
    .option('--json', 'machine-readable')
    .action((options: Record<string, unknown>) => run({ action: 'list', ...options }));
  store
    .command('prune')
    .summary('remove copies that no session uses; without options those that would go by themselves')
    .option('--all', 'every one')
    .option('--unused <duration>', 'those that nobody has used for so long, e.g. 7d', duration)
    .option('--size <size>', 'the oldest, until the others take no more than this, e.g. 20GiB', memory)
    .action((options: Record<string, unknown>) => run({ action: 'prune', ...options }));
}
