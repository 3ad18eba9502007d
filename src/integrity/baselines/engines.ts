import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ByteSource } from '../../format/source.ts';
import { PaddockError } from '../../lib/errors.ts';
import { makeFolders } from '../../lib/paths.ts';
import type { Baseline, BaselinePlaces } from './baseline.ts';
import { type Kept, readBaselines } from './store.ts';

const STEP_BYTES = 1 << 20;

/**
 * Keeps the executable of a release beside its baseline: the bytes that the baseline describes, and none behind them. Mode
 * 0500, under their digest, in a folder of mode 0700. Gives the path.
 * @throws PaddockError `refused` for a baseline whose whole release is not known, `changed`, `io`
 */
export function keepEngine(places: BaselinePlaces, { file }: Baseline, source: ByteSource): string {
  if (file === undefined) throw notWhole();
  const folder = enginesFolder(places);
  const partial = join(folder, `.${randomBytes(8).toString('hex')}.new`);
  const path = join(folder, file.sha256);
  try {
    makeFolders(folder, 0o700);
    const hash = createHash('sha256');
    const fd = openSync(partial, 'wx', 0o500);
    try {
      for (let at = 0; at < file.size; at += STEP_BYTES) {
        const bytes = source.read(at, Math.min(STEP_BYTES, file.size - at));
        hash.update(bytes);
        for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
      }
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (hash.digest('hex') !== file.sha256) throw changed();
    renameSync(partial, path);
    return path;
  } catch (cause) {
    rmSync(partial, { force: true });
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('io', 'the engine cannot be kept', {
      where: folder,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'see whether the folder may be written and has room (XDG_DATA_HOME)',
      cause,
    });
  }
}

/** Removes the engine of a baseline that is forgotten, unless another one of the user's has it, too. */
export function forgetEngine(places: BaselinePlaces, { engine }: Kept['baseline']): void {
  if (engine === undefined || !engine.path.startsWith(`${enginesFolder(places)}/`)) return;
  const used = readBaselines(places).some(({ baseline }) => baseline.engine?.path === engine.path);
  if (!used) rmSync(engine.path, { force: true });
}

function enginesFolder({ user }: BaselinePlaces): string {
  return join(user, 'engines');
}

function notWhole(): PaddockError {
  return new PaddockError('refused', 'the executable of this release is not whole in the file', {
    expected: 'the release as its publisher offers it, or a llamafile that was made from it with zipalign',
    found: 'a file in which weights or arguments are mixed with the release',
    remedy: 'learn from the publisher’s bare executable',
  });
}

function changed(): PaddockError {
  return new PaddockError('changed', 'the file changed while its engine was copied', {
    remedy: 'make sure nothing is writing to the file, then try again',
  });
}
