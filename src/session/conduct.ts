import { startGate } from '../gate/client.ts';
import { closingBits } from '../launch/closing.ts';
import type { LaunchPlan } from '../launch/plan.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Streams } from '../terminal/streams.ts';
import { eventDecoder } from '../watch/decode.ts';
import type { GateEvent } from '../watch/events.ts';
import type { LimitReached } from '../watch/limits.ts';

/** How the program ended: exactly one of both. */
export type ProgramEnd = { readonly code: number } | { readonly signal: number };

/** Why paddock ended the session. */
export interface KillReason {
  readonly by: 'limit' | 'rule' | 'record' | 'file';
  readonly detail: string;
  /** With `limit`. */
  readonly limit?: LimitReached;
}

/** Whoever looks on: keeps the record, raises alerts. Returns a reason to end the session at once. */
export interface Observer {
  event(event: GateEvent): KillReason | undefined;
  /** Called at each sampling interval. */
  sample(): KillReason | undefined;
  output(descriptor: 1 | 2, bytes: number): KillReason | undefined;
  /** The time of the session is up. */
  timeUp(limitMs: number): KillReason | undefined;
  /** The program has begun to serve or to answer; asked behind each of the others. Left out: never. */
  isReady?(): boolean;
}

/** Signals that are forwarded to the program, by number; and the job control of the caller's shell. */
export interface CallerSignals {
  onSignal(handler: (signal: number) => void): void;
  /** The program stopped itself: stop the launcher's whole job, and return when it was continued. */
  stop(): Promise<void>;
}

export interface Conducted {
  readonly end: ProgramEnd;
  /** Present when paddock ended the session. */
  readonly killed?: KillReason;
}

export interface ConductInput {
  readonly plan: LaunchPlan;
  readonly gateProgram: string;
  /** The open description of the judged file, or of the private copy. */
  readonly file: number;
  /** The locked entry in the register of sessions. */
  readonly entry?: number;
  /** The judged file where a known engine reads it. */
  readonly container?: number;
  readonly streams: Streams;
  readonly observer: Observer;
  readonly signals: CallerSignals;
  readonly sampleMs: number;
  readonly timeMs: number | null;
}

/**
 * Starts the plan and stays until no process of the session is left. The fence does not depend on this function: if it
 * stalls, the gate goes on answering; if its process ends, the gate ends the session.
 * @throws PaddockError `gate-missing`, or `gate-failed` with the operation that failed: then nothing ran.
 */
export async function conduct(input: ConductInput): Promise<Conducted> {
  const { streams, observer } = input;
  let end: ProgramEnd | undefined;
  let failure: PaddockError | undefined;
  let killed: KillReason | undefined;
  let running = false;
  let closed = false;
  const closing = closingBits(input.plan.closing);
  const timers: NodeJS.Timeout[] = [];
  const decode = eventDecoder();

  const gate = await startGate({
    program: input.gateProgram,
    operations: input.plan.operations,
    stdio: streams.stdio,
    file: input.file,
    ...(input.entry === undefined ? {} : { entry: input.entry }),
    ...(input.container === undefined ? {} : { container: input.container }),
    onEvents(chunk) {
      try {
        for (const event of decode(chunk)) handle(event);
      } catch (cause) {
        failure ??= asFailure(cause);
        gate.kill();
      }
    },
  });

  function handle(event: GateEvent): void {
    act(observer.event(event));
    switch (event.event) {
      case 'started':
        running = true;
        return;
      case 'failed':
        failure ??= gateFailure(event);
        return;
      case 'exited':
        running = false;
        end = event.signal === undefined ? { code: event.code ?? 0 } : { signal: event.signal };
        void drain();
        return;
      case 'disturbed':
        act({ by: 'file', detail: 'the file was opened for writing while it ran; the writer had to wait' });
        return;
      case 'stopped':
        if (streams.mode === 'terminal') void pauseJob();
        return;
      case 'call':
      case 'dropped':
      case 'continued':
      case 'finished':
        return;
    }
  }

  function act(reason: KillReason | undefined): void {
    if (!closed && observer.isReady?.() === true) {
      closed = true;
      if (closing !== 0) gate.close(closing);
    }
    if (reason === undefined) return;
    killed ??= reason;
    gate.kill();
  }

  async function drain(): Promise<void> {
    if (streams.mode === 'terminal') await streams.drain();
    gate.drained();
  }

  async function pauseJob(): Promise<void> {
    streams.release();
    await input.signals.stop();
    streams.resume();
    gate.resume();
  }

  streams.attach(gate.pipes, { output: (descriptor, bytes) => act(observer.output(descriptor, bytes)) });
  input.signals.onSignal((signal) => gate.signal(signal));
  timers.push(setInterval(() => running && act(observer.sample()), input.sampleMs));
  const { timeMs } = input;
  if (timeMs !== null) timers.push(setTimeout(() => act(observer.timeUp(timeMs)), timeMs));
  try {
    const code = await gate.ended;
    if (streams.mode === 'pipes') await streams.drain();
    if (failure !== undefined) throw failure;
    if (end === undefined) throw gateDied(code);
    return killed === undefined ? { end } : { end, killed };
  } finally {
    for (const timer of timers) clearInterval(timer);
    streams.release();
  }
}

function gateFailure(event: Extract<GateEvent, { event: 'failed' }>): PaddockError {
  if (event.operation === 'hold') return changedMeanwhile(event);
  return new PaddockError(
    'gate-failed',
    `the fence could not be raised: ${escapeText(event.operation)} failed`,
    {
      found: `${escapeText(event.detail)} (errno ${event.errno})`,
      remedy: 'nothing was started; `paddock doctor` shows what this host can enforce',
    },
  );
}

function changedMeanwhile({ errno }: Extract<GateEvent, { event: 'failed' }>): PaddockError {
  return new PaddockError('changed', 'the file did not stay as it was judged; nothing was started', {
    check: 'FILE-001',
    expected: 'the same content, times, owner and names as before the first byte was read',
    found:
      errno === EAGAIN ? 'somebody has it open for writing' : `errno ${errno} of the supervisor’s last look`,
    remedy: 'make sure nothing is writing to the file, or use --private-copy',
  });
}

const EAGAIN = 11;

function gateDied(code: number): PaddockError {
  return new PaddockError(
    'gate-failed',
    'paddock-gate ended before the program did; the program was killed with it',
    {
      found: `exit code ${code}`,
      remedy: 'see whether something ended it (the kernel log names an out-of-memory kill)',
    },
  );
}

function asFailure(cause: unknown): PaddockError {
  if (cause instanceof PaddockError) return cause;
  return new PaddockError('internal', 'an event of the gate could not be handled', { cause });
}
