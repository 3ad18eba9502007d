import * as v from 'valibot';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Layer, PartialPolicy } from './layer.ts';
import { nearest } from './nearest.ts';
import type { Origin } from './policy.ts';
import { EXPECTED, PolicyFile } from './schema.ts';

export interface ParsedPolicy {
  readonly layer: Layer;
  readonly extends?: 'default' | 'strict' | 'audit';
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
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    throw invalid(`the policy is longer than ${MAX_POLICY_BYTES} bytes`, { where: name });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, strict: true, merge: false });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    throw invalid('the policy is not valid YAML', {
      where: place(name, lines, problem.pos[0]),
      found: escapeText(problem.message.split('\n')[0] ?? '', 200),
    });
  }
  let plain: unknown;
  try {
    plain = document.toJS({ maxAliasCount: 20 });
  } catch (cause) {
    throw invalid('the policy uses too many aliases', { where: name, cause });
  }
  const result = v.safeParse(PolicyFile, plain ?? {}, { abortEarly: false });
  if (!result.success) throw describeIssue(result.issues[0], document, lines, name, text);
  const layer: Layer = {
    name,
    values: toPolicy(result.output, host),
    origins: origins(document, lines, name),
    lists: 'replace',
  };
  return result.output.extends === undefined ? { layer } : { layer, extends: result.output.extends };
}

/** Names in files and in `Policy` differ where the file has units of its own. */
const RENAMED: Readonly<Record<string, string>> = {
  'limits.memory': 'limits.memoryBytes',
  'limits.fileSize': 'limits.fileBytes',
  'limits.time': 'limits.timeMs',
  'watch.sample': 'watch.sampleMs',
};

function toPolicy(file: PolicyFile, host: ParseHost): PartialPolicy {
  const { limits, watch, files } = file;
  const home = (path: string): string =>
    path === '~' || path.startsWith('~/') ? host.home + path.slice(1) : path;
  const values = {
    trust: file.trust,
    arguments: file.arguments,
    environment: file.environment,
    files: files && {
      read: files.read?.map(home),
      write: files.write?.map(home),
      execute: files.execute?.map(home),
    },
    network: file.network,
    limits: limits && {
      memoryBytes: memoryBytes(limits.memory, host),
      processes: limits.processes,
      cpus: limits.cpus,
      openFiles: limits.openFiles,
      fileBytes: limits.fileSize,
      timeMs: limits.time,
    },
    watch: watch && {
      exec: watch.exec,
      connect: watch.connect,
      write: watch.write,
      read: watch.read,
      syscall: watch.syscall,
      sampleMs: watch.sample,
    },
    require: file.require,
  };
  return withoutUndefined(values) as PartialPolicy;
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

// Where each leaf stands: the value of a part, or of a key of a part.
function origins(document: Document, lines: LineCounter, name: string): Map<string, Origin> {
  const found = new Map<string, Origin>();
  const root = document.contents;
  if (!isMap(root)) return found;
  for (const { key, value } of root.items) {
    const part = isScalar(key) ? String(key.value) : '';
    const range = isScalar(key) ? key.range : undefined;
    if (range) found.set(part, origin(lines, name, range[0]));
    if (!isMap(value)) continue;
    for (const item of value.items) {
      if (!isScalar(item.key) || !item.key.range) continue;
      const path = `${part}.${String(item.key.value)}`;
      found.set(RENAMED[path] ?? path, origin(lines, name, item.key.range[0]));
    }
  }
  return found;
}

function origin(lines: LineCounter, layer: string, offset: number): Origin {
  const { line, col } = lines.linePos(offset);
  return { layer, line, column: col };
}

type Issue = v.BaseIssue<unknown>;

function describeIssue(
  issue: Issue,
  document: Document,
  lines: LineCounter,
  name: string,
  text: string,
): PaddockError {
  const keys = issue.path?.map(({ key }) => key) ?? [];
  const path = keys.filter((key) => typeof key === 'string').join('.');
  const offset = offsetOf(document, keys, isUnknownKey(issue));
  const where = place(name, lines, offset);
  const excerpt = escapeText(text.split('\n')[lines.linePos(offset).line - 1]?.trim() ?? '', 80);
  if (isUnknownKey(issue)) {
    const known = knownKeys(keys.slice(0, -1));
    const near = nearest(String(keys.at(-1)), known);
    return invalid(`the policy has a key that does not exist: ${escapeText(path, 80)}`, {
      where,
      found: excerpt,
      expected: `one of ${known.join(', ')}`,
      remedy:
        near === undefined
          ? 'remove it, or see the comments in policies/default.yaml'
          : `did you mean \`${near}\`?`,
    });
  }
  const missing = issue.received === 'undefined';
  return invalid(
    missing
      ? `the policy lacks ${escapeText(path, 80)}`
      : `the policy says something impossible for ${escapeText(path, 80)}`,
    {
      where,
      found: missing ? 'nothing' : excerpt,
      expected: EXPECTED[path] ?? issue.message,
      remedy: 'see the comments in policies/default.yaml',
    },
  );
}

function isUnknownKey(issue: Issue): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

function knownKeys(path: readonly unknown[]): string[] {
  let schema: unknown = PolicyFile;
  for (const key of path) schema = unwrap(entriesOf(schema)[String(key)]);
  return Object.keys(entriesOf(schema));
}

function entriesOf(schema: unknown): Readonly<Record<string, unknown>> {
  return (schema as { entries?: Readonly<Record<string, unknown>> } | undefined)?.entries ?? {};
}

function unwrap(schema: unknown): unknown {
  return (schema as { wrapped?: unknown } | undefined)?.wrapped ?? schema;
}

// The key itself for one that should not be there, else the value, else the deepest part that is there.
function offsetOf(document: Document, keys: readonly unknown[], wantsKey: boolean): number {
  if (wantsKey) {
    const parent = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true);
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === keys.at(-1))
      : undefined;
    if (pair && isScalar(pair.key) && pair.key.range) return pair.key.range[0];
  }
  for (let depth = keys.length; depth > 0; depth--) {
    const node = document.getIn(keys.slice(0, depth), true);
    const range = (node as { range?: readonly number[] | null } | undefined)?.range;
    if (range) return range[0] ?? 0;
  }
  return 0;
}

function place(name: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${name}:${Math.max(1, line)}:${Math.max(1, col)}`;
}

function invalid(message: string, detail: ConstructorParameters<typeof PaddockError>[2]): PaddockError {
  return new PaddockError('policy-invalid', message, detail);
}
