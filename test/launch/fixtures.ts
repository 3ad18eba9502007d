import { basename, dirname } from 'node:path';
import type { ZipMember } from '../../src/format/anatomy.ts';
import type { DotArgsMember } from '../../src/integrity/dot-args.ts';
import type { PathFacts } from '../../src/launch/paths.ts';
import type { HostAbilities } from '../../src/launch/plan.ts';
import type { EffectivePolicy, Policy } from '../../src/policy/policy.ts';

/** A policy for tests; not the product's default. */
export const POLICY: Policy = {
  trust: {
    tiers: ['A', 'B', 'C'],
    refuse: ['tampered'],
    loaders: [],
    unknownLoader: 'refuse',
    findings: 'refuse',
    require: [],
    match: 'all',
  },
  checks: {},
  arguments: { deny: ['--rpc', '--tools'], allow: null, force: [], bounds: {}, grantFiles: true },
  environment: { pass: ['LANG', 'TERM'], set: {} },
  files: { read: [], write: [], execute: [], hide: [] },
  network: { mode: 'auto', listen: ['127.0.0.1', '::1'], ports: [1024, 65_535], connect: [] },
  devices: { gpu: 'none', cards: null },
  engine: { use: 'own' },
  limits: {
    memoryBytes: 1 << 30,
    swapBytes: null,
    processes: 64,
    cpus: null,
    cpuWeight: 100,
    openFiles: 256,
    fileBytes: 1 << 20,
    diskBytes: null,
    timeMs: null,
    idleMs: null,
    outputBytes: null,
    nice: 0,
    ioWeight: 100,
  },
  sessions: { perUser: null, perHost: null, memoryPerUserBytes: null, cpusPerUser: null },
  isolation: { namespaces: 'off', copy: 'auto' },
  phases: { ready: [] },
  watch: { exec: 'warn', connect: 'warn', write: 'warn', read: 'warn', syscall: 'warn', sampleMs: 500 },
  audit: { sinks: [], onFailure: 'continue' },
  retention: { ageMs: null, bytes: null },
  require: ['no-new-privileges', 'seccomp', 'seccomp-notify', 'landlock-files'],
};

type Changes = {
  readonly [Key in keyof Policy]?: Policy[Key] extends readonly unknown[]
    ? Policy[Key]
    : Partial<Policy[Key]>;
};

export function effective(changes: Changes = {}): EffectivePolicy {
  const policy = Object.fromEntries(
    Object.entries(POLICY).map(([key, value]) => {
      const change = changes[key as keyof Policy];
      if (change === undefined) return [key, value];
      return [key, Array.isArray(value) ? change : { ...value, ...change }];
    }),
  ) as unknown as Policy;
  const origins = new Map([['arguments.deny', { layer: '/etc/paddock/policy.yaml', line: 12 }]]);
  return {
    policy,
    origins,
    rejected: [],
    rules: [],
    hasCeiling: false,
    systemRequires: [],
    systemForce: [],
    systemMatch: 'all',
    digest: '0'.repeat(64),
  };
}

export const HOST: HostAbilities = {
  architecture: 'x86-64',
  kernel: '6.18.0',
  landlockAbi: 7,
  seccompFilter: true,
  seccompNotify: true,
  cgroup: {
    kind: 'v2',
    parents: { unified: '/sys/fs/cgroup/app.slice' },
    controllers: ['memory', 'pids', 'cpu', 'freezer'],
    killable: '/sys/fs/cgroup/app.slice',
  },
  userNamespaces: false,
  namespaces: { works: false },
  memoryBytes: 16 * 2 ** 30,
  cpus: 4,
  uid: 1000,
};

/** A file system of names: folders end in `/`. Links are `[from, to]`. */
export function fakePaths(names: readonly string[], links: Readonly<Record<string, string>> = {}): PathFacts {
  const files = new Set(names.filter((name) => !name.endsWith('/')));
  const folders = new Set(names.filter((name) => name.endsWith('/')).map((name) => name.slice(0, -1)));
  const target = (path: string): string => links[path] ?? path;
  return {
    kind: (path) => (files.has(target(path)) ? 'file' : folders.has(target(path)) ? 'directory' : 'missing'),
    real: (path) => (files.has(target(path)) || folders.has(target(path)) ? target(path) : undefined),
    entries: (path) => {
      const inside = [...files, ...folders, ...Object.keys(links)].filter(
        (name) => dirname(name) === path && name !== path,
      );
      return [...new Set(inside)].map((name) => ({ name: basename(name), link: name in links }));
    },
  };
}

/** A member `.args` with this content; where it lies does not matter here. */
export function dotArgsMember(bytes: Buffer): DotArgsMember {
  return { member: { name: '.args', contentOffset: 0 } as unknown as ZipMember, bytes };
}
