import { dirname } from 'node:path';
import type { ZipMember } from '../../format/anatomy.ts';
import { prepareArguments } from '../../launch/arguments.ts';
import type { PathFacts } from '../../launch/paths.ts';
import { PaddockError } from '../../lib/errors.ts';
import type { PolicyCase } from '../../policy/cases.ts';
import { decide } from '../../policy/decide.ts';
import type { PolicyFiles } from '../../policy/files.ts';
import { LEAVES, leafPath, leafValue, nameInFile, valueInFile } from '../../policy/layer.ts';
import { loadPolicy, resolvePolicy } from '../../policy/load.ts';
import type { EffectivePolicy } from '../../policy/policy.ts';

/** The policy that a table is about. */
export interface TestedPolicy {
  readonly text: string;
  /** What messages call it. */
  readonly name: string;
  readonly as: 'system' | 'user';
}

/** What is otherwise than a case expects; empty when all is as it should be. */
export async function tryCase(tested: TestedPolicy, one: PolicyCase): Promise<string[]> {
  const { given, expect } = one;
  const effective = await effectiveFor(tested, one);
  const reasons = [...decisionReasons(effective, one), ...argumentReasons(effective, given)];
  const outcome = reasons.length === 0 ? 'allow' : 'refuse';
  const by = reasons.join(', ') || 'nothing';
  return [
    ...(outcome === expect.outcome
      ? []
      : [`expected ${expect.outcome}, found ${outcome}${outcome === 'refuse' ? ` by ${by}` : ''}`]),
    ...expect.by
      .filter((id) => !reasons.includes(id))
      .map((id) => `expected ${id} among the reasons, found ${by}`),
    ...differences('rules that hold', expect.rules, heldRules(effective)),
    ...differences(
      'rejected',
      expect.rejected,
      effective.rejected.map(({ path }) => path),
    ),
    ...Object.entries(expect.values).flatMap(([path, value]) => wrongValue(effective, path, value)),
  ];
}

/** The same on every machine: 16 GiB of memory, 8 CPUs, a home of its own, no policy of the machine. */
const HOST = { memoryBytes: 2 ** 34, cpus: 8 };
const HOME = '/home/user';
const SYSTEM = '/etc/paddock';

async function effectiveFor(tested: TestedPolicy, { given }: PolicyCase): Promise<EffectivePolicy> {
  const isSystem = tested.as === 'system';
  const texts = new Map<string, string>([
    [isSystem ? `${SYSTEM}/policy.yaml` : tested.name, tested.text],
    ...(given.user === undefined ? [] : [[USER, given.user] as const]),
  ]);
  const files = isSystem ? (given.user === undefined ? [] : [USER]) : [tested.name];
  const loaded = await loadPolicy({
    files,
    flags: {},
    home: HOME,
    host: HOST,
    systemDir: SYSTEM,
    reader: readerOf(texts),
  });
  return resolvePolicy(loaded, given.facts ?? { values: {}, signers: [] });
}

const USER = 'the user’s policy of the case';
const ROOT_OWNED = { uid: 0, mode: 0o755 } as const;

function readerOf(texts: ReadonlyMap<string, string>): PolicyFiles {
  return {
    read(path) {
      const text = texts.get(path);
      return text === undefined ? undefined : { text, uid: 0, mode: 0o644 };
    },
    list(path) {
      const names = [...texts.keys()]
        .filter((one) => dirname(one) === path)
        .map((one) => one.slice(path.length + 1));
      return names.length === 0 ? undefined : { names, ...ROOT_OWNED };
    },
    real: () => undefined,
  };
}

function decisionReasons(effective: EffectivePolicy, { given }: PolicyCase): string[] {
  const decision = decide({ effective, verdict: given.verdict });
  return decision.outcome === 'refuse' ? decision.reasons.map(({ id }) => id) : [];
}

/** No file is there: arguments that name one are left as they are. */
const NO_FILES: PathFacts = { kind: () => 'missing', real: () => undefined, entries: () => [] };

function argumentReasons(effective: EffectivePolicy, given: PolicyCase['given']): string[] {
  try {
    prepareArguments({
      args: given.args,
      cwd: HOME,
      members: new Set(),
      hasModel: true,
      effective,
      paths: NO_FILES,
      ...(given.verdict.version === undefined ? {} : { version: given.verdict.version }),
      ...(given.dotArgs === undefined
        ? {}
        : { dotArgs: [{ member: DOT_ARGS, bytes: Buffer.from(given.dotArgs) }] }),
    });
    return [];
  } catch (cause) {
    if (!(cause instanceof PaddockError)) throw cause;
    return [cause.detail.rule ?? cause.detail.check ?? cause.code];
  }
}

const DOT_ARGS = { name: '.args', contentOffset: 0 } as unknown as ZipMember;

function heldRules({ rules }: EffectivePolicy): string[] {
  return rules.filter(({ state }) => state === 'held').map(({ name }) => name);
}

function differences(
  what: string,
  expected: readonly string[] | undefined,
  found: readonly string[],
): string[] {
  if (expected === undefined) return [];
  const list = (names: readonly string[]): string => [...names].sort().join(', ') || 'none';
  return list(expected) === list(found) ? [] : [`expected ${what}: ${list(expected)}; found ${list(found)}`];
}

function wrongValue({ policy }: EffectivePolicy, path: string, expected: string): string[] {
  const leaf = LEAVES.find(([part, name]) => nameInFile(leafPath(part, name)) === path);
  if (leaf === undefined) return [`there is no value ${path}`];
  const found = valueInFile(leafPath(...leaf), leafValue(policy, ...leaf));
  return found === expected ? [] : [`expected ${path}: ${expected}; found ${found}`];
}
