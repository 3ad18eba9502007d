import type { Duplex, Readable, Writable } from 'node:stream';
import type { ReadStream, WriteStream } from 'node:tty';

/** How the program's standard streams reach the caller. */
export interface Streams {
  readonly mode: 'terminal' | 'pipes';
  /**
   * From now on output that the caller's own descriptors would take directly passes through here, byte for byte, so that
   * it is counted. To be called before `stdio` is used.
   */
  countOutput(): void;
  /** For `spawn`: descriptors 0, 1 and 2. */
  readonly stdio: readonly (number | 'inherit' | 'pipe')[];
  /** Starts moving bytes between the caller and what `spawn` made of `stdio`. */
  attach(pipes: readonly (Readable | Writable | Duplex | null | undefined)[], hooks: StreamHooks): void;
  /** Resolves when everything that the program wrote has reached the caller; bounded in time. */
  drain(): Promise<void>;
  /** Gives the caller's terminal back as it was found, for a stop or the end. */
  release(): void;
  /** Takes the terminal again after a stop. */
  resume(): void;
  /**
   * What a line of paddock's own must begin with, so that it does not stand behind half a line of the program: a line
   * break or nothing. Absent where the program's output does not pass through paddock.
   */
  freshLine?(): string;
  /** Escape sequences that the filter removed. */
  removed(): number;
}

export interface StreamHooks {
  /** Bytes that the program wrote on descriptor 1 or 2, before filtering; 0 on a terminal counts as 1. */
  output(descriptor: 1 | 2, bytes: number): void;
}

/**
 * The caller's own streams. A function is called only when that stream is a terminal: Node makes a pipe non-blocking
 * when its stream object is made, and the program that shares the pipe would then lose output.
 */
export interface CallerStreams {
  /** Whether descriptors 0, 1 and 2 are terminals. */
  readonly isTerminal: readonly [boolean, boolean, boolean];
  stdin(): ReadStream;
  stdout(): WriteStream;
  stderr(): WriteStream;
}
