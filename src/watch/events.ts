import type { Untrusted } from '../lib/text.ts';

/**
 * One line that paddock-gate writes on its event descriptor, in JSON. `time` is milliseconds since the epoch
 * (CLOCK_REALTIME), `pid` a process id in the gate's own pid namespace. Strings that come from the process are JSON
 * strings in which every byte outside printable ASCII is `\u00XX` (bytes, not characters).
 */
export type GateEvent =
  /**
   * The fence is up and the program was executed. `child` is its process id; `init` that of the gate's own process that is
   * number 1 of the program's process namespace, where it has one.
   */
  | { readonly event: 'started'; readonly time: number; readonly child: number; readonly init?: number }
  /** An operation failed; nothing was started (or it was killed). `operation` is the wire name, `errno` the number. */
  | {
      readonly event: 'failed';
      readonly time: number;
      readonly operation: string;
      readonly errno: number;
      readonly detail: Untrusted;
    }
  /** A watched call. `answer` is what the gate replied. */
  | {
      readonly event: 'call';
      readonly time: number;
      readonly pid: number;
      /** Label from the notify table: `exec`, `connect`, `bind`, `listen`, `write`, `read`, `socket`, `namespace` … */
      readonly label: string;
      /** System call number, and the AUDIT_ARCH of the caller. */
      readonly nr: number;
      readonly arch: number;
      readonly answer: 'continued' | 'emulated' | 'denied';
      /** With `denied`, or when an emulated call failed. For `continued` opens: the expected errno, 0 if granted. */
      readonly errno: number;
      /** Decoded path or socket address, when the call has one and the memory was readable. */
      readonly target?: Untrusted;
      /** For opens: false when the path is outside what the fence grants, so the kernel will refuse it. */
      readonly granted?: boolean;
      readonly args: readonly string[];
    }
  /** Calls that were answered but not reported, because they came too fast. */
  | { readonly event: 'dropped'; readonly time: number; readonly count: number }
  /** Somebody wanted to write to the judged file, and waits: the gate ends the session first. */
  | { readonly event: 'disturbed'; readonly time: number }
  /** The main program stopped or continued (job control). */
  | { readonly event: 'stopped' | 'continued'; readonly time: number; readonly signal: number }
  /** The main program ended: exactly one of `code` and `signal`. */
  | { readonly event: 'exited'; readonly time: number; readonly code?: number; readonly signal?: number }
  /** No process of the session is left. `killed` counts those that had to be killed. Always the last line. */
  | { readonly event: 'finished'; readonly time: number; readonly killed: number };
