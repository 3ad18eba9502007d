import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { encodeOperations, type Operation } from '../../src/launch/operations.ts';
import { eventDecoder } from '../../src/watch/decode.ts';
import type { GateEvent } from '../../src/watch/events.ts';

const SOURCES = join(import.meta.dirname, '../../src/gate');
const DIST = join(import.meta.dirname, '../../dist');
const SANITIZED = process.env.PADDOCK_TEST_SANITIZED === '1';

/** Removed when the test file's process ends. */
const scratch = mkdtempSync(join(tmpdir(), 'gate-test-'));
chmodSync(scratch, 0o755); // some tests run as another user
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

export const hasCompiler = spawnSync('cc', ['--version']).status === 0;
export const isRoot = process.getuid?.() === 0;

/** The built gate, if it is newer than its sources; otherwise one that is built here. */
export function gateProgram(): string {
  const built = join(DIST, SANITIZED ? 'sanitized/paddock-gate' : 'paddock-gate');
  const sources = readdirSync(SOURCES).filter((name) => /\.[ch]$/.test(name));
  const newest = Math.max(...sources.map((name) => statSync(join(SOURCES, name)).mtimeMs));
  if (existsSync(built) && statSync(built).mtimeMs >= newest) return built;
  own ??= compile(
    sources.filter((name) => name.endsWith('.c')).map((name) => join(SOURCES, name)),
    SANITIZED ? ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'] : [],
  );
  return own;
}
let own: string | undefined;

/** Compiles a C program of a test; `source` is text. */
export function program(source: string): string {
  const file = join(scratch, `p${count++}.c`);
  writeFileSync(file, source);
  return compile([file], ['-static', '-pthread']);
}
let count = 0;

function compile(files: readonly string[], flags: readonly string[]): string {
  const output = join(scratch, `b${count++}`);
  const result = spawnSync(
    'cc',
    ['-std=c11', '-O1', '-g', '-Wall', '-D_GNU_SOURCE', ...flags, '-o', output, ...files],
    {
      encoding: 'utf8',
    },
  );
  if (result.status !== 0) throw new Error(result.stderr);
  return output;
}

/** A fresh directory for one test. */
export function scratchDirectory(): string {
  return mkdtempSync(join(scratch, 'd'));
}

export interface RunOptions {
  readonly operations?: readonly Operation[];
  /** Instead of operations: the raw stream. */
  readonly stream?: Uint8Array;
  /** Path of what is opened as the judged file, descriptor 6. */
  readonly file?: string;
  readonly input?: string;
  readonly args?: readonly string[];
  readonly stdio?: readonly (number | 'pipe' | 'inherit' | 'ignore')[];
  readonly detached?: boolean;
  /** Called with each event; may send commands. */
  readonly onEvent?: (event: GateEvent, gate: RunningGate) => void;
  readonly onStart?: (gate: RunningGate) => void;
  readonly uid?: number;
  /** Leaves the events unread until the program has written this. */
  readonly deafUntil?: string;
  /** Closes the event pipe after the first event. */
  readonly hangUp?: boolean;
}

export interface RunningGate {
  readonly pid: number;
  send(command: string): void;
  /** Closes the control pipe. */
  leave(): void;
  stdout(): string;
}

export interface RunResult {
  readonly events: readonly GateEvent[];
  readonly calls: readonly Extract<GateEvent, { event: 'call' }>[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The program's exit code, if it exited. */
  readonly exit: number | undefined;
}

/** Runs one gate to its end. Every line that it writes must be a well-formed event. */
export async function runGate(options: RunOptions): Promise<RunResult> {
  const file = openSync(options.file ?? '/bin/sh', 'r');
  const child = spawn(gateProgram(), options.args ?? [], {
    stdio: [...(options.stdio ?? ['pipe', 'pipe', 'pipe']), 'pipe', 'pipe', 'pipe', file],
    env: {},
    detached: options.detached ?? false,
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  closeSync(file);
  const [stream, events, control] = [3, 4, 5].map((index) => child.stdio[index] as Duplex);
  if (stream === undefined || events === undefined || control === undefined) throw new Error('no pipes');
  for (const pipe of [stream, events, control, child.stdin]) pipe?.on('error', () => {}); // a gate that ended early
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('latin1').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('latin1').on('data', (text: string) => {
    output.stderr += text;
  });
  const gate: RunningGate = {
    pid: child.pid ?? 0,
    send: (command) => void control.write(`${command}\n`),
    leave: () => void control.destroy(),
    stdout: () => output.stdout,
  };
  const seen: GateEvent[] = [];
  const decode = eventDecoder();
  const listen = (): void => {
    events.on('data', (chunk: Buffer) => {
      for (const event of decode(chunk)) {
        seen.push(event);
        options.onEvent?.(event, gate);
      }
      if (options.hangUp === true) events.destroy();
    });
  };
  const { deafUntil } = options;
  if (deafUntil === undefined) listen();
  else void until(() => output.stdout.includes(deafUntil)).then(listen);
  stream.end(options.stream ?? encodeOperations(options.operations ?? []));
  child.stdin?.end(options.input ?? '');
  options.onStart?.(gate);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => resolve(end));
  });
  const exited = seen.find((event) => event.event === 'exited');
  return {
    events: seen,
    calls: seen.filter((event) => event.event === 'call'),
    code,
    signal,
    ...output,
    exit: exited?.event === 'exited' ? exited.code : undefined,
  };
}

export interface PlanOptions {
  readonly supervisor?: readonly Operation[];
  readonly child?: readonly Operation[];
  readonly argv?: readonly string[];
  readonly env?: readonly string[];
}

/** From here on every plan puts the program into namespaces of its own. */
export function useNamespaces(): void {
  namespaced = true;
}
let namespaced = false;
export const isNamespaced = (): boolean => namespaced;

const ENTER: readonly Operation[] = [
  { op: 'namespaces', kinds: ['user', 'mount', 'process', 'ipc', 'name'] },
  { op: 'drop-capabilities' },
];

/** A whole plan that executes descriptor 6, with what every plan has. */
export function plan(options: PlanOptions = {}): Operation[] {
  return [
    { op: 'subreaper' },
    ...(options.supervisor ?? []),
    { op: 'fork' },
    { op: 'death-signal', signal: 9 },
    ...(namespaced ? ENTER : []),
    ...(options.child ?? []),
    { op: 'close-from', first: 3 },
    ...(options.env ?? ['PATH=/usr/bin:/bin']).map((entry): Operation => ({ op: 'environment', entry })),
    ...(options.argv ?? ['program']).map((value): Operation => ({ op: 'argument', value })),
    { op: 'signals' },
    { op: 'exec', program: { fd: 6 } },
  ];
}

/** Runs a shell script as the program. */
export function shell(script: string, options: PlanOptions = {}): Operation[] {
  return plan({ ...options, argv: ['sh', '-c', script] });
}

export type Instruction = readonly [code: number, jt: number, jf: number, k: number];

/** struct sock_filter[] */
export function filter(instructions: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(instructions.length * 8);
  for (const [index, [code, jt, jf, k]] of instructions.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  }
  return bytes;
}

const LOAD_NR: Instruction = [0x20, 0, 0, 0];
const ALLOW = 0x7fff0000;
export const NOTIFY = 0x7fc00000;

/** These system calls get `action`, everything else is allowed. For the native architecture of the tests only. */
export function filterCalls(numbers: readonly number[], action = NOTIFY): Uint8Array {
  const tests = numbers.flatMap((nr): Instruction[] => [
    [0x15, 0, 1, nr],
    [0x06, 0, 0, action],
  ]);
  return filter([LOAD_NR, ...tests, [0x06, 0, 0, ALLOW]]);
}

/** x86-64. */
export const NR = {
  open: 2,
  socket: 41,
  connect: 42,
  bind: 49,
  listen: 50,
  execve: 59,
  getppid: 110,
  unlink: 87,
  openat: 257,
  execveat: 322,
  openat2: 437,
} as const;

/** The plan's parts that answer these calls. */
export function notified(
  answers: readonly Partial<Extract<Operation, { op: 'answer' }>>[],
  others: readonly Operation[] = [],
): { supervisor: Operation[]; child: Operation[] } {
  const full = answers.map(
    (answer): Extract<Operation, { op: 'answer' }> => ({
      op: 'answer',
      nr: -1,
      foreign: false,
      answer: 'continue',
      errno: 0,
      label: 'call',
      kill: false,
      ...answer,
    }),
  );
  return {
    supervisor: [...full, ...others],
    child: [
      { op: 'no-new-privileges' },
      { op: 'seccomp-notify', program: filterCalls(full.map(({ nr }) => nr)) },
    ],
  };
}

/** Waits until the condition holds, at most about five seconds. */
export async function until(condition: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 500; tries++) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

/** Host numbers of the processes that have `marker` in their command line. */
export function processesWith(marker: string): number[] {
  const has = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(marker);
    } catch {
      return false; // it has ended meanwhile
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid) && has(name))
    .map(Number);
}

/** Whether a process is there and not a zombie. */
export function isAlive(pid: number): boolean {
  const status = spawnSync('cat', [`/proc/${pid}/stat`], { encoding: 'latin1' });
  if (status.status !== 0) return false;
  return !/\) [ZX] /.test(status.stdout);
}
