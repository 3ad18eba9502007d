import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../../lib/errors.ts';
import { makeFolders } from '../../lib/paths.ts';
import { escapeText } from '../../lib/text.ts';
import { notOwned, type Ownership, readOwned } from '../signatures/owned.ts';
import type { BaselinePlaces } from './baseline.ts';
import { checkBaseline, NAME_RULE, type StoredBaseline } from './schema.ts';

/** A baseline and the store that it is in. */
export type Kept = { readonly baseline: StoredBaseline; readonly store: 'system' | 'user' };

const MAX_FILES = 256;
const ROOT = 0;
const FILE: Ownership = {
  what: 'a baseline',
  forbidden: 0o022,
  others: 'change',
  chmod: 'go-w',
  limitBytes: 8 * 1024 * 1024,
};
const FOLDER: Ownership = { ...FILE, what: 'the store of baselines' };
const SUFFIX = '.json';

/**
 * All baselines of machine and user, the machine's first. Of two with the same name the machine's counts. A store that is
 * not there is empty.
 * @throws PaddockError `policy-invalid` for a store or a file that others could have written, that is a link, or that is
 * damaged; `too-large` at a bound of ours; `io` for what cannot be read.
 */
export function readBaselines({ system, user, uid, systemOnly }: BaselinePlaces): Kept[] {
  const ofSystem = readStore(system, ROOT).map((baseline): Kept => ({ baseline, store: 'system' }));
  if (systemOnly === true) return ofSystem;
  const names = new Set(ofSystem.map(({ baseline }) => baseline.name));
  const ofUser = readStore(user, uid).filter(({ name }) => !names.has(name));
  return [...ofSystem, ...ofUser.map((baseline): Kept => ({ baseline, store: 'user' }))];
}

/**
 * Puts a baseline into the user's store: whole or not at all, mode 0600 in a folder of mode 0700.
 * @throws PaddockError `usage` for a name that is taken, unless `force`; `io`, and as `readBaselines`
 */
export function writeBaseline(places: BaselinePlaces, baseline: StoredBaseline, force: boolean): void {
  const path = join(places.user, `${baseline.name}${SUFFIX}`);
  refuseTaken(places, baseline.name, force);
  const temporary = join(places.user, `.${randomBytes(8).toString('hex')}.new`);
  try {
    makeFolders(places.user, 0o700);
    refuseFolder(places.user, places.uid, lstatSync(places.user));
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(fd, `${JSON.stringify(checkBaseline(baseline, path))}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw cause instanceof PaddockError ? cause : failed('written', path, cause);
  }
}

/** @throws PaddockError `usage` for a name that is taken, unless `force`; for one of the machine's in any case. */
export function refuseTaken(places: BaselinePlaces, name: string, force: boolean): void {
  const taken = readBaselines(places).find(({ baseline }) => baseline.name === name);
  if (taken === undefined || (taken.store === 'user' && force)) return;
  throw new PaddockError('usage', `there is a baseline named ${name} already`, {
    where: join(taken.store === 'user' ? places.user : places.system, `${name}${SUFFIX}`),
    remedy:
      taken.store === 'user'
        ? 'choose another name with --name, or write over it with --force'
        : 'it is the machine’s: choose another name with --name',
  });
}

/** @throws PaddockError `usage` where the user has none of that name, `io` */
export function removeBaseline(places: BaselinePlaces, name: string): void {
  const { store } = keptAs(places, name);
  if (store === 'system') {
    throw new PaddockError('usage', 'this baseline is the machine’s', {
      where: join(places.system, `${name}${SUFFIX}`),
      remedy: 'its administrator removes the file',
    });
  }
  const path = join(places.user, `${name}${SUFFIX}`);
  try {
    rmSync(path);
  } catch (cause) {
    throw failed('removed', path, cause);
  }
}

/** The baseline of that name. @throws PaddockError `usage` where there is none, and as `readBaselines` */
export function keptAs(places: BaselinePlaces, name: string): Kept {
  const all = readBaselines(places);
  const found = all.find(({ baseline }) => baseline.name === name);
  if (found !== undefined) return found;
  throw new PaddockError('usage', 'there is no baseline of that name', {
    expected: all.map(({ baseline }) => baseline.name).join(', ') || 'none: nothing has been learned yet',
    found: escapeText(name, 80),
    remedy: '`paddock baseline list` shows them',
  });
}

function readStore(folder: string, uid: number): StoredBaseline[] {
  const stats = lstatSync(folder, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  refuseFolder(folder, uid, stats);
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => isBaselineFile(name));
  } catch (cause) {
    throw failed('read', folder, cause);
  }
  if (names.length > MAX_FILES) {
    throw new PaddockError('too-large', 'there are too many baselines', {
      where: folder,
      expected: `at most ${MAX_FILES}`,
      found: `${names.length}`,
      remedy: 'remove those that you do not need',
    });
  }
  return names.sort().map((name) => readFile(folder, name, uid));
}

function isBaselineFile(name: string): boolean {
  return name.endsWith(SUFFIX) && NAME_RULE.test(name.slice(0, -SUFFIX.length));
}

function readFile(folder: string, file: string, uid: number): StoredBaseline {
  const path = join(folder, file);
  const text = readOwned(path, uid, FILE);
  if (text === undefined) throw failed('read', path, new Error('it went away meanwhile'));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined; // the check below says that it is damaged
  }
  const baseline = checkBaseline(value, path);
  if (`${baseline.name}${SUFFIX}` === file) return baseline;
  throw new PaddockError('policy-invalid', 'a baseline has another name than its file', {
    where: path,
    expected: `${baseline.name}${SUFFIX}`,
    found: file,
    remedy: 'rename the file, or remove it',
  });
}

function refuseFolder(folder: string, uid: number, stats: Stats): void {
  const { uid: owner, mode } = stats;
  const owned = uid < 0 || ((owner === uid || owner === ROOT) && (mode & FOLDER.forbidden) === 0);
  if (stats.isDirectory() && owned) return;
  throw notOwned(
    folder,
    FOLDER,
    `a folder of user ${uid} or root that nobody else may write to`,
    stats.isDirectory()
      ? `owner ${owner}, mode ${(mode & 0o7777).toString(8)}`
      : stats.isSymbolicLink()
        ? 'a symbolic link'
        : 'no folder',
  );
}

function failed(what: string, where: string, cause: unknown): PaddockError {
  return new PaddockError('io', `a baseline cannot be ${what}`, {
    where,
    found: escapeText(cause instanceof Error ? cause.message : String(cause)),
    remedy: 'see whether the folder is there and may be written (XDG_DATA_HOME)',
    cause,
  });
}
