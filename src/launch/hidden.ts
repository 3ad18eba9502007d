import { basename, dirname, join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { isBelow } from '../lib/paths.ts';
import { escapeText } from '../lib/text.ts';
import type { PathGrant } from './landlock.ts';
import { RIGHT_WRITE } from './operations.ts';
import type { PathFacts } from './paths.ts';

/** Grants without what is hidden, and what came of it for the user; one line each, escaped. */
export interface Uncovered {
  readonly grants: readonly PathGrant[];
  readonly warnings: readonly string[];
}

/**
 * Takes `files.hide` out of the grants. Landlock knows no exception below a folder, so that a granted folder around a
 * hidden path is replaced by its entries, except the one that leads to it, down to the hidden path. That path need not be there:
 * what is made later stays hidden, too. Links among the entries are left out; what they lead to was not granted by the
 * folder. The folder itself cannot be listed then, and nothing can be made in it.
 * @param hidden absolute paths, without `~`.
 * @throws PaddockError `refused` when a folder around a hidden path has more than 1,000 entries.
 */
export function uncover(
  grants: readonly PathGrant[],
  hidden: readonly string[],
  paths: PathFacts,
): Uncovered {
  const secrets = [...new Set(hidden.map((path) => resolved(path, paths)))];
  const all = [...new Set([...hidden, ...secrets])];
  const warnings: string[] = [];
  let left = [...grants];
  for (const secret of all) left = left.flatMap((grant) => without(grant, secret, paths, warnings));
  return { grants: left, warnings: [...new Set(warnings)] };
}

/** Whether a path is hidden, as it is named or by where it leads. */
export function isHidden(path: string, hidden: readonly string[], paths: PathFacts): boolean {
  const names = [path, resolved(path, paths)];
  return hidden.some((secret) =>
    [secret, resolved(secret, paths)].some((root) => names.some((name) => isBelow(name, root))),
  );
}

// As far as it exists; the rest cannot be a link.
function resolved(path: string, paths: PathFacts): string {
  const real = paths.real(path);
  if (real !== undefined || path === dirname(path)) return real ?? path;
  return join(resolved(dirname(path), paths), basename(path));
}

function without(grant: PathGrant, secret: string, paths: PathFacts, warnings: string[]): PathGrant[] {
  const root = resolved(grant.path, paths);
  if (isBelow(grant.path, secret) || isBelow(root, secret)) {
    warnings.push(`${escapeText(grant.path, 80)} is not granted: \`files.hide\` of the policy hides it`);
    return [];
  }
  if (!isBelow(secret, root)) return [grant];
  const can = (grant.rights & RIGHT_WRITE) === 0 ? 'listed' : 'listed, and nothing can be made in it';
  warnings.push(
    `${escapeText(grant.path, 80)} itself cannot be ${can}: \`files.hide\` of the policy hides part of it`,
  );
  return split(grant, root, secret, paths);
}

function split(grant: PathGrant, root: string, secret: string, paths: PathFacts): PathGrant[] {
  const parts = secret.slice(root === '/' ? 1 : root.length + 1).split('/');
  const out: PathGrant[] = [];
  let at = root;
  for (const part of parts) {
    const entries = paths.entries(at);
    if (entries.length > MAX_ENTRIES) throw tooMany(at, entries.length, secret);
    // Named as the grant was given, so that reports know both names.
    const shown = grant.path + at.slice(root === '/' ? 0 : root.length);
    for (const { name, link } of entries) {
      if (name !== part && !link) out.push({ ...grant, path: join(shown, name) });
    }
    const next = entries.find(({ name }) => name === part);
    if (next === undefined || next.link) break;
    at = join(at, part);
  }
  return out;
}

const MAX_ENTRIES = 1000;

function tooMany(folder: string, count: number, secret: string): PaddockError {
  return new PaddockError('refused', 'a granted folder has too many entries to hide one of them', {
    where: escapeText(folder, 120),
    expected: `at most ${MAX_ENTRIES} entries around ${escapeText(secret, 120)} (files.hide)`,
    found: `${count}`,
    remedy: 'grant the folders in there that the model needs, instead of this one',
  });
}
