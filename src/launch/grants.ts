import { dirname, isAbsolute, join, normalize } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { isBelow } from '../lib/paths.ts';
import { escapeText } from '../lib/text.ts';
import type { Policy } from '../policy/policy.ts';
import { closedGrants } from './closed-folders.ts';
import { isHidden, type Uncovered, uncover } from './hidden.ts';
import type { PathGrant } from './landlock.ts';
import { MINIMUM, PROGRAM_MINIMUM } from './minimum.ts';
import { type Operation, RIGHT_EXECUTE, RIGHT_KEPT, RIGHT_READ, RIGHT_WRITE } from './operations.ts';
import type { PathFacts } from './paths.ts';
import type { LaunchPlan } from './plan.ts';

export interface GrantsInput {
  readonly files: Policy['files'];
  /** Granted because the user named them by argument. */
  readonly reads: readonly string[];
  readonly directories: LaunchPlan['directories'];
  readonly home: string;
  readonly streams: LaunchPlan['streams'];
  /** paddock's own folders: records, policies, the gate. */
  readonly own: readonly string[];
  /** Nodes and files of graphics cards; where there are any, what holds libraries in the private folders is closed. */
  readonly devices: readonly PathGrant[];
  readonly paths: PathFacts;
}

/**
 * Every path that the program may touch: the minimum, its private folders, what the policy lists, what the user named; without
 * what the policy hides.
 * @throws PaddockError `refused` for an argument that names something hidden, for a grant to write where the kernel is
 * administered and for one that a program could have redirected, `policy-invalid` for a path that is not absolute.
 */
export function grantedPaths(input: GrantsInput): Uncovered {
  const hidden = input.files.hide.map((path) => expand(path, input.home));
  for (const path of input.reads) checkHidden(path, hidden, input.paths);
  return uncover(allGrants(input), hidden, input.paths);
}

function allGrants(input: GrantsInput): PathGrant[] {
  const { directories, files } = input;
  const listed = (paths: readonly string[], rights: number): PathGrant[] =>
    paths.map((path) => ({ path: expand(path, input.home), rights }));
  const written = listed(files.write, RIGHT_READ | RIGHT_WRITE);
  for (const { path } of written) checkWritable(path, input);
  const others = [...listed([...files.read, ...files.execute], 0).map(({ path }) => path), ...input.reads];
  checkLinks(
    [...written.map(({ path }) => path), ...others],
    written.map(({ path }) => path),
    input.paths,
  );
  return [
    ...[...MINIMUM, ...(files.execute.length > 0 ? PROGRAM_MINIMUM : [])].map(({ path, rights }) => ({
      path,
      rights,
    })),
    ...(input.streams === 'terminal'
      ? [{ path: '/dev/tty', rights: RIGHT_READ | RIGHT_WRITE | RIGHT_KEPT, deviceControl: true }]
      : []),
    ...(input.devices.length > 0 ? closedGrants(directories) : openGrants(directories)),
    ...listed(files.read, RIGHT_READ),
    ...written,
    ...listed(files.execute, RIGHT_READ | RIGHT_EXECUTE),
    ...input.reads.map((path) => ({ path, rights: RIGHT_READ })),
    ...input.devices,
  ];
}

function openGrants({ home, tmp, work }: LaunchPlan['directories']): PathGrant[] {
  return [home, tmp, work].map((path) => ({ path, rights: RIGHT_READ | RIGHT_WRITE | RIGHT_KEPT }));
}

/**
 * The same for the supervisor's reports. A program may use the path as it was given or the one without links, so
 * both are named.
 */
export function grantOperations(grants: readonly PathGrant[], paths: PathFacts): Operation[] {
  const rights = new Map<string, number>();
  const add = (path: string, more: number): void => void rights.set(path, (rights.get(path) ?? 0) | more);
  for (const grant of grants) {
    const real = grant.path.startsWith('/proc/') ? undefined : paths.real(grant.path);
    for (const path of new Set([grant.path, real ?? grant.path])) add(path, grant.rights);
  }
  return [...rights].map(([path, all]) => ({ op: 'grant', rights: all, path }));
}

// Whoever may write here raises limits, moves processes out of their control group, or changes the kernel.
const NEVER_WRITTEN = ['/proc', '/sys'];

// Links are looked through: what counts is where a write would land.
function checkWritable(path: string, { own, directories, paths }: GrantsInput): void {
  const real = (one: string): string => paths.real(one) ?? one;
  refuseOverlap(path, real(path), NEVER_WRITTEN, 'where the kernel is administered');
  refuseOverlap(
    path,
    real(path),
    [...own, ...own.map(real)],
    'where paddock keeps its records, policies or programs',
  );
  // Around the private folders one session could put links in place of another's, which that one is then granted.
  const { root } = directories;
  refuseOverlap(path, real(path), [root, real(root)], 'where the private folders of sessions are made');
}

function refuseOverlap(given: string, path: string, roots: readonly string[], where: string): void {
  for (const root of roots) {
    if (!isBelow(path, root) && !isBelow(root, path)) continue;
    throw new PaddockError('refused', `the policy grants writing ${where}`, {
      found: `files.write: ${escapeText(given, 120)}`,
      expected: `paths outside ${escapeText(root, 120)}, and not above it`,
      remedy: 'name the folder that the model is to write to',
    });
  }
}

// What lies in a folder that the program may write can be a link by the next session, and whoever grants it then grants
// what the program chose. So a link in there must not lead out of it.
function checkLinks(paths: readonly string[], written: readonly string[], { real }: PathFacts): void {
  for (const path of paths) {
    for (let at = path; at !== dirname(at); at = dirname(at)) {
      const around = written.filter((root) => !isBelow(root, at)).map((root) => real(root) ?? root);
      const inside = (one: string): boolean => around.some((root) => isBelow(one, root));
      const [folder, target] = [real(dirname(at)), real(at)];
      if (folder === undefined || target === undefined || !inside(folder) || inside(target)) continue;
      throw new PaddockError('refused', 'a link in a folder that the program may write leads out of it', {
        where: escapeText(at, 120),
        found: `a link to ${escapeText(target, 120)}`,
        expected: 'no link that an earlier session could have made',
        remedy: `if it is yours, name ${escapeText(target, 120)} instead; else remove it`,
      });
    }
  }
}

function checkHidden(path: string, hidden: readonly string[], paths: PathFacts): void {
  if (!isHidden(path, hidden, paths)) return;
  throw new PaddockError('refused', 'an argument names a file that the policy hides', {
    found: escapeText(path, 120),
    expected: 'nothing at or below what `files.hide` of the policy lists',
    remedy: 'name another file; `paddock policy show` tells which policy hides it',
  });
}

function expand(path: string, home: string): string {
  const full = path === '~' ? home : path.startsWith('~/') ? join(home, path.slice(2)) : path;
  if (!isAbsolute(full)) {
    throw new PaddockError('policy-invalid', 'a path of the policy is not absolute', {
      expected: 'a path that begins with / or ~/',
      found: escapeText(path, 120),
    });
  }
  const plain = normalize(full);
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain;
}
