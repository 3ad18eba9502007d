import type { Action, Policy } from '../policy/policy.ts';
import type { GateEvent } from './events.ts';

export type CallEvent = Extract<GateEvent, { event: 'call' }>;

/** The part of `policy.watch` that decides about an event. */
export type Family = 'exec' | 'connect' | 'write' | 'read' | 'syscall';

interface LabelFacts {
  readonly family: Family;
  /** "tried to …": what the call wants. The target follows. */
  readonly attempt: string;
}

/** By the labels of the seccomp rules and of the gate's decoder. A label that is not here is of family `syscall`. */
const LABELS = new Map<string, LabelFacts>(
  Object.entries({
    exec: { family: 'exec', attempt: 'execute' },
    memfd: { family: 'exec', attempt: 'make an executable file in memory' },
    connect: { family: 'connect', attempt: 'connect to' },
    socket: { family: 'connect', attempt: 'open a socket' },
    'fast-open': { family: 'connect', attempt: 'connect and send to' },
    bind: { family: 'connect', attempt: 'take the address' },
    listen: { family: 'connect', attempt: 'listen for connections' },
    write: { family: 'write', attempt: 'write' },
    read: { family: 'read', attempt: 'read' },
    open: { family: 'read', attempt: 'open' },
    namespace: { family: 'syscall', attempt: 'enter a namespace of its own' },
    mount: { family: 'syscall', attempt: 'mount something' },
    trace: { family: 'syscall', attempt: 'look into another process' },
    priority: { family: 'syscall', attempt: 'move itself forward' },
    signal: { family: 'syscall', attempt: 'send a signal' },
    kernel: { family: 'syscall', attempt: 'administer the machine' },
    io_uring: { family: 'syscall', attempt: 'use io_uring' },
    seccomp: { family: 'syscall', attempt: 'supervise system calls itself' },
    terminal: { family: 'syscall', attempt: 'control the terminal' },
    ipc: { family: 'syscall', attempt: 'use shared objects of the system' },
    metadata: { family: 'syscall', attempt: 'change or watch file attributes' },
    foreign: { family: 'syscall', attempt: 'make a call of another processor mode' },
  }),
);

/** Command lines look for the terminal at their start, genuine engines too; it is never given away. */
const TERMINAL = '/dev/tty';

/** Refused so that a C library takes another way; nobody did anything wrong. */
const EXPECTED = new Set(['fallback']);

/** "tried to …" for a label. */
export function attemptOf(label: string): string {
  return LABELS.get(label)?.attempt ?? `make a call of the kind “${label}”`;
}

/**
 * Whether a call is one that the fence refuses, and which action the policy wants. Undefined for what is granted, and
 * for refusals that belong to a normal start.
 */
export function actionFor(call: CallEvent, watch: Policy['watch']): Action | undefined {
  if (!isRefused(call) || EXPECTED.has(call.label)) return undefined;
  if (isUsual(call.target)) return 'record';
  return watch[LABELS.get(call.label)?.family ?? 'syscall'];
}

/** Refused and recorded, but no news: every engine tries it at its start. */
export function isUsual(target: CallEvent['target'] | string): boolean {
  return target === TERMINAL;
}

/** Denied by the gate, or let through to a kernel that will refuse it. */
export function isRefused({ answer, granted }: CallEvent): boolean {
  return answer === 'denied' || granted === false;
}
