import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attack, Place } from './attack.ts';
import type { Bench } from './build.ts';
import type { World } from './world.ts';

/** An event as a session keeps it. */
export type Seen = Readonly<Record<string, unknown>> & { readonly event: string };

export interface Outcome {
  /** The attempt's own line, without anything that surrounds it. */
  readonly verdict: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly events: readonly Seen[];
  /** Protections that were in force, as the record says. */
  readonly protections: readonly string[];
  /** Processes of the run that were still there when the launcher had ended; they were killed by the harness. */
  readonly survivors: readonly number[];
}

/** No attempt takes longer on a busy machine; an emulated one gives more. */
export const PATIENCE_MS = Number(process.env.PADDOCK_TEST_PATIENCE_MS ?? 60_000);

/** Runs one attempt with no fence around it. */
export function runBare(bench: Bench, attack: Attack, place: Place, uid: number): Promise<Outcome> {
  const command = [bench.program, attack.attempt, ...parameters(attack, place)];
  // The shell is the launcher that is attacked, so it must not be replaced by the program.
  return launch(attack, place, uid, command, '"$@" "launcher=$$"; exit $?');
}

/** Runs one attempt as a llamafile under the product. */
export function runFenced(
  bench: Bench,
  attack: Attack,
  place: Place,
  uid: number,
  namespaces: 'off' | 'require',
): Promise<Outcome> {
  const user = uid === 0 ? [] : (attack.userOptions ?? []);
  const options = ['--namespaces', namespaces, ...(attack.options ?? []), ...user];
  const policy = attack.form === 'ape' ? bench.ape?.policy : attack.policy;
  if (policy !== undefined) {
    const path = join(place.world.root, 'policy.yaml');
    writeFileSync(path, policy);
    options.push('--policy', path);
  }
  const words = attack.arguments?.(place) ?? ['-p', 'hello'];
  const command = [...bench.paddock, 'run', ...options, place.world.llamafile, attack.attempt];
  return launch(
    attack,
    place,
    uid,
    [...command, ...parameters(attack, place), ...words],
    'exec "$@" "launcher=$$"',
  );
}

/** Runs the llamafile of the world as a shell would: by its own header. */
export function runByShell(attack: Attack, place: Place, uid: number): Promise<Outcome> {
  const command = ['sh', place.world.llamafile, attack.attempt, ...parameters(attack, place)];
  return launch(attack, place, uid, command, '"$@"; exit $?');
}

/** Paths go in hex: a launcher grants what its user names, and the user of this test names nothing. */
function parameters(attack: Attack, place: Place): string[] {
  const given = { token: place.world.token, ...attack.parameters?.(place) };
  return Object.entries(given).map(([key, value]) => `${key}:${Buffer.from(String(value)).toString('hex')}`);
}

async function launch(
  attack: Attack,
  place: Place,
  uid: number,
  command: readonly string[],
  script: string,
): Promise<Outcome> {
  const { world } = place;
  const shell = ['sh', '-c', script, 'sh', ...command];
  const asUser =
    uid === process.getuid?.() ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const terminal = attack.terminal === undefined ? undefined : terminalScript(world, shell, attack.terminal);
  const [program, ...rest] = [...asUser, ...(terminal ?? shell)] as [string, ...string[]];
  const input = openSync(attack.input === 'readable' ? world.readable : '/dev/null', 'r');
  const extra = inherited(attack, world);
  const child = spawn(program, rest, {
    cwd: world.caller,
    env: { ...environment(world), ...attack.environment },
    detached: true, // a process group of its own, because the group is attacked too
    stdio: [input, 'pipe', 'pipe', ...extra],
  });
  for (const fd of [input, ...extra]) closeSync(fd);
  const stdout = collect(child, 'stdout', reaction(attack, child, world.token));
  const stderr = collect(child, 'stderr');
  const { code, signal } = await end(child);
  const survivors = endSurvivors(world.token);
  const output = attack.terminal === 'behind' ? readIfThere(join(world.root, 'out')) : stdout.text;
  return {
    verdict: verdict(output),
    code,
    signal,
    stdout: output,
    stderr: stderr.text + readIfThere(join(world.root, 'err')),
    ...readRecord(world.state),
    survivors,
  };
}

function environment(world: World): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    HOME: world.home,
    TMPDIR: world.tmp,
    XDG_STATE_HOME: world.state,
    PADDOCK_ATTACK_SECRET: world.secret,
    ASAN_OPTIONS: 'detect_leaks=0', // the gate ends by _exit in its children
  };
}

/** `own`: the streams are the terminal. `behind`: they are files, and the caller's terminal is still there. */
function terminalScript(world: World, command: readonly string[], kind: 'own' | 'behind'): string[] {
  const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const path = join(world.root, 'session.sh');
  const streams =
    kind === 'own' ? '' : ` </dev/null >'${join(world.root, 'out')}' 2>'${join(world.root, 'err')}'`;
  writeFileSync(path, `exec ${quoted}${streams}\n`, { mode: 0o755 });
  return ['script', '-qec', `sh ${path}`, '/dev/null'];
}

/** Descriptors that a careless caller leaves open: a secret to read, a file to write. */
function inherited(attack: Attack, world: World): number[] {
  if (attack.inherit !== true) return [];
  return [openSync(world.canary, 'r'), openSync(world.victim, 'a')];
}

function collect(
  child: ChildProcess,
  name: 'stdout' | 'stderr',
  react?: (text: string) => void,
): { text: string } {
  const collected = { text: '' };
  child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
    if (collected.text.length < 1 << 20) collected.text += chunk;
    react?.(collected.text);
  });
  return collected;
}

/** What the test does to the launcher or the supervisor when the program has said its word: once. */
function reaction(attack: Attack, child: ChildProcess, token: string): (text: string) => void {
  let done = false;
  return (text) => {
    const parent = attack.killSupervisor === true ? /^PARENT (\d+)$/m.exec(text)?.[1] : undefined;
    const launcher = attack.killLauncherAt !== undefined && text.includes(attack.killLauncherAt);
    if (done || !(launcher || parent !== undefined)) return;
    done = true;
    // The parent of a program that this very run has started; it cannot name one outside of its process namespace.
    if (parent !== undefined) process.kill(Number(parent) || supervisorOf(token), 'SIGKILL');
    else child.kill('SIGKILL');
  };
}

/** The gate of this run, found from outside: the parent of a process that has the token in its arguments. */
function supervisorOf(token: string): number {
  const hex = Buffer.from(token).toString('hex');
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || !readIfThere(`/proc/${name}/cmdline`).includes(hex)) continue;
    const parent = Number(/^PPid:\s+(\d+)$/m.exec(readIfThere(`/proc/${name}/status`))?.[1] ?? 0);
    if (parent > 1 && readIfThere(`/proc/${parent}/comm`) === 'paddock-gate\n') return parent;
  }
  throw new Error('the supervisor of this run was not found');
}

function end(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    child.once('error', reject);
    // `close` waits until nobody holds the pipes any more: a survivor that still talks is heard.
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal });
    });
  });
}

function verdict(output: string): string {
  // Not only at the start of a line: a key that was pressed is echoed before it.
  return /SUCCEEDED .*/.exec(output)?.[0] ?? /FAILED .*/.exec(output)?.[0] ?? '';
}

/** Finds processes by the token in their arguments, and ends them. */
function endSurvivors(token: string): number[] {
  const hex = Buffer.from(token).toString('hex');
  const survivors: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || !readIfThere(`/proc/${name}/cmdline`).includes(hex)) continue;
    survivors.push(Number(name));
    try {
      process.kill(Number(name), 'SIGKILL');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause; // it ended by itself
    }
  }
  return survivors;
}

function readRecord(state: string): Pick<Outcome, 'events' | 'protections'> {
  const sessions = join(state, 'paddock/sessions');
  const events: Seen[] = [];
  const protections: string[] = [];
  for (const id of existsSync(sessions) ? readdirSync(sessions) : []) {
    for (const line of readIfThere(join(sessions, id, 'events.jsonl')).split('\n')) {
      if (line !== '') events.push(JSON.parse(line) as Seen);
    }
    const session = readIfThere(join(sessions, id, 'session.json'));
    if (session === '') continue;
    const { plan } = JSON.parse(session) as { plan: { protections: readonly string[] } };
    protections.push(...plan.protections);
  }
  return { events, protections };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return ''; // gone, or never there
    throw cause;
  }
}
