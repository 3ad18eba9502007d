import fc from 'fast-check';
import type { Layer, PartialPolicy } from '../../src/policy/layer.ts';
import { PRESETS } from '../../src/policy/preset-names.ts';
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
const grade = fc.record({
  severity: fc.constantFrom('info', 'warn', 'deny'),
  reason: fc.constant('as agreed'),
});
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
    match: fc.constantFrom('all', 'any'),
  }),
  checks: part({
    'ZIP-052': grade, // info by the catalogue
    'RUN-000': grade, // warn
    'ZIP-001': grade, // deny
  }),
  arguments: part({
    deny: some('--rpc', '--tools', '-x'),
    allow: fc.oneof(fc.constant(null), some('--temp', '--gpu', '-x')),
    force: fc.array(fc.constantFrom('--gpu', 'disable', '--host', '127.0.0.1'), { maxLength: 4 }),
    bounds: fc.dictionary(
      fc.constantFrom('--temp', '-c', 'toString'),
      part({ min: fc.integer({ min: -9, max: 9 }), max: fc.integer({ min: -9, max: 9 }) }),
    ),
    grantFiles: fc.boolean(),
  }),
  environment: part({
    pass: some('LANG', 'TERM', 'constructor', 'SECRET'),
    set: fc.dictionary(fc.constantFrom('LANG', 'X', 'toString'), fc.constantFrom('1', '2')),
  }),
  files: part({ read: some(...PATHS), write: some(...PATHS), execute: some(...PATHS), hide: some(...PATHS) }),
  network: part({
    mode: fc.constantFrom('auto', 'none', 'serve'),
    listen: some('127.0.0.1', '::1', '0.0.0.0'),
    ports: fc
      .tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }))
      .map(([a, b]) => [Math.min(a, b), Math.max(a, b)]),
    connect: some('10.0.0.5:443', '[::1]:8080'),
  }),
  devices: part({
    gpu: fc.constantFrom('none', 'auto', 'nvidia', 'amd'),
    cards: fc.oneof(fc.constant(null), some(0, 1, 2)),
  }),
  engine: part({ use: fc.constantFrom('own', 'trusted') }),
  limits: part({
    memoryBytes: limit,
    processes: number,
    cpus: limit,
    openFiles: number,
    fileBytes: number,
    timeMs: limit,
    swapBytes: limit,
    cpuWeight: number,
    diskBytes: limit,
    idleMs: limit,
    outputBytes: limit,
    nice: fc.integer({ min: 0, max: 19 }),
    ioWeight: number,
  }),
  sessions: part({ perUser: limit, perHost: limit, memoryPerUserBytes: limit, cpusPerUser: limit }),
  isolation: part({
    namespaces: fc.constantFrom('off', 'auto', 'require'),
    copy: fc.constantFrom('auto', 'always'),
  }),
  phases: part({ ready: some('exec', 'write', 'listen', 'map') }),
  watch: part({
    exec: action,
    connect: action,
    write: action,
    read: action,
    syscall: action,
    sampleMs: number,
  }),
  audit: part({ sinks: some('syslog', 'journal'), onFailure: fc.constantFrom('stop', 'continue') }),
  retention: part({ ageMs: limit, bytes: limit }),
  require: some('no-new-privileges', 'seccomp', 'landlock-files', 'limits-session'),
}) as fc.Arbitrary<PartialPolicy>;

export function layer(name: string, values: PartialPolicy, lists: Layer['lists'] = 'replace'): Layer {
  return { name, values, origins: new Map(), lists };
}

/** A layer of any kind: a file, flags, or a preset with what it rests on. */
export const anyLayers = fc.oneof(
  partialPolicy.map((values) => [layer('a file', values)]),
  partialPolicy.map((values) => [layer('flags', values, 'add')]),
  fc.constantFrom(...PRESETS).map((name) => presetLayers(name, PARSE_HOST)),
);
