import type { Command } from 'commander';
import type { CallerStreams } from '../terminal/streams.ts';
import type { Context } from './context.ts';

/** `paddock baseline`. */
export function baselineCommands(root: Command, context: Context, streams: () => CallerStreams): void {
  const baseline = root.command('baseline').summary('releases that paddock learned, component by component');
  const run = async (input: Record<string, unknown>): Promise<void> => {
    const command = await import('./baseline.ts');
    process.exitCode = command.run(context, input as never);
  };
  baseline
    .command('add')
    .summary('learn a release from its executable')
    .description(
      'From then on paddock knows files that were made from it, also repacked or assimilated ones, and tells which component of\n' +
        'one that was tampered with is otherwise. Learn from the publisher’s bare executable.',
    )
    .argument('<file>', 'an executable that you vouch for')
    .option('--name <name>', 'what to call it; default: the name of the published release, or of the file')
    .option('--force', 'write over one of that name')
    .option('--keep-engine', 'keep the executable itself, too, for `paddock run --engine trusted`')
    .option('-y, --yes', 'you vouch for the file: do not ask')
    .action(async (file: string, options: Record<string, unknown>) => {
      const command = await import('./baseline/add.ts');
      process.exitCode = await command.run(context, { file, ...options } as never, streams());
    });
  baseline
    .command('list')
    .summary('the releases that were learned, by you and by this machine')
    .option('--json', 'machine-readable')
    .action((options: Record<string, unknown>) => run({ action: 'list', ...options }));
  baseline
    .command('show')
    .summary('one of them, with the digests of its components')
    .argument('<name>', 'as in `paddock baseline list`')
    .option('--json', 'machine-readable')
    .action((name: string, options: Record<string, unknown>) => run({ action: 'show', name, ...options }));
  baseline
    .command('remove')
    .summary('forget one of your own')
    .argument('<name>', 'as in `paddock baseline list`')
    .action((name: string) => run({ action: 'remove', name }));
  baseline
    .command('export')
    .summary('write baselines to a signed file for another machine')
    .argument('<name...>', 'as in `paddock baseline list`')
    .requiredOption('-o, --output <file>', 'the file; - is standard output')
    .option('--key <file>', 'an Ed25519 private key in PEM; default: your own, made on first use')
    .action(async (names: string[], options: Record<string, unknown>) => {
      const command = await import('./baseline/exchange.ts');
      process.exitCode = command.runExport(context, { names, ...options } as never);
    });
  baseline
    .command('import')
    .summary('take baselines from a file that somebody whom you trust signed')
    .argument('<file>', 'what `paddock baseline export` wrote')
    .option('--force', 'write over those of the same name')
    .action(async (file: string, options: Record<string, unknown>) => {
      const command = await import('./baseline/exchange.ts');
      process.exitCode = command.runImport(context, { file, ...options } as never);
    });
}
