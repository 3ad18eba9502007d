import type { Readable, Writable } from 'node:stream';
import { pumpUnchanged } from './counted.ts';
import { terminalFilter } from './filter.ts';
import type { CallerStreams, StreamHooks, Streams } from './streams.ts';

/** Longest wait for the last output after the program's end: a reader that stopped reading must not hold us. */
const DRAIN_MS = 5000;

/**
 * Each stream that is not a terminal is inherited as it is: the program reads and writes the caller's own file or
 * pipe, byte for byte. One that is a terminal becomes a pipe, so that the program never holds the user's terminal,
 * and what it writes there passes the filter.
 */
export function openPipes(caller: CallerStreams): Streams {
  const stdio = caller.isTerminal.map((terminal): 'pipe' | 'inherit' => (terminal ? 'pipe' : 'inherit'));
  const filters = [terminalFilter(), terminalFilter()];
  const ends: Promise<void>[] = [];
  const counted = new Set<1 | 2>();
  let input: Writable | undefined;

  return {
    mode: 'pipes',
    stdio,
    countOutput() {
      for (const descriptor of [1, 2] as const) {
        if (stdio[descriptor] !== 'inherit') continue;
        stdio[descriptor] = 'pipe';
        counted.add(descriptor);
      }
    },
    attach(pipes, hooks) {
      if (stdio[0] === 'pipe' && pipes[0]) {
        input = pipes[0] as Writable;
        input.on('error', ignoreClosedPipe);
        caller.stdin().pipe(input);
      }
      for (const descriptor of [1, 2] as const) {
        const source = pipes[descriptor] as Readable | null | undefined;
        const filter = filters[descriptor - 1];
        if (stdio[descriptor] !== 'pipe' || !source || !filter) continue;
        if (counted.has(descriptor)) {
          ends.push(pumpUnchanged(source, descriptor, hooks));
          continue;
        }
        const target = descriptor === 1 ? caller.stdout() : caller.stderr();
        ends.push(pump(source, target, descriptor, filter.push, hooks));
      }
    },
    async drain() {
      let timer: NodeJS.Timeout | undefined;
      const bound = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, DRAIN_MS);
      });
      await Promise.race([Promise.all(ends), bound]);
      clearTimeout(timer);
    },
    release() {
      if (input === undefined) return;
      caller.stdin().unpipe(input);
      caller.stdin().pause();
    },
    resume() {
      if (input !== undefined) caller.stdin().pipe(input);
    },
    removed: () => filters.reduce((sum, filter) => sum + filter.end().removed, 0),
  };
}

function pump(
  source: Readable,
  target: Writable,
  descriptor: 1 | 2,
  filter: (chunk: Uint8Array) => Buffer,
  hooks: StreamHooks,
): Promise<void> {
  return new Promise((resolve) => {
    source.on('data', (chunk: Buffer) => {
      hooks.output(descriptor, chunk.length);
      if (target.write(filter(chunk))) return;
      source.pause();
      target.once('drain', () => source.resume());
    });
    source.once('close', resolve);
    source.once('error', () => resolve()); // the program is gone; its end is reported by the gate
  });
}

// The program closed its standard input: what the user still types has no reader, as without paddock.
function ignoreClosedPipe(): void {}
