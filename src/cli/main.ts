import { writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { isatty } from 'node:tty';
import { Command, Option } from 'commander';
import { PaddockError } from '../lib/errors.ts';
import { PRESETS } from '../policy/preset-names.ts';
import type { CallerStreams } from '../terminal/streams.ts';
import { baselineCommands } from './baseline-commands.ts';
import type { Context } from './context.ts';
import { collect, whole } from './options.ts';
import { policyCommands } from './policy-commands.ts';
import { policyFlags } from './policy-flags.ts';
import { report } from './report.ts';
import { storeCommands } from './store-commands.ts';
import { signCommands, trustCommands } from './trust-commands.ts';
import { VERSION } from './version.ts';

/** The command line: parses, loads the one command that was asked for, and ends as it says. */
async function main(): Promise<void> {
  const context = processContext();
  try {
    await program(context).parseAsync(process.argv);
  } catch (cause) {
    process.exitCode = report(context, cause);
  }
}

function program(context: Context): Command {
  const root = new Command('paddock')
    .description('A guarded launcher for .llamafile executables.')
    .version(VERSION, '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, 'paddock:')),
    })
    .showHelpAfterError('  to do: `paddock --help` lists the commands');

  policyFlags(root.command('run'))
    .summary('check a llamafile and run it inside the fence')
    .description(
      'Takes the place of `./model.llamafile …`: the same arguments, streams, signals, port and exit code.\n' +
        'Exit: the program’s own; 124 ended by a limit of paddock’s, 125 paddock failed, 126 refused, 127 not found.',
    )
    .passThroughOptions()
    .argument('<file>', 'the llamafile')
    .argument('[args...]', 'its own arguments, passed on as they are')
    .option('--allow-degraded', 'go on when the host lacks a protection that the policy requires')
    .option('--dry-run', 'print the whole launch plan as JSON and start nothing')
    .option('-q, --quiet', 'no words of paddock’s own on stderr')
    .action(async (file: string, args: string[], options: Record<string, unknown>) => {
      const { run } = await import('./run.ts');
      await run(context, { file, args, policy: [], ...options } as never, processStreams());
    });

  root
    .command('verify')
    .summary('judge llamafiles without running them')
    .description(
      'Says of each file what is wrong with it, why that matters and what to do. ' +
        'Folders are searched for llamafiles, by content, and give a table; symbolic links in them are not followed.\n' +
        'Exit: 0 pass, 1 the policy refuses, 2 could not finish, 3 integrity: tampered with or malformed; the worst of all files.',
    )
    .argument('<path...>', 'files and folders')
    .option('--details', 'of folders too, everything about every file')
    .addOption(new Option('--json', 'a report for programs').conflicts(['sarif', 'cyclonedx']))
    .addOption(new Option('--sarif', 'findings as SARIF 2.1.0, for code scanning').conflicts(['cyclonedx']))
    .option('--cyclonedx', 'what the files are made of, as CycloneDX 1.6')
    .option('-o, --output <file>', 'write the report to a file, whole or not at all')
    .addOption(
      new Option(
        '--quick',
        'structures only: no digest of the whole file, no checksums of weights',
      ).conflicts(['tree']),
    )
    .option('--tree', 'a digest that uses all cores in place of SHA-256, and no checksums of weights')
    .option('--no-cache', 'compute digests even where they are remembered')
    .option(
      '-j, --jobs <number>',
      'files judged at the same time (default: one for each CPU, at most 4)',
      whole,
    )
    .option('--policy <file>', 'a policy on top of the system’s and your own', collect)
    .option('--preset <name>', PRESETS.join(', '))
    .action(async (paths: string[], options: Record<string, unknown>) => {
      const { run } = await import('./verify.ts');
      process.exitCode = await run(context, { paths, policy: [], ...options } as never);
    });

  root
    .command('inspect')
    .summary('show what is in a llamafile, byte by byte')
    .argument('<file>', 'the file')
    .option('--json', 'machine-readable')
    .option('--html <file>', 'write a page with a map of the file for a browser')
    .action(async (file: string, options: Record<string, unknown>) => {
      const { run } = await import('./inspect.ts');
      process.exitCode = await run(context, { file, ...options } as never);
    });

  root
    .command('ps')
    .summary('list sessions')
    .option('-a, --all', 'ended ones too')
    .option('--json', 'machine-readable')
    .action(async (options: Record<string, unknown>) => {
      const { run } = await import('./ps.ts');
      process.exitCode = await run(context, options as never);
    });

  root
    .command('doctor')
    .summary('what this host can enforce, what is missing, and the fix')
    .option('--gpu', 'ask the drivers of graphics cards to initialise inside the fence')
    .option('--json', 'machine-readable')
    .action(async (options: Record<string, unknown>) => {
      const { run } = await import('./doctor.ts');
      process.exitCode = await run(context, options as never);
    });

  storeCommands(root, context);
  baselineCommands(root, context, processStreams);
  policyCommands(root, context, processStreams);
  trustCommands(root, context);
  signCommands(root, context);
  configCommands(root, context);

  root
    .command('demo')
    .summary('build a small llamafile and run it guarded')
    .option('--attack', 'run an engine that misbehaves, and see each attempt denied')
    .option('--serve', 'run it as a server on a free loopback port and ask it something')
    .option('--keep', 'keep the demo files and say where they are')
    .action(async (options: Record<string, unknown>) => {
      const { run } = await import('./demo.ts');
      await run(context, options as never, processStreams());
    });
  hintAtHelp(root, 'paddock');
  return root;
}

/** Who errs in a command is sent to the help of that very command. */
function hintAtHelp(parent: Command, path: string): void {
  for (const command of parent.commands) {
    const name = `${path} ${command.name()}`;
    command.showHelpAfterError(`  to do: \`${name} --help\` shows how it is used`);
    hintAtHelp(command, name);
  }
}

function configCommands(root: Command, context: Context): void {
  const config = root.command('config').summary('your own preferences');
  const action =
    (name: string) =>
    async (...given: unknown[]): Promise<void> => {
      const { run } = await import('./config.ts');
      const [key, value] = given.filter((item) => typeof item === 'string');
      process.exitCode = await run(context, { action: name, key, value } as never);
    };
  config
    .command('list', { isDefault: true })
    .summary('all of them')
    .allowExcessArguments()
    .action((_, { args }: Command) => {
      const [other] = args; // what is no command of `config` comes here, as `list` is the default
      if (other !== undefined) config.error(`error: unknown command '${other}'`);
      return action('list')();
    });
  config.command('get').argument('<key>').summary('one').action(action('get'));
  config.command('set').argument('<key>').argument('<value>').summary('change one').action(action('set'));
  config.command('unset').argument('<key>').summary('back to the default').action(action('unset'));
}

function processContext(): Context {
  return {
    env: process.env,
    get cwd() {
      return currentFolder();
    },
    home: homedir(),
    uid: process.getuid?.() ?? -1,
    stdout: output(1, () => process.stdout.columns),
    stderr: output(2, () => process.stderr.columns),
    now: () => new Date(),
  };
}

// Not through process.stdout: see CallerStreams. `isatty` and plain writes leave the descriptor as it is.
function output(fd: 1 | 2, columns: () => number): Context['stdout'] {
  return {
    write: (text) => writeAll(fd, Buffer.from(text)),
    isTTY: isatty(fd),
    get columns() {
      return isatty(fd) ? columns() : 80;
    },
  };
}

/** How often a full pipe is tried again, with a pause of a millisecond each: ten seconds in all. */
const FULL_PIPE_TRIES = 10_000;

function writeAll(fd: number, bytes: Buffer): void {
  let done = 0;
  for (let tries = 0; done < bytes.length && tries < FULL_PIPE_TRIES; ) {
    try {
      done += writeSync(fd, bytes, done);
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code;
      if (code === 'EPIPE') return; // nobody listens any more
      if (code !== 'EAGAIN' && fd === 2) return; // there is nowhere left to say it, and the exit code still tells
      if (code !== 'EAGAIN') throw unwritable(cause);
      tries++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function unwritable(cause: unknown): PaddockError {
  return new PaddockError('io', 'the output cannot be written', {
    where: 'standard output',
    found: cause instanceof Error ? cause.message : String(cause),
    remedy: 'see where it is sent: the disk may be full',
    cause,
  });
}

function currentFolder(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new PaddockError('io', 'the current folder is not there any more', {
      expected: 'a folder that the paths on the command line can start from',
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'go to another folder: `cd`',
      cause,
    });
  }
}

function processStreams(): CallerStreams {
  return {
    isTerminal: [isatty(0), isatty(1), isatty(2)],
    stdin: () => process.stdin,
    stdout: () => process.stdout,
    stderr: () => process.stderr,
  };
}

await main();
