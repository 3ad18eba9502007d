import { normalize } from 'node:path';
import * as v from 'valibot';
import { LineCounter, parseDocument } from 'yaml';
import type { Severity } from '../integrity/verdict.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { FILE_NAMES, type Layer, type PartialPolicy } from './layer.ts';
import type { Grade, Origin } from './policy.ts';
import { keyOf, type Located, pairsOf, placeAt } from './positions.ts';
import { describeIssue, type Problem, problem, unknownKeys } from './problems.ts';
import { PolicyFile } from './schema.ts';

export interface ParsedPolicy {
  readonly layer: Layer;
  readonly extends?: PolicyFile['extends'];
}

export interface ParseHost {
  readonly memoryBytes: number;
  /** For `~` in paths. */
  readonly home: string;
}

/** A policy file is written by hand: a longer one is a mistake or an attack. */
export const MAX_POLICY_BYTES = 256 * 1024;

/**
 * One policy file. `name` is what messages call it.
 * @throws PaddockError `policy-invalid` with file, line, column, what was expected and the nearest valid key.
 */
export function parsePolicy(text: string, name: string, host: ParseHost): ParsedPolicy {
  const result = examinePolicy(text, name, host);
  if ('parsed' in result) return result.parsed;
  const [first, ...others] = result.problems;
  if (first === undefined || others.length === 0) throw first ?? new PaddockError('internal', 'no problem');
  const more = `${others.length} more ${others.length === 1 ? 'problem' : 'problems'}`;
  throw new PaddockError(
    'policy-invalid',
    `${first.message} (and ${more}: see \`paddock policy check\`)`,
    first.detail,
  );
}

/** The same, giving all problems in the order in which they stand in the file, at most `MAX_PROBLEMS`. */
export function examinePolicy(
  text: string,
  name: string,
  host: ParseHost,
): { readonly parsed: ParsedPolicy } | { readonly problems: readonly PaddockError[] } {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    const found = `more than ${MAX_POLICY_BYTES} bytes`;
    return {
      problems: [new PaddockError('policy-invalid', 'the policy is too long', { where: name, found })],
    };
  }
  const file = readYaml(text, name);
  if (file instanceof PaddockError) return { problems: [file] };
  const syntax = [...file.document.errors, ...file.document.warnings].map(({ message, pos }) =>
    problem(file, pos[0], 'the policy is not valid YAML', {
      found: escapeText(message.split('\n')[0] ?? ''),
    }),
  );
  if (syntax.length > 0) return { problems: inOrder(syntax) };
  const plain = toPlain(file);
  if (plain instanceof PaddockError) return { problems: [plain] };
  const keys = unknownKeys(file);
  const result = v.safeParse(PolicyFile, plain.value ?? {});
  const values = result.success ? [] : result.issues.map((issue) => describeIssue(file, issue));
  const problems = [...keys, ...values.filter((one) => one !== undefined)];
  if (problems.length > 0) return { problems: inOrder(problems) };
  if (!result.success)
    throw new PaddockError('internal', `${name} is refused by its schema without a reason`);
  const layer: Layer = {
    name,
    values: toPolicy(result.output, host),
    origins: origins(file),
    lists: 'replace',
  };
  return {
    parsed: { layer, ...(result.output.extends === undefined ? {} : { extends: result.output.extends }) },
  };
}

const MAX_PROBLEMS = 50;

// The schema may have several things to say about one value; one of them is enough.
function inOrder(problems: readonly Problem[]): PaddockError[] {
  const places = new Map(problems.map((one) => [`${one.offset} ${one.error.message}`, one]));
  const sorted = [...places.values()].sort((a, b) => a.offset - b.offset);
  return sorted.slice(0, MAX_PROBLEMS).map(({ error }) => error);
}

// Version and schema are fixed: a directive in the file must not make `no` a boolean, or `<<` a merge.
function readYaml(text: string, name: string): Located | PaddockError {
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
      schema: 'core',
      uniqueKeys: true,
      strict: true,
      merge: false,
    });
    return { name, text, document, lines };
  } catch (cause) {
    // The parser recurses; too deep nesting ends there.
    return tooDeep(name, cause);
  }
}

function tooDeep(name: string, cause: unknown): PaddockError {
  return new PaddockError('policy-invalid', 'the policy is nested too deeply', { where: name, cause });
}

const MAX_ALIASES = 20;

function toPlain({ document, name }: Located): { readonly value: unknown } | PaddockError {
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (cause) {
    // A ReferenceError tells of aliases; anything else is the stack, which deep nesting uses up.
    if (!(cause instanceof ReferenceError)) return tooDeep(name, cause);
    return new PaddockError('policy-invalid', 'the aliases of the policy cannot be followed', {
      where: name,
      expected: `aliases of anchors that are there, unfolding to at most ${MAX_ALIASES} values`,
      found: escapeText(cause.message.split('\n')[0] ?? ''),
      cause,
    });
  }
}

function toPolicy(file: PolicyFile, host: ParseHost): PartialPolicy {
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
  memory: NonNullable<PolicyFile['limits']>['memory'],
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

// Where each leaf stands: the key of a part, or a key in a part.
function origins(file: Located): Map<string, Origin> {
  const found = new Map<string, Origin>();
  const add = (path: string, offset: number): void => {
    found.set(path, { layer: file.name, ...placeAt(file, offset) });
  };
  for (const part of pairsOf(file, file.document.contents)) {
    const name = keyOf(part);
    if (name === undefined) continue;
    add(name.key, name.offset);
    for (const leaf of pairsOf(file, part.value)) {
      const key = keyOf(leaf);
      if (key !== undefined)
        add(LEAF_OF.get(`${name.key}.${key.key}`) ?? `${name.key}.${key.key}`, key.offset);
    }
  }
  return found;
}

const LEAF_OF = new Map(Object.entries(FILE_NAMES).map(([leaf, written]) => [written, leaf]));
