import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDemoLlamafile } from '../demo/build.ts';
import { buildDemoModel } from '../demo/model.ts';
import { packageRoot } from '../host/native.ts';
import { PaddockError } from '../lib/errors.ts';
import { formatBytes } from '../lib/units.ts';
import type { CallerStreams } from '../terminal/streams.ts';
import type { Transition } from '../watch/phases.ts';
import { type Context, EXIT } from './context.ts';
import { askServer } from './demo-server.ts';
import type { RunInput } from './prepare.ts';
import { paint } from './render.ts';
import { guard } from './run.ts';

export interface DemoInput {
  readonly attack?: boolean;
  readonly serve?: boolean;
  readonly keep?: boolean;
}

/** Shells tell a death by a signal so. */
const SIGNAL_BASE = 128;
/** Tokens that the demo generates; the attacks of the second engine are spread over the first forty. */
const TOKENS = 60;
const BUILD_MS = 120_000;
/** Pause before each token, so that a person can watch. */
const PACE_MS = 25;
const ATTACK_MEMORY_BYTES = 512 * 1024 * 1024;
const APPETITE_MIB = 2048;

/**
 * `paddock demo`: builds a llamafile from paddock's own parts and runs it guarded. Everything that is shown is what
 * happened: the file is judged, refused or run like any other.
 */
export async function run(context: Context, input: DemoInput, caller: CallerStreams): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-demo-'));
  let code: number = EXIT.ok;
  try {
    if (input.attack === true) await attack(context, folder, caller);
    else {
      const file = build(context, folder, 'demo-engine', []);
      if (input.serve === true) await askServer(context, file, runInput(file, []), caller);
      else code = await generate(context, file, caller);
    }
  } finally {
    if (input.keep === true) headline(context, `the demo’s files are kept in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
  process.exit(code); // the terminal is no longer read, but still open
}

/** Returns the exit code: the demo has failed where its program has. */
async function generate(context: Context, file: string, caller: CallerStreams): Promise<number> {
  const args = [
    '-p',
    'The llama',
    '-n',
    String(TOKENS),
    '--temp',
    '0.6',
    '--pace',
    String(PACE_MS),
    '--log-disable',
  ];
  headline(context, `paddock run ${[file, ...args].map(quoted).join(' ')}`);
  const conducted = await guard(context, runInput(file, args), caller, {
    phase: (transition, before) => showPhase(context, transition, before),
  });
  headline(
    context,
    'next: `paddock demo --attack` runs an engine that misbehaves; `paddock inspect` and `paddock verify` take any llamafile',
  );
  if (conducted === undefined) return EXIT.failed;
  return 'signal' in conducted.end ? SIGNAL_BASE + conducted.end.signal : conducted.end.code;
}

async function attack(context: Context, folder: string, caller: CallerStreams): Promise<void> {
  const secret = join(folder, 'id_ed25519');
  writeFileSync(secret, 'not a real key\n', { mode: 0o600 });
  const drop = join(folder, 'dropped');
  let visits = 0;
  let killed = 0;
  const beacon = await listen(() => {
    visits++;
  });
  const port = portOf(beacon);
  // As in a malicious file, what to attack is written inside: on the command line, naming a file would grant it.
  const mischief = { credential: secret, drop, beacon: port, appetite: APPETITE_MIB };
  const inside = Object.entries(mischief).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const file = build(context, folder, 'demo-attacker', inside);
  const args = ['-p', 'The llama', '-n', '40', '--temp', '0.6', '--pace', String(PACE_MS), '--log-disable'];
  headline(context, 'the engine generates text, and meanwhile tries what a malicious llamafile would try');
  headline(context, `paddock run --memory 512MiB ${[file, ...args].map(quoted).join(' ')}`);
  await guard(context, { ...runInput(file, args), memory: ATTACK_MEMORY_BYTES }, caller, {
    phase: (transition, before) => showPhase(context, transition, before),
    ended: ({ end }) => {
      killed = end?.leftovers ?? 0;
    },
  });
  beacon.close();
  headline(
    context,
    `afterwards: ${visits === 0 ? 'no connection' : `${visits} connections`} reached the listener, the dropped file is ${existsSync(drop) ? 'THERE' : 'not there'}, ${killed === 1 ? 'the one process that it had left behind was' : `${killed} processes that it had left behind were`} killed`,
  );
}

function runInput(file: string, args: readonly string[]): RunInput {
  return { file, args, policy: [] };
}

function build(context: Context, folder: string, engine: string, inside: readonly string[]): string {
  const program = engineProgram(context, folder, engine);
  const bytes = buildDemoLlamafile({
    engine: readFileSync(program),
    model: buildDemoModel(),
    args: ['-m', 'model.gguf', ...inside, '...', ''].join('\n'),
    form: 'elf',
  });
  const file = join(folder, 'demo.llamafile');
  writeFileSync(file, bytes);
  chmodSync(file, 0o755);
  headline(
    context,
    `built ${file}: an engine, a model and its arguments in one file of ${formatBytes(bytes.length)}`,
  );
  return file;
}

// Package managers may block install scripts: then it is built now, for this one run.
function engineProgram(context: Context, folder: string, engine: string): string {
  const root = packageRoot();
  const installed = join(root, 'dist', engine);
  if (existsSync(installed)) return installed;
  headline(context, `building ${engine}: the package was installed without its build step`);
  const build = spawnSync(
    process.execPath,
    [join(root, 'bin/build.js'), '--only', engine, '--into', folder],
    {
      encoding: 'utf8',
      timeout: BUILD_MS,
    },
  );
  const built = join(folder, engine);
  if (build.status === 0 && existsSync(built)) return built;
  throw new PaddockError('io', `the demo’s engine is not built: ${engine}`, {
    where: installed,
    found: build.stderr.trim() || (build.error?.message ?? 'the build ended with no word'),
    remedy: 'install a C compiler (apt-get install gcc libc6-dev) and try again',
  });
}

function headline(context: Context, text: string): void {
  context.stderr.write(`${paint(context, 'stderr').cyan(`▸ ${text}`)}\n`);
}

function showPhase(context: Context, { from, to, reason }: Transition, before: string): void {
  context.stderr.write(`${before}${paint(context, 'stderr').dim(`[phase: ${from} → ${to}: ${reason}]`)}\n`);
}

function listen(onConnection: () => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      onConnection();
      socket.destroy();
    });
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** The port of a server that listens on one. */
export function portOf(server: Server): number {
  const address = server.address();
  if (address !== null && typeof address === 'object') return address.port;
  throw new PaddockError('internal', 'a server of the demo does not listen');
}

function quoted(word: string): string {
  return /^[\w./=-]+$/.test(word) ? word : `'${word}'`;
}
