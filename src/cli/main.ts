import { writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { isatty } from 'node:tty';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { PaddockError } from '../lib/errors.ts';
import { parseBytes, parseDuration } from '../lib/units.ts';
import type { CallerStreams } from '../terminal/streams.ts';
import { type Context, EXIT } from './context.ts';

const VERSION = '0.1.0';

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
    })
    .showHelpAfterError('(`paddock --help` lists the commands)');

  root
    .command('run')
    .summary('check a llamafile and run it inside the fence')
    .description(
      'Takes the place of `./model.llamafile …`: the same arguments, streams, signals, port and exit code.\n' +
        'Exit: the program’s own; 125 paddock failed, 126 refused, 127 not found.',
    )
    .passThroughOptions()
    .argument('<file>', 'the llamafile')
    .argument('[args...]', 'its own arguments, passed on as they are')
    .option('--policy <file>', 'a policy on top of the system’s and your own', collect, [])
    .option('--preset <name>', 'default, strict or audit')
    .option('--memory <size>', 'limit for the whole session, e.g. 8GiB', size)
    .option('--cpus <number>', 'CPUs the session may use, e.g. 2.5', positive)
    .option('--processes <number>', 'processes and threads', positive)
    .option('--time <duration>', 'wall-clock limit, e.g. 30m', duration)
    .option('--read <path>', 'grant reading a file or folder', collect, [])
    .option('--write <path>', 'grant writing a file or folder', collect, [])
    .option('--exec <path>', 'grant executing a program or folder', collect, [])
    .option('--env <name>', 'pass an environment variable on: NAME or NAME=VALUE', collect, [])
    .addOption(new Option('--network <mode>', 'auto, none, or serve').choices(['auto', 'none', 'serve']))
    .option('--allow-degraded', 'go on when the host lacks a protection that the policy requires')
    .option('--dry-run', 'print the whole launch plan as JSON and start nothing')
    .option('-q, --quiet', 'no words of paddock’s own on stderr')
    .action(async (file: string, args: string[], options: Record<string, unknown>) => {
      const { run } = await import('./run.ts');
      await run(context, { file, args, ...options } as never, processStreams());
    });

  root
    .command('verify')
    .summary('judge llamafiles without running them')
    .description('Exit: 0 pass, 1 the policy refuses, 2 could not finish, 3 integrity.')
    .argument('<path...>', 'the files')
    .option('--json', 'machine-readable')
    .option('--policy <file>', 'a policy on top of the system’s and your own', collect, [])
    .option('--preset <name>', 'default, strict or audit')
    .action(async (paths: string[], options: Record<string, unknown>) => {
      const { run } = await import('./verify.ts');
      process.exitCode = await run(context, { paths, ...options } as never);
    });

  root
    .command('inspect')
    .summary('show what is in a llamafile, byte by byte')
    .argument('<file>', 'the file')
    .option('--json', 'machine-readable')
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
    .option('--json', 'machine-readable')
    .action(async (options: Record<string, unknown>) => {
      const { run } = await import('./doctor.ts');
      process.exitCode = await run(context, options as never);
    });

  policyCommands(root, context);
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
  return root;
}

function policyCommands(root: Command, context: Context): void {
  const policy = root.command('policy').summary('check and show policies');
  policy
    .command('check')
    .summary('validate policy files')
    .argument('<file...>', 'policy files')
    .action(async (files: string[]) => {
      const { run } = await import('./policy.ts');
      process.exitCode = await run(context, { action: 'check', files });
    });
  policy
    .command('show')
    .summary('the effective policy, and where each value came from')
    .option('--json', 'machine-readable')
    .option('--policy <file>', 'a policy on top of the system’s and your own', collect, [])
    .option('--preset <name>', 'default, strict or audit')
    .action(async (options: Record<string, unknown>) => {
      const { run } = await import('./policy.ts');
      process.exitCode = await run(context, { action: 'show', ...options } as never);
    });
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
  config.command('list', { isDefault: true }).summary('all of them').action(action('list'));
  config.command('get').argument('<key>').summary('one').action(action('get'));
  config.command('set').argument('<key>').argument('<value>').summary('change one').action(action('set'));
  config.command('unset').argument('<key>').summary('back to the default').action(action('unset'));
}

/** Says what went wrong on stderr and gives the exit code for it. */
function report(context: Context, cause: unknown): number {
  if (cause instanceof CommanderError) return cause.exitCode === 0 ? EXIT.ok : EXIT.failed;
  if (cause instanceof PaddockError) {
    context.stderr.write(`paddock: ${cause.explain()}\n`);
    if (cause.code === 'not-found') return EXIT.notFound;
    return REFUSALS.has(cause.code) ? EXIT.refused : EXIT.failed;
  }
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  context.stderr.write(`paddock: internal error (please report it)\n${text}\n`);
  return EXIT.failed;
}

/** Errors that say "this file does not run", as opposed to "paddock could not do its work". */
const REFUSALS = new Set<string>([
  'unreadable',
  'not-regular',
  'not-llamafile',
  'malformed',
  'too-large',
  'changed',
  'refused',
  'host-lacks',
]);

function processContext(): Context {
  return {
    env: process.env,
    cwd: process.cwd(),
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
      if (code !== 'EAGAIN') throw cause;
      tries++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
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

function collect(value: string, all: string[]): string[] {
  return [...all, value];
}

function size(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined || bytes <= 0) throw new InvalidArgumentError('A size is expected: 512MiB, 8GiB.');
  return bytes;
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('A duration is expected: 90s, 30m, 2h.');
  return ms;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('A number above 0 is expected.');
  return value;
}

await main();
