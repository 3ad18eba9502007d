import { write } from 'node:fs';
import type { Readable } from 'node:stream';
import type { StreamHooks } from './streams.ts';

/**
 * Moves bytes as they are to a descriptor of the caller's that is no terminal, and tells how many. Written by descriptor
 * and not by a stream object: that would make a pipe non-blocking, which others share. Resolves when the source has
 * ended and everything is written.
 */
export function pumpUnchanged(source: Readable, descriptor: 1 | 2, hooks: StreamHooks): Promise<void> {
  return new Promise((resolve) => {
    let writing = Promise.resolve();
    source.on('data', (chunk: Buffer) => {
      hooks.output(descriptor, chunk.length);
      source.pause();
      writing = writeAll(descriptor, chunk).then(
        () => void source.resume(),
        // Nobody reads any more: the program is to learn it as it would without paddock.
        () => void source.destroy(),
      );
    });
    source.once('close', () => void writing.then(resolve));
    source.once('error', () => void writing.then(resolve)); // the program is gone; its end is reported by the gate
  });
}

/** Wait before a write is tried again that found a non-blocking pipe of the caller's full. */
const RETRY_MS = 5;

function writeAll(fd: number, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (from: number): void => {
      if (from === chunk.length) {
        resolve();
        return;
      }
      write(fd, chunk, from, chunk.length - from, null, (error, written) => {
        if (error === null) next(from + written);
        else if (error.code === 'EAGAIN') setTimeout(() => next(from), RETRY_MS);
        else reject(error);
      });
    };
    next(0);
  });
}
