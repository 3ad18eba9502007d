import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteSource } from '../format/source.ts';
import { PaddockError } from '../lib/errors.ts';
import { copyProgram } from './loader.ts';
import type { LaunchPlan } from './plan.ts';

export interface PrivateCopy {
  /** Read-only; descriptor 6 of the gate. The caller closes it. */
  readonly fd: number;
  readonly path: string;
}

/**
 * Writes the private copy of a program that is started by its own ELF header, beside the folders that the program may
 * write. It goes away with them.
 * @throws PaddockError `io` when it cannot be written, and what reading the source throws.
 */
export function makeCopy(
  source: ByteSource,
  header: Uint8Array,
  directories: LaunchPlan['directories'],
): PrivateCopy {
  const path = join(directories.root, 'program');
  try {
    const out = openSync(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o500,
    );
    try {
      copyProgram(source, header, (chunk) => writeAll(out, chunk));
    } finally {
      closeSync(out); // what is open for writing cannot be executed
    }
    return { fd: openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW), path };
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('io', 'the private copy of the program could not be written', {
      where: path,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'set TMPDIR to a folder with enough room',
      cause,
    });
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}
