import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable, Writable } from 'node:stream';
import { encodeOperations, type Operation } from '../launch/operations.ts';
import { PaddockError } from '../lib/errors.ts';

/** A gate that was started: the supervisor of one session. */
export interface Gate {
  readonly pid: number;
  /** What `spawn` made of the three standard streams that were given as `pipe`. */
  readonly pipes: readonly (Readable | Writable | Duplex | null | undefined)[];
  /** Forwards a signal to the program; the gate leaves it out when the whole process group got it. */
  signal(signal: number): void;
  /** Ends the whole session at once. */
  kill(): void;
  freeze(): void;
  thaw(): void;
  /** Continues a program that stopped itself. */
  resume(): void;
  /** All terminal output has been read. */
  drained(): void;
  /** Closes for good what the bits stand for (enum closing of protocol.h). */
  close(bits: number): void;
  /** Resolves with the gate's own exit code when it has ended: 0 after a whole session. */
  readonly ended: Promise<number>;
}

export interface GateStart {
  /** Path of paddock-gate. */
  readonly program: string;
  readonly operations: readonly Operation[];
  /** Descriptors 0, 1 and 2 of the program. */
  readonly stdio: readonly (number | 'inherit' | 'pipe')[];
  /** The open description of the program. */
  readonly file: number;
  /** The session's entry in the register of sessions: the gate keeps its lock. */
  readonly entry?: number;
  /** That of the judged file where another program reads it. */
  readonly container?: number;
  /** Raw event bytes, in order. */
  onEvents(chunk: Buffer): void;
}

/**
 * Starts paddock-gate and hands it the plan. The gate's environment is empty; the program's is part of the plan.
 * If this process dies, the control pipe closes and the gate ends the session.
 * @throws PaddockError `gate-missing` when the program cannot be executed.
 */
export async function startGate(start: GateStart): Promise<Gate> {
  const bytes = encodeOperations(start.operations);
  const child = spawn(start.program, [], {
    stdio: [
      ...start.stdio,
      'pipe',
      'pipe',
      'pipe',
      start.file,
      start.container ?? 'ignore',
      start.entry ?? 'ignore',
    ],
    env: {},
    windowsHide: true,
  });
  const ended = endOf(child);
  await spawned(child, start.program);
  const [operations, events, control] = [3, 4, 5].map((index) => child.stdio[index] as Duplex);
  if (operations === undefined || events === undefined || control === undefined) {
    throw new PaddockError('internal', 'the gate was started without its pipes');
  }
  // A gate that died reads no more: its end is what matters, not the broken pipe.
  for (const pipe of [operations, events, control]) pipe.on('error', () => {});
  events.on('data', start.onEvents);
  operations.end(bytes);
  const say = (command: string): void => {
    if (!control.destroyed) control.write(`${command}\n`);
  };
  return {
    pid: child.pid ?? 0,
    pipes: child.stdio.slice(0, 3),
    signal: (signal) => say(`signal ${signal}`),
    kill: () => say('kill'),
    freeze: () => say('freeze'),
    thaw: () => say('thaw'),
    resume: () => say('continue'),
    drained: () => say('drained'),
    close: (bits) => say(`close ${bits}`),
    ended,
  };
}

function spawned(child: ChildProcess, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) =>
      reject(
        new PaddockError('gate-missing', 'paddock-gate could not be started', {
          where: program,
          found: cause.message,
          remedy: 'run `paddock doctor`; `npm rebuild llama-paddock` builds the gate again',
          cause,
        }),
      ),
    );
  });
}

// The event pipe is held by the gate alone: when it has closed, the last event was read. The program's own pipes may
// be held longer, by a process that is just being killed.
function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    let code: number | undefined;
    let closed = false;
    const settle = (): void => {
      if (closed && code !== undefined) resolve(code);
    };
    child.once('exit', (status) => {
      code = status ?? KILLED;
      settle();
    });
    child.stdio[4]?.once('close', () => {
      closed = true;
      settle();
    });
    child.once('error', () => resolve(KILLED));
  });
}

/** What stands for the exit code of a gate that was killed or never ran. */
const KILLED = 125;
