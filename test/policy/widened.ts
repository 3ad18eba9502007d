import { normalize } from 'node:path';
import { CATALOGUE, type CheckId } from '../../src/integrity/catalogue.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { PATHS } from './arbitrary.ts';

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Paths of what `policy` permits and `ceiling` does not; written apart from the product's rules. */
export function widened(ceiling: Policy, policy: Policy): string[] {
  const subset = (a: readonly unknown[], b: readonly unknown[]): boolean =>
    a.every((item) => b.includes(item));
  const atMost = (a: number | null, b: number | null): boolean => (a ?? Infinity) <= (b ?? Infinity);
  const reaches = (roots: readonly string[], path: string): boolean =>
    roots
      .map((root) => `${normalize(root)}/`.replace(/\/+$/, '/'))
      .some((root) => `${normalize(path)}/`.startsWith(root));
  const covers = (a: readonly string[], b: readonly string[]): boolean =>
    [...PATHS, '/a/b/x', '/c/d/e/f', '/z'].every((path) => !reaches(a, path) || reaches(b, path));
  const rank = { record: 0, warn: 1, kill: 2 };
  const modes = { serve: 0, auto: 1, none: 2 };
  const kept = ceiling.arguments.force;
  const grade = { info: 0, warn: 1, deny: 2 };
  const severity = ({ checks }: Policy, id: CheckId) => checks[id]?.severity ?? CATALOGUE[id].severity;
  const ofAll = <T>(a: readonly T[] | null, b: readonly T[] | null): boolean =>
    b === null || (a !== null && subset(a, b));
  const fits = (bounds: Policy['arguments']['bounds'], flag: string, value: number): boolean =>
    !Object.hasOwn(bounds, flag) ||
    (value >= (bounds[flag]?.min ?? -Infinity) && value <= (bounds[flag]?.max ?? Infinity));
  const kinds = { none: [], nvidia: ['nvidia'], amd: ['amd'], auto: ['nvidia', 'amd'] };
  const spaces = { off: 0, auto: 1, require: 2 };
  const bounded = <Part extends 'limits' | 'sessions'>(part: Part, names: readonly (keyof Policy[Part])[]) =>
    Object.fromEntries(
      names.map((name) => [
        name,
        atMost(policy[part][name] as number | null, ceiling[part][name] as number | null),
      ]),
    );
  const checks: Record<string, boolean> = {
    tiers: subset(policy.trust.tiers, ceiling.trust.tiers),
    refuse: subset(ceiling.trust.refuse, policy.trust.refuse),
    loaders: subset(policy.trust.loaders, ceiling.trust.loaders),
    unknownLoader: ceiling.trust.unknownLoader === 'warn' || policy.trust.unknownLoader === 'refuse',
    findings: ceiling.trust.findings === 'record' || policy.trust.findings === 'refuse',
    trustRequire: subset(ceiling.trust.require, policy.trust.require),
    match: ceiling.trust.match === 'any' || policy.trust.match === 'all',
    checks: (['ZIP-052', 'RUN-000', 'ZIP-001'] as const).every(
      (id) => grade[severity(policy, id)] >= grade[severity(ceiling, id)],
    ),
    deny: subset(ceiling.arguments.deny, policy.arguments.deny),
    allow: ofAll(policy.arguments.allow, ceiling.arguments.allow),
    bounds: ['--temp', '-c', 'toString'].every((flag) =>
      range(-12, 12).every(
        (value) => !fits(policy.arguments.bounds, flag, value) || fits(ceiling.arguments.bounds, flag, value),
      ),
    ),
    force: JSON.stringify(policy.arguments.force.slice(-kept.length || Infinity)) === JSON.stringify(kept),
    grantFiles: ceiling.arguments.grantFiles || !policy.arguments.grantFiles,
    pass: subset(policy.environment.pass, ceiling.environment.pass),
    set: JSON.stringify(policy.environment.set) === JSON.stringify(ceiling.environment.set),
    read: covers(policy.files.read, ceiling.files.read),
    write: covers(policy.files.write, ceiling.files.write),
    execute: covers(policy.files.execute, ceiling.files.execute),
    hide: covers(ceiling.files.hide, policy.files.hide),
    connect: subset(policy.network.connect, ceiling.network.connect),
    gpu: subset(kinds[policy.devices.gpu], kinds[ceiling.devices.gpu]),
    cards: ofAll(policy.devices.cards, ceiling.devices.cards),
    engine: ceiling.engine.use === 'own' || policy.engine.use === 'trusted',
    namespaces: spaces[policy.isolation.namespaces] >= spaces[ceiling.isolation.namespaces],
    copy: ceiling.isolation.copy === 'auto' || policy.isolation.copy === 'always',
    phases: subset(ceiling.phases.ready, policy.phases.ready),
    sinks: subset(ceiling.audit.sinks, policy.audit.sinks),
    onFailure: ceiling.audit.onFailure === 'continue' || policy.audit.onFailure === 'stop',
    age: atMost(ceiling.retention.ageMs, policy.retention.ageMs),
    size: atMost(ceiling.retention.bytes, policy.retention.bytes),
    nice: policy.limits.nice >= ceiling.limits.nice,
    mode: modes[policy.network.mode] >= modes[ceiling.network.mode],
    listen: subset(policy.network.listen, ceiling.network.listen),
    ports:
      policy.network.ports[0] >= ceiling.network.ports[0] &&
      policy.network.ports[1] <= ceiling.network.ports[1],
    ...bounded('limits', [
      'memoryBytes',
      'swapBytes',
      'processes',
      'cpus',
      'cpuWeight',
      'openFiles',
      'fileBytes',
      'diskBytes',
      'timeMs',
      'idleMs',
      'outputBytes',
      'ioWeight',
    ]),
    ...bounded('sessions', ['perUser', 'perHost', 'memoryPerUserBytes', 'cpusPerUser']),
    sample: atMost(policy.watch.sampleMs, ceiling.watch.sampleMs),
    require: subset(ceiling.require, policy.require),
    ...Object.fromEntries(
      (['exec', 'connect', 'write', 'read', 'syscall'] as const).map((kind) => [
        kind,
        rank[policy.watch[kind]] >= rank[ceiling.watch[kind]],
      ]),
    ),
  };
  return Object.keys(checks).filter((name) => checks[name] !== true);
}
