import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import type { Environment } from '../lib/paths.ts';
import { escapeText } from '../lib/text.ts';
import type { PartialPolicy } from '../policy/layer.ts';
import type { Gpu, NetworkMode, Policy } from '../policy/policy.ts';

/** The options of `run` that are a layer of the policy: the last one. */
export interface RunFlags {
  readonly memory?: number;
  readonly cpus?: number;
  readonly processes?: number;
  readonly time?: number;
  readonly swap?: number;
  readonly cpuWeight?: number;
  readonly openFiles?: number;
  readonly fileSize?: number;
  readonly disk?: number;
  readonly idle?: number;
  readonly outputLimit?: number;
  readonly nice?: number;
  readonly ioWeight?: number;
  readonly read?: readonly string[];
  readonly write?: readonly string[];
  readonly exec?: readonly string[];
  readonly env?: readonly string[];
  readonly network?: NetworkMode;
  /** A private copy is judged and run, wherever the file is. */
  readonly privateCopy?: boolean;
  /** Whose code runs: the file's own, or that of the known engine of its release. */
  readonly engine?: Policy['engine']['use'];
  readonly gpu?: Gpu;
  readonly card?: readonly number[];
  readonly namespaces?: Policy['isolation']['namespaces'];
}

/** The flags as a layer. Relative paths are the caller's. */
export function flagLayer(flags: RunFlags, cwd: string, env: Environment): PartialPolicy {
  const limits = Object.fromEntries(
    LIMITS.flatMap(([flag, leaf]) => (flags[flag] === undefined ? [] : [[leaf, flags[flag]]])),
  );
  return {
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...files(flags, cwd),
    ...environment(flags.env ?? [], env),
    ...(flags.network === undefined ? {} : { network: { mode: flags.network } }),
    ...isolation(flags),
    ...(flags.engine === undefined ? {} : { engine: { use: flags.engine } }),
    ...devices(flags),
  };
}

/** Flags of limits, and their leaves. */
const LIMITS = [
  ['memory', 'memoryBytes'],
  ['swap', 'swapBytes'],
  ['cpus', 'cpus'],
  ['cpuWeight', 'cpuWeight'],
  ['processes', 'processes'],
  ['openFiles', 'openFiles'],
  ['fileSize', 'fileBytes'],
  ['disk', 'diskBytes'],
  ['time', 'timeMs'],
  ['idle', 'idleMs'],
  ['outputLimit', 'outputBytes'],
  ['nice', 'nice'],
  ['ioWeight', 'ioWeight'],
] as const satisfies readonly (readonly [keyof RunFlags, keyof Policy['limits']])[];

/** What was asked for and comes to nothing, a line each: a path that is misspelt, a variable that is not set. */
export function withoutEffect({ read, write, exec, env }: RunFlags, cwd: string, all: Environment): string[] {
  const paths = Object.entries({ read, write, exec }).flatMap(([option, given = []]) =>
    given
      .filter((path) => !existsSync(resolve(cwd, path)))
      .map(
        (path) => `--${option} ${escapeText(path, 200)}: there is no such file or folder, nothing is granted`,
      ),
  );
  const names = (env ?? [])
    .filter((entry) => !entry.includes('=') && all[entry] === undefined)
    .map((entry) => `--env ${escapeText(entry, 200)}: the variable is not set, nothing is passed on`);
  return [...paths, ...names];
}

function devices({ gpu, card }: RunFlags): PartialPolicy {
  if (gpu === undefined && card === undefined) return {};
  return {
    devices: { ...(gpu === undefined ? {} : { gpu }), ...(card === undefined ? {} : { cards: card }) },
  };
}

function files({ read = [], write = [], exec = [] }: RunFlags, cwd: string): PartialPolicy {
  if (read.length + write.length + exec.length === 0) return {};
  const absolute = (paths: readonly string[]): string[] =>
    paths.map((path) => (isAbsolute(path) ? path : resolve(cwd, path)));
  return { files: { read: absolute(read), write: absolute(write), execute: absolute(exec) } };
}

function environment(entries: readonly string[], env: Environment): PartialPolicy {
  if (entries.length === 0) return {};
  const pass: string[] = [];
  const set: Record<string, string> = {};
  for (const entry of entries) {
    const [, name, value] = /^([A-Za-z_]\w*)(?:=([\s\S]*))?$/.exec(entry) ?? [];
    if (name === undefined) {
      throw new PaddockError('usage', '--env names a variable', {
        expected: 'NAME or NAME=VALUE',
        found: JSON.stringify(entry),
      });
    }
    if (value !== undefined) set[name] = value;
    else if (env[name] !== undefined) pass.push(name);
  }
  return { environment: { pass, set } };
}

function isolation({ privateCopy, namespaces }: RunFlags): PartialPolicy {
  if (privateCopy !== true && namespaces === undefined) return {};
  return {
    isolation: {
      ...(privateCopy === true ? { copy: 'always' } : {}),
      ...(namespaces === undefined ? {} : { namespaces }),
    },
  };
}
