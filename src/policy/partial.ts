import { normalize } from 'node:path';
import type { Severity } from '../integrity/verdict.ts';
import type { Layer, PartialPolicy } from './layer.ts';
import type { Grade, Origin } from './policy.ts';
import type { PolicyFile, PolicyParts } from './schema.ts';

export interface ParseHost {
  readonly memoryBytes: number;
  /** For `~` in paths. */
  readonly home: string;
}

/** A policy file that was read and checked, before any machine comes into it. */
export interface WrittenPolicy {
  /** What messages call it. */
  readonly name: string;
  readonly written: PolicyFile;
  readonly origins: ReadonlyMap<string, Origin>;
}

/** The layer that a policy file is on this machine; without its rules. */
export function layerOf({ name, written, origins }: WrittenPolicy, host: ParseHost): Layer {
  return { name, values: toPolicy(written, host), origins, lists: 'replace' };
}

/** What a policy file, or the `then` of a rule, comes to on this machine. */
export function toPolicy(file: PolicyParts, host: ParseHost): PartialPolicy {
  const { limits, sessions, watch, files, retention } = file;
  const plain = (path: string): string => plainPath(path, host.home);
  const values = {
    trust: file.trust,
    checks: file.checks && mapValues(file.checks, gradeOf),
    arguments: file.arguments,
    environment: file.environment,
    files: files && {
      read: files.read?.map(plain),
      write: files.write?.map(plain),
      execute: files.execute?.map(plain),
      hide: files.hide?.map(plain),
    },
    network: file.network,
    devices: file.devices,
    engine: file.engine,
    limits: limits && {
      memoryBytes: memoryBytes(limits.memory, host),
      swapBytes: limits.swap,
      processes: limits.processes,
      cpus: limits.cpus,
      cpuWeight: limits.cpuWeight,
      openFiles: limits.openFiles,
      fileBytes: limits.fileSize,
      diskBytes: limits.disk,
      timeMs: limits.time,
      idleMs: limits.idle,
      outputBytes: limits.output,
      nice: limits.nice,
      ioWeight: limits.ioWeight,
    },
    sessions: sessions && {
      perUser: sessions.perUser,
      perHost: sessions.perHost,
      memoryPerUserBytes: memoryBytes(sessions.memoryPerUser, host),
      cpusPerUser: sessions.cpusPerUser,
    },
    isolation: file.isolation,
    phases: file.phases,
    watch: watch && {
      exec: watch.exec,
      connect: watch.connect,
      write: watch.write,
      read: watch.read,
      syscall: watch.syscall,
      sampleMs: watch.sample,
    },
    audit: file.audit,
    retention: retention && { ageMs: retention.age, bytes: retention.size },
    require: file.require,
  };
  return withoutUndefined(values) as PartialPolicy;
}

function gradeOf(grade: Severity | Grade): Grade {
  return typeof grade === 'string' ? { severity: grade } : grade;
}

function mapValues<In, Out>(record: Readonly<Record<string, In | undefined>>, map: (value: In) => Out) {
  return Object.fromEntries(
    Object.entries(record).flatMap(([key, value]) => (value === undefined ? [] : [[key, map(value)]])),
  );
}

// Without `~`, `..` and slashes that say nothing: what layers are compared by is what is shown and granted.
function plainPath(path: string, home: string): string {
  const normal = normalize(path.startsWith('~') ? home + path.slice(1) : path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

function memoryBytes(
  memory: NonNullable<PolicyParts['limits']>['memory'],
  host: ParseHost,
): number | null | undefined {
  if (typeof memory !== 'object' || memory === null) return memory;
  return Math.floor((host.memoryBytes * memory.percent) / 100);
}

function withoutUndefined(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, withoutUndefined(item)]),
  );
}
