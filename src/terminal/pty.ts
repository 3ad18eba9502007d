import { randomInt } from 'node:crypto';
import { closeSync, write } from 'node:fs';
import type { Readable } from 'node:stream';
import { ReadStream } from 'node:tty';
import { pumpUnchanged } from './counted.ts';
import { terminalFilter } from './filter.ts';
import type { CallerStreams, Streams } from './streams.ts';

/** What paddock uses of node-pty: an unconnected pair. `pty.spawn` cannot pass the descriptors that the gate needs. */
interface PtyModule {
  readonly native: {
    open(columns: number, rows: number): { master: number; slave: number };
    resize(fd: number, columns: number, rows: number): void;
  };
}

const LINE_FEED = 0x0a;
/** Longest wait for the last output after the program's end. */
const DRAIN_MS = 3000;
/** Wait before a write is tried again that found the terminal's input queue full. */
const RETRY_MS = 5;

/**
 * A pseudoterminal of the program's own. The caller's terminal is put in raw mode and connected to it: typed bytes go
 * in as they are, output comes back through the filter.
 *
 * Linux throws unread output away when the session leader of a terminal ends. So the gate, which is the leader, stays
 * until `drain` has seen a marker that was written behind the program's last byte.
 *
 * @returns undefined where node-pty is not installed or cannot be loaded.
 */
export async function openPty(caller: CallerStreams): Promise<Streams | undefined> {
  const module = await loadPty();
  if (module === undefined) return undefined;
  const stdout = caller.stdout();
  const stdin = caller.stdin();
  const { master, slave } = module.native.open(stdout.columns || 80, stdout.rows || 24);
  const filter = terminalFilter();
  const reader = new ReadStream(master);
  const typed = inputQueue(master);
  const marker = `\x1b_${Array.from({ length: 32 }, () => randomInt(10)).join('')}\x1b\\`;
  let tail = '';
  let sawMarker: (() => void) | undefined;
  let midLine = false;

  const stdio: (number | 'inherit' | 'pipe')[] = [slave, slave, caller.isTerminal[2] ? slave : 'inherit'];
  let errors: Promise<void> | undefined;

  const onTyped = (chunk: Buffer): void => typed.push(chunk);
  const onResize = (): void => module.native.resize(master, stdout.columns, stdout.rows);

  return {
    mode: 'terminal',
    stdio,
    countOutput() {
      if (stdio[2] === 'inherit') stdio[2] = 'pipe';
    },
    attach(pipes, hooks) {
      if (stdio[2] === 'pipe' && pipes[2]) errors = pumpUnchanged(pipes[2] as Readable, 2, hooks);
      reader.on('data', (chunk: Buffer) => {
        hooks.output(1, chunk.length);
        if (sawMarker !== undefined) {
          tail = (tail + chunk.toString('latin1')).slice(-4 * marker.length - chunk.length);
          if (tail.includes(marker)) sawMarker();
        }
        const shown = filter.push(chunk);
        if (shown.length > 0) midLine = shown.at(-1) !== LINE_FEED;
        if (stdout.write(shown)) return;
        reader.pause();
        stdout.once('drain', () => reader.resume());
      });
      reader.on('error', () => reader.destroy()); // EIO: nobody holds the other end any more
      stdin.setRawMode(true);
      stdin.on('data', onTyped);
      stdout.on('resize', onResize);
    },
    async drain() {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        sawMarker = resolve;
        timer = setTimeout(resolve, DRAIN_MS);
        write(slave, marker, (error) => {
          if (error) resolve();
        });
      });
      await errors;
      clearTimeout(timer);
      reader.destroy();
      closeSync(slave);
    },
    release() {
      stdin.off('data', onTyped);
      stdout.off('resize', onResize);
      stdin.setRawMode(false);
      stdin.pause();
    },
    resume() {
      stdin.setRawMode(true);
      stdin.on('data', onTyped);
      stdin.resume();
      stdout.on('resize', onResize);
      onResize();
    },
    freshLine() {
      const before = midLine ? '\n' : '';
      midLine = false;
      return before;
    },
    removed: () => Math.max(0, filter.end().removed - 1), // the marker is one of ours
  };
}

async function loadPty(): Promise<PtyModule | undefined> {
  try {
    const loaded = (await import('node-pty')) as unknown as PtyModule & { default?: PtyModule };
    const module = loaded.native ? loaded : loaded.default;
    return module?.native ? module : undefined;
  } catch {
    return undefined; // an optional dependency: pipes are used instead, and the caller says so
  }
}

// The master is non-blocking: a full queue (a program that does not read) is tried again, in order.
function inputQueue(master: number): { push(chunk: Buffer): void } {
  const queue: Buffer[] = [];
  let busy = false;
  const next = (): void => {
    const chunk = queue[0];
    if (chunk === undefined || busy) return;
    busy = true;
    write(master, chunk, (error, written) => {
      busy = false;
      if (error?.code === 'EAGAIN') {
        setTimeout(next, RETRY_MS).unref();
        return;
      }
      if (error) queue.length = 0;
      else if (written === chunk.length) queue.shift();
      else queue[0] = chunk.subarray(written);
      next();
    });
  };
  return {
    push(chunk) {
      queue.push(chunk);
      next();
    },
  };
}
