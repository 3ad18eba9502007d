import fc from 'fast-check';
import type { Layer, PartialPolicy } from '../../src/policy/layer.ts';
import { presetLayers } from '../../src/policy/presets.ts';

export const HOST = { memoryBytes: 16 * 2 ** 30, cpus: 4 };
export const HOME = '/home/ada';
export const PARSE_HOST = { memoryBytes: HOST.memoryBytes, home: HOME };

/** Few names, so that layers meet. */
export const PATHS = ['/', '/a', '/a/', '/a/b', '/a/../c', '/ab', '/c', '/c/d', '/c/./d/e'];
const action = fc.constantFrom('record', 'warn', 'kill');
const some = <T>(...items: T[]): fc.Arbitrary<T[]> => fc.uniqueArray(fc.constantFrom(...items));
const number = fc.integer({ min: 1, max: 5000 });
const limit = fc.oneof(fc.constant(null), number);
const part = <T extends object>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record(model, { requiredKeys: [] });

/** Any part of a policy. */
export const partialPolicy = part({
  trust: part({
    tiers: some('A', 'B', 'C'),
    refuse: some('release', 'unknown', 'tampered'),
    loaders: some('0'.repeat(64), '1'.repeat(64)),
    unknownLoader: fc.constantFrom('refuse', 'warn'),
    findings: fc.constantFrom('refuse', 'record'),
    require: some('signature', 'approval'),
  }),
  checks: part({
    'ZIP-052': fc.constantFrom('warn', 'deny'),
    'RUN-000': fc.constantFrom('warn', 'deny'),
  }),
  arguments: part({
    deny: some('--rpc', '--tools', '-x'),
    append: fc.array(fc.constantFrom('--gpu', 'disable', '--host', '127.0.0.1'), { maxLength: 4 }),
    grantFiles: fc.boolean(),
  }),
  environment: part({
    pass: some('LANG', 'TERM', 'constructor', 'SECRET'),
    set: fc.dictionary(fc.constantFrom('LANG', 'X', 'toString'), fc.constantFrom('1', '2')),
  }),
  files: part({ read: some(...PATHS), write: some(...PATHS), execute: some(...PATHS) }),
  network: part({
    mode: fc.constantFrom('auto', 'none', 'serve'),
    listen: some('127.0.0.1', '::1', '0.0.0.0'),
    ports: fc
      .tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)]),
  }),
  limits: part({
    memoryBytes: limit,
    processes: number,
    cpus: limit,
    openFiles: number,
    fileBytes: number,
    timeMs: limit,
  }),
  watch: part({
    exec: action,
    connect: action,
    write: action,
    read: action,
    syscall: action,
    sampleMs: number,
  }),
  require: some('no-new-privileges', 'seccomp', 'landlock-files', 'limits-session'),
}) as fc.Arbitrary<PartialPolicy>;

export function layer(name: string, values: PartialPolicy, lists: Layer['lists'] = 'replace'): Layer {
  return { name, values, origins: new Map(), lists };
}

/** A layer of any kind: a file, flags, or a preset with what it rests on. */
export const anyLayers = fc.oneof(
  partialPolicy.map((values) => [layer('a file', values)]),
  partialPolicy.map((values) => [layer('flags', values, 'add')]),
  fc.constantFrom('default', 'strict', 'audit').map((name) => presetLayers(name, PARSE_HOST)),
);
