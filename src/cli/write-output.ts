import { randomBytes } from 'node:crypto';
import { fstatSync, realpathSync, renameSync, rmSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Context } from './context.ts';

/**
 * Writes what a command made to the file that the user named, whole or not at all; `-` is standard output. Behind a symbolic link
 * the file is replaced and the link stays.
 * @param judged descriptors or paths of files that must not be overwritten: those that were looked at
 * @throws PaddockError `usage` for one of these and for what is no regular file, `io` where it cannot be written.
 */
export function writeOutput(
  context: Context,
  name: string,
  text: string,
  judged: readonly (number | string)[] = [],
): void {
  if (name === '-') {
    context.stdout.write(text);
    return;
  }
  const path = resolve(context.cwd, name);
  const there = statSync(path, { throwIfNoEntry: false });
  if (there !== undefined) refuseTarget(path, there, judged);
  const target = there === undefined ? path : realpathSync(path);
  const temporary = join(dirname(target), `.paddock-${randomBytes(8).toString('hex')}`);
  try {
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o644 });
    renameSync(temporary, target);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new PaddockError('io', 'the output cannot be written', {
      where: escapeText(path, 4096),
      found: cause instanceof Error ? escapeText(cause.message) : 'an unknown error',
      remedy: 'name a file in a folder that is there and that you may write to',
      cause,
    });
  }
}

// A device or a pipe would be replaced by a file, which as root breaks the system.
function refuseTarget(path: string, there: Stats, judged: readonly (number | string)[]): void {
  if (!there.isFile()) {
    throw new PaddockError('usage', 'the output can only be written to a regular file', {
      where: escapeText(path, 4096),
      found: there.isDirectory() ? 'a folder' : 'a device, a pipe or a socket',
      remedy: 'name a file; `-` is standard output',
    });
  }
  for (const other of judged) {
    const stats = statsOf(other);
    if (stats?.dev !== there.dev || stats.ino !== there.ino) continue;
    throw new PaddockError('usage', 'the output would overwrite the file that was looked at', {
      where: escapeText(path, 4096),
      remedy: 'name another file',
    });
  }
}

function statsOf(file: number | string): Stats | undefined {
  try {
    return typeof file === 'number' ? fstatSync(file) : statSync(file);
  } catch {
    return undefined; // not there, or not to be reached: not the one that is there
  }
}
