import { formatBytes } from '../lib/units.ts';
import type { Origin, Policy } from './policy.ts';
import type { Rule } from './rules.ts';

/** A policy in which anything may be left out. */
export type PartialPolicy = {
  readonly [Part in keyof Policy]?: Policy[Part] extends readonly unknown[]
    ? Policy[Part]
    : Partial<Policy[Part]>;
};

/** One layer: what it says, and where it says it. */
export interface Layer {
  /** "default.yaml", "/etc/paddock/policy.yaml", "the command line". */
  readonly name: string;
  readonly values: PartialPolicy;
  /** Dotted path of a leaf → where it stands. Missing ones stand in `name`, without a line. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Lists are added to what is there (flags), or stand in its place (files). */
  readonly lists: 'add' | 'replace';
  /** In the order in which they stand. What they say is laid on `values` where their conditions hold. */
  readonly rules?: readonly Rule[];
  /** A preset that another rests on: nobody asked for its values one by one, so no wish of it is told as rejected. */
  readonly base?: true;
}

/** The leaves of a policy, in order. Lists and maps are leaves. */
export const LEAVES: readonly (readonly [part: keyof Policy, leaf: string])[] = [
  ['trust', 'tiers'],
  ['trust', 'refuse'],
  ['trust', 'loaders'],
  ['trust', 'unknownLoader'],
  ['trust', 'findings'],
  ['trust', 'require'],
  ['trust', 'match'],
  ['checks', ''],
  ['arguments', 'deny'],
  ['arguments', 'allow'],
  ['arguments', 'force'],
  ['arguments', 'bounds'],
  ['arguments', 'grantFiles'],
  ['environment', 'pass'],
  ['environment', 'set'],
  ['files', 'read'],
  ['files', 'write'],
  ['files', 'execute'],
  ['files', 'hide'],
  ['network', 'mode'],
  ['network', 'listen'],
  ['network', 'ports'],
  ['network', 'connect'],
  ['devices', 'gpu'],
  ['devices', 'cards'],
  ['engine', 'use'],
  ['limits', 'memoryBytes'],
  ['limits', 'swapBytes'],
  ['limits', 'processes'],
  ['limits', 'cpus'],
  ['limits', 'cpuWeight'],
  ['limits', 'openFiles'],
  ['limits', 'fileBytes'],
  ['limits', 'diskBytes'],
  ['limits', 'timeMs'],
  ['limits', 'idleMs'],
  ['limits', 'outputBytes'],
  ['limits', 'nice'],
  ['limits', 'ioWeight'],
  ['sessions', 'perUser'],
  ['sessions', 'perHost'],
  ['sessions', 'memoryPerUserBytes'],
  ['sessions', 'cpusPerUser'],
  ['isolation', 'namespaces'],
  ['isolation', 'copy'],
  ['phases', 'ready'],
  ['watch', 'exec'],
  ['watch', 'connect'],
  ['watch', 'write'],
  ['watch', 'read'],
  ['watch', 'syscall'],
  ['watch', 'sampleMs'],
  ['audit', 'sinks'],
  ['audit', 'onFailure'],
  ['retention', 'ageMs'],
  ['retention', 'bytes'],
  ['require', ''],
];

/** Dotted path of a leaf: "limits.memoryBytes", "require". */
export function leafPath(part: string, leaf: string): string {
  return leaf === '' ? part : `${part}.${leaf}`;
}

/** Leaves that policy files call otherwise, as values have units of their own there. */
export const FILE_NAMES: Readonly<Record<string, string>> = {
  'limits.memoryBytes': 'limits.memory',
  'limits.swapBytes': 'limits.swap',
  'limits.fileBytes': 'limits.fileSize',
  'limits.diskBytes': 'limits.disk',
  'limits.timeMs': 'limits.time',
  'limits.idleMs': 'limits.idle',
  'limits.outputBytes': 'limits.output',
  'sessions.memoryPerUserBytes': 'sessions.memoryPerUser',
  'watch.sampleMs': 'watch.sample',
  'retention.ageMs': 'retention.age',
  'retention.bytes': 'retention.size',
};

/** What a policy file calls a leaf: "limits.memory". */
export function nameInFile(path: string): string {
  return FILE_NAMES[path] ?? path;
}

/** A value as a policy file would write it, on one line. Lists and maps as YAML's flow style; not escaped. */
export function valueInFile(path: string, value: unknown): string {
  if (value === null) return ALL.has(path) ? 'all' : 'unlimited';
  if (typeof value === 'number' && isBytes(path)) return formatBytes(value).replace(' ', '');
  if (typeof value === 'number' && path.endsWith('Ms')) return durationInFile(value);
  return flow(value);
}

/** Leaves whose null stands for everything, not for the lack of a limit. */
const ALL: ReadonlySet<string> = new Set(['arguments.allow', 'devices.cards']);

const isBytes = (path: string): boolean => path.endsWith('Bytes') || path === 'retention.bytes';

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([key, item]) => `${key}: ${flow(item)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function durationInFile(ms: number): string {
  const [unit, length] = DURATIONS.find(([, one]) => ms % one === 0) ?? ['ms', 1];
  return `${ms / length}${unit}`;
}

const DURATIONS: readonly (readonly [string, number])[] = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
];

/** The value of a leaf, undefined where the layer says nothing. */
export function leafValue(policy: PartialPolicy, part: keyof Policy, leaf: string): unknown {
  const value = policy[part];
  if (leaf === '' || value === undefined) return value;
  return (value as Readonly<Record<string, unknown>>)[leaf];
}

/** Where a layer says something. */
export function originOf(layer: Layer, path: string): Origin {
  return layer.origins.get(path) ?? { layer: layer.name };
}
