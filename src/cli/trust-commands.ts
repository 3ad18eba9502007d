import { type Command, Option } from 'commander';
import type { Context } from './context.ts';
import { collect, date } from './options.ts';

/** `paddock trust`. */
export function trustCommands(root: Command, context: Context): void {
  const trust = root.command('trust').summary('whose signatures and approvals count');
  const run = async (input: Record<string, unknown>): Promise<void> => {
    const command = await import('./trust.ts');
    process.exitCode = await command.run(context, input as never);
  };
  trust
    .command('init')
    .summary('make a signing key of your own, and show its public half')
    .action(() => run({ action: 'init' }));
  trust
    .command('add')
    .summary('trust a signer')
    .description(
      'By key or certificate: a minisign key, an ssh-ed25519 line, PEM, or a file with one of these.\n' +
        'By identity, for signatures without a key (Sigstore): --issuer and --identity, compared as whole texts.',
    )
    .argument('<name>', 'what you call the signer')
    .argument('[key]', 'the key or certificate, or a file that holds it')
    .option('--issuer <url>', 'who vouches for the identity: https://accounts.google.com')
    .option('--identity <name>', 'address of mail or URI in the certificate, exactly')
    .addOption(
      new Option('--for <purpose...>', 'what counts (default: signature)').choices([
        'signature',
        'approval',
        'baseline',
      ]),
    )
    .option('--not-after <date>', 'until when: 2027-12-31', date)
    .option('--system', 'for everybody on this machine: /etc/paddock/trust.json, as root')
    .action((name: string, key: string | undefined, options: Record<string, unknown>) =>
      run({ action: 'add', name, ...(key === undefined ? {} : { key }), ...options }),
    );
  trust
    .command('list')
    .summary('whom you trust')
    .option('--json', 'machine-readable')
    .action((options: Record<string, unknown>) => run({ action: 'list', ...options }));
  trust
    .command('remove')
    .summary('trust a signer no more')
    .argument('<name>', 'as in `paddock trust list`')
    .option('--system', 'from /etc/paddock/trust.json, as root')
    .action((name: string, options: Record<string, unknown>) => run({ action: 'remove', name, ...options }));
}

/** `paddock sign` and `paddock approve`. */
export function signCommands(root: Command, context: Context): void {
  root
    .command('sign')
    .summary('sign files: <file>.sig says whose they are')
    .argument('<file...>', 'the files')
    .option(
      '--key <file>',
      'a private key in PEM (Ed25519, P-256, P-384, P-521); default: your own, made on first use',
    )
    .option('--force', 'write over a signature that is there')
    .action(async (files: string[], options: Record<string, unknown>) => {
      const { run } = await import('./sign.ts');
      process.exitCode = await run(context, { files, ...options } as never);
    });
  root
    .command('approve')
    .summary('judge a file and sign that you let it in')
    .description(
      'Writes <file>.paddock.json. A policy with `trust.require: [approval]` runs only files that have one.',
    )
    .argument('<file>', 'the llamafile')
    .option('--key <file>', 'a private key in PEM (Ed25519); default: your own, made on first use')
    .option('--policy <file>', 'a policy on top of the system’s and your own', collect)
    .option('--preset <name>', 'default, strict or audit')
    .action(async (file: string, options: Record<string, unknown>) => {
      const { run } = await import('./approve.ts');
      process.exitCode = await run(context, { file, policy: [], ...options } as never);
    });
}
