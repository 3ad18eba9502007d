import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import type { Layer, PartialPolicy } from './layer.ts';
import { mergeLayers } from './merge.ts';
import { MAX_POLICY_BYTES, type ParseHost, parsePolicy } from './parse.ts';
import type { EffectivePolicy } from './policy.ts';
import { presetLayers } from './presets.ts';

export interface LoadInput {
  /** Chosen on the command line or in the user's preferences. */
  readonly preset?: string;
  /** Where the administrator's policy stands: `/etc/paddock`. */
  readonly systemDir?: string;
  /** Owner that the administrator's files must have: 0. */
  readonly systemUid?: number;
  /** The user's own; need not exist. */
  readonly userFile?: string;
  /** From `--policy`, in order; must exist. */
  readonly files: readonly string[];
  readonly flags: PartialPolicy;
  readonly home: string;
  readonly host: { readonly memoryBytes: number; readonly cpus: number };
}

const SYSTEM_DIR = '/etc/paddock';

/**
 * Reads all layers and merges them: preset, system, user, `--policy`, flags.
 * @throws PaddockError `policy-invalid` for a file that does not say what it must, or a system file that others than
 * root could have written; `not-found` and `unreadable` for files that were asked for.
 */
export function loadPolicy(input: LoadInput): EffectivePolicy {
  const host: ParseHost = { memoryBytes: input.host.memoryBytes, home: input.home };
  const system = systemLayers(input.systemDir ?? SYSTEM_DIR, input.systemUid ?? 0, host);
  const user = input.userFile === undefined ? undefined : readPolicy(input.userFile, false);
  const layers: Layer[] = [
    ...(system.length === 0 ? presetLayers('default', host) : system),
    ...(input.preset === undefined ? [] : presetLayers(input.preset, host)),
    ...(user === undefined || input.userFile === undefined ? [] : fileLayers(user, input.userFile, host)),
    ...input.files.flatMap((path) => fileLayers(readPolicy(path, true) ?? '', path, host)),
    { name: 'the command line', values: input.flags, origins: new Map(), lists: 'add' },
  ];
  return mergeLayers({ layers, ceiling: system.length });
}

function fileLayers(text: string, name: string, host: ParseHost): Layer[] {
  const { layer, extends: base } = parsePolicy(text, name, host);
  return base === undefined ? [layer] : [...presetLayers(base, host), layer];
}

// The administrator's files, with the preset that they rest on in front. Empty when there are none.
function systemLayers(folder: string, uid: number, host: ParseHost): Layer[] {
  const paths = systemFiles(folder);
  if (paths.length === 0) return [];
  checkOwner(folder, uid);
  const parts = join(folder, 'policy.d');
  if (paths.some((path) => path.startsWith(`${parts}/`))) checkOwner(parts, uid);
  const parsed = paths.map((path) => parsePolicy(readPolicy(path, true, uid) ?? '', path, host));
  const base = parsed.find((one) => one.extends !== undefined)?.extends ?? 'default';
  return [...presetLayers(base, host), ...parsed.map(({ layer }) => layer)];
}

function systemFiles(folder: string): string[] {
  const main = join(folder, 'policy.yaml');
  const parts = join(folder, 'policy.d');
  const found = exists(main) ? [main] : [];
  if (!exists(parts)) return found;
  const names = readdirSync(parts).filter((name) => /^[^.].*\.ya?ml$/.test(name));
  return [...found, ...names.sort().map((name) => join(parts, name))];
}

// A policy that cannot be looked at must not count as absent.
function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw new PaddockError('policy-invalid', 'the system’s policy cannot be looked at', {
      where: path,
      found: String(code),
      remedy: 'ask the administrator of this machine',
      cause,
    });
  }
}

// Through one descriptor: what was checked is what is read.
function readPolicy(path: string, required: boolean, owner?: number): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return undefined;
    throw new PaddockError(code === 'ENOENT' ? 'not-found' : 'unreadable', 'a policy file cannot be read', {
      where: path,
      found: String(code),
      cause,
    });
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > MAX_POLICY_BYTES) {
      throw new PaddockError('policy-invalid', 'a policy is a regular file of at most 256 KiB', {
        where: path,
        found: stats.isFile() ? `${stats.size} bytes` : 'something that is no regular file',
      });
    }
    if (owner !== undefined) refuseForeign(path, stats, owner);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function checkOwner(folder: string, uid: number): void {
  refuseForeign(folder, lstatSync(folder), uid);
}

const WRITABLE_BY_OTHERS = 0o022;

function refuseForeign(path: string, stats: { uid: number; mode: number }, uid: number): void {
  if (stats.uid === uid && (stats.mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new PaddockError('policy-invalid', 'the system’s policy could have been written by somebody else', {
    where: path,
    expected: `owner ${uid}, not writable by group or others`,
    found: `owner ${stats.uid}, mode ${(stats.mode & 0o7777).toString(8)}`,
    remedy: `chown root:root ${path} && chmod go-w ${path}`,
  });
}
