import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Context } from './context.ts';

/**
 * Writes what a command made to the file that the user named, whole or not at all; `-` is standard output.
 * @param judged descriptors of files that must not be overwritten: those that were looked at
 * @throws PaddockError `usage` for one of these, `io` where it cannot be written.
 */
export function writeOutput(
  context: Context,
  name: string,
  text: string,
  judged: readonly number[] = [],
): void {
  if (name === '-') {
    context.stdout.write(text);
    return;
  }
  const path = resolve(context.cwd, name);
  refuseJudged(path, judged);
  const temporary = join(dirname(path), `.paddock-${randomBytes(8).toString('hex')}`);
  try {
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o644 });
    renameSync(temporary, path);
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

function refuseJudged(path: string, judged: readonly number[]): void {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return; // not there, or not readable: not one of those that were read
  }
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    for (const other of judged) {
      const stats = fstatSync(other, { bigint: true });
      if (stats.dev !== dev || stats.ino !== ino) continue;
      throw new PaddockError('usage', 'the output would overwrite the file that was looked at', {
        where: escapeText(path, 4096),
        remedy: 'name another file',
      });
    }
  } finally {
    closeSync(fd);
  }
}
