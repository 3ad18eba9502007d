import { constants } from 'node:os';
import type { CallerSignals } from '../session/conduct.ts';

/** Forwarded to the program. A stop from the terminal (SIGTSTP) reaches a program in the same group by itself. */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/** Signals after which a process usually leaves a core file: these are told by exit code instead. */
const CORE: ReadonlySet<string> = new Set([
  'SIGQUIT',
  'SIGILL',
  'SIGABRT',
  'SIGFPE',
  'SIGSEGV',
  'SIGBUS',
  'SIGSYS',
  'SIGTRAP',
]);

/** For these there are no listeners. */
const UNCATCHABLE: ReadonlySet<string> = new Set(['SIGKILL', 'SIGSTOP']);

/** How long to wait for a signal to oneself to arrive. */
const ARRIVAL_MS = 1000;

/** The signals of this process. */
export function processSignals(): CallerSignals {
  return {
    onSignal(handler) {
      for (const name of FORWARDED) process.on(name, () => handler(constants.signals[name]));
    },
    stop() {
      return new Promise((resolve) => {
        process.once('SIGCONT', () => resolve());
        process.kill(0, 'SIGTSTP'); // the whole job, as the terminal would have done it
      });
    },
  };
}

/** Ends this process as the program ended: by the same signal where it can, else by the code that a shell would give. */
export async function endBySignal(signal: number): Promise<never> {
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] as
    | NodeJS.Signals
    | undefined;
  if (name !== undefined && !CORE.has(name)) {
    // Node ignores some signals from its start (SIGPIPE): a listener that goes again leaves the default behind.
    if (!UNCATCHABLE.has(name)) process.on(name, () => {});
    process.removeAllListeners(name);
    process.kill(process.pid, name);
    await new Promise((resolve) => setTimeout(resolve, ARRIVAL_MS));
  }
  process.exit(128 + signal);
}
