import { dirname, isAbsolute } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { type Conditions, compileRules, mentioned } from './compile.ts';
import type { Facts, VariableName } from './conditions/variables.ts';
import { MACHINE_FILES, type PolicyFiles, type PolicyText } from './files.ts';
import type { Layer, PartialPolicy } from './layer.ts';
import { mergeLayers } from './merge.ts';
import type { ParsedPolicy } from './parse.ts';
import { parseLate } from './parse-late.ts';
import type { ParseHost } from './partial.ts';
import type { EffectivePolicy } from './policy.ts';
import { presetLayers } from './presets.ts';
import type { Rule } from './rules.ts';
import { readSystem } from './system.ts';

export interface LoadInput {
  /** Chosen on the command line: it lies below all files of the user, whatever they extend. */
  readonly preset?: string;
  /** The user's preference, for when neither the command line nor a file names a preset. */
  readonly preferredPreset?: string;
  /** Where the administrator's policy stands: `/etc/paddock`. */
  readonly systemDir?: string;
  /** The user's own; need not exist. */
  readonly userFile?: string;
  /** From `--policy`, in order; must exist. */
  readonly files: readonly string[];
  readonly flags: PartialPolicy;
  /** Absolute; for `~` in paths. */
  readonly home: string;
  /** To whom `userFile` must belong. */
  readonly uid?: number;
  readonly host: { readonly memoryBytes: number; readonly cpus: number };
  /** Reads files; the machine's own unless a test gives others. */
  readonly reader?: PolicyFiles;
}

/** All layers, read and checked. What is in force depends on the file, its start, the user and the moment. */
export interface LoadedPolicy {
  readonly layers: readonly Layer[];
  /** As `mergeLayers` takes it. */
  readonly ceiling: number;
  readonly conditions: Conditions;
  /** What must be known for `resolvePolicy`: the variables that conditions mention. */
  readonly needs: ReadonlySet<VariableName>;
}

const SYSTEM_DIR = '/etc/paddock';

/**
 * Reads all layers: preset, system, user, `--policy`, flags.
 * @throws PaddockError `policy-invalid` for a file that does not say what it must, a condition that is none, or a system file that others than
 * root could have written; `io` for a file that cannot be read.
 */
export async function loadPolicy(input: LoadInput): Promise<LoadedPolicy> {
  const reader = input.reader ?? MACHINE_FILES;
  const host: ParseHost = { memoryBytes: input.host.memoryBytes, home: input.home };
  const system = await readSystem(reader, input.systemDir ?? SYSTEM_DIR, host);
  const user = await userPolicy(reader, input, host);
  const files: ParsedPolicy[] = [];
  for (const path of input.files) files.push(await parseLate(readNamed(reader, path), path, host));
  const own = user === undefined ? files : [user, ...files];
  const preset = chosenPreset(input, own);
  const layers: Layer[] = [
    ...(system.length === 0 && preset === undefined ? presetLayers('default', host) : system),
    ...(preset === undefined ? [] : presetLayers(preset, host)),
    ...own.map(({ layer }) => layer),
    { name: 'the command line', values: input.flags, origins: new Map(), lists: 'add' },
  ];
  // A link below a granted folder must not lead out of it.
  const real = system.length === 0 ? layers : layers.map((layer) => withRealPaths(layer, reader));
  const conditions = await compileRules(real);
  return { layers: real, ceiling: system.length, conditions, needs: mentioned(conditions) };
}

/**
 * The policy for one start: the layers with those of their rules that hold, merged. Pure. Without facts, what holds
 * whatever the rules say; rules have failed then, and `decide` refuses.
 */
export function resolvePolicy({ layers, ceiling, conditions }: LoadedPolicy, facts?: Facts): EffectivePolicy {
  return mergeLayers({ layers, ceiling, conditions, ...(facts === undefined ? {} : { facts }) });
}

/** One preset lies below all files of the user: the last one that is named. */
function chosenPreset(input: LoadInput, own: readonly ParsedPolicy[]): string | undefined {
  return input.preset ?? own.findLast((one) => one.extends !== undefined)?.extends ?? input.preferredPreset;
}

async function userPolicy(
  reader: PolicyFiles,
  { userFile: path, uid }: LoadInput,
  host: ParseHost,
): Promise<ParsedPolicy | undefined> {
  if (path === undefined) return undefined;
  const found = reader.read(path);
  if (found === undefined) return undefined;
  checkOwn(path, found, uid);
  const folder = reader.list(dirname(path));
  if (folder !== undefined) checkOwn(dirname(path), folder, uid);
  return parseLate(found.text, path, host);
}

/** The text of a file that was asked for. @throws PaddockError `io` when it is not there or cannot be read. */
export function readNamed(reader: PolicyFiles, path: string): string {
  const found = reader.read(path);
  if (found !== undefined) return found.text;
  throw new PaddockError('io', 'the policy file is not there', {
    where: path,
    remedy: 'check the path',
  });
}

const WRITABLE_BY_ALL = 0o002;
const ROOT = 0;

// Whoever may write it decides what models of this user may do. A group of the user's own is usual.
function checkOwn(
  path: string,
  { uid: owner, mode }: Pick<PolicyText, 'uid' | 'mode'>,
  uid: number | undefined,
): void {
  const isOwn = uid === undefined || owner === uid || owner === ROOT;
  if (isOwn && (mode & WRITABLE_BY_ALL) === 0) return;
  throw new PaddockError('policy-invalid', 'somebody else on this machine may change your policy', {
    where: path,
    expected: 'owned by you, and not writable by everybody',
    found: `owner ${owner}, mode ${(mode & 0o7777).toString(8)}`,
    remedy: isOwn ? `chmod o-w ${path}` : `look at who wrote it; then chown it, or remove it`,
  });
}

function withRealPaths(layer: Layer, reader: PolicyFiles): Layer {
  const { values, rules } = layer;
  return {
    ...layer,
    values: realPathsIn(values, reader),
    ...(rules === undefined ? {} : { rules: rules.map((rule) => withRealPathsInRule(rule, reader)) }),
  };
}

function withRealPathsInRule(rule: Rule, reader: PolicyFiles): Rule {
  const { effect } = rule;
  if (!('values' in effect)) return rule;
  return { ...rule, effect: { ...effect, values: realPathsIn(effect.values, reader) } };
}

function realPathsIn(values: PartialPolicy, reader: PolicyFiles): PartialPolicy {
  const { files } = values;
  if (files === undefined) return values;
  const real = (paths: readonly string[]): string[] =>
    paths.map((path) => (isAbsolute(path) ? (reader.real(path) ?? path) : path));
  const resolved = Object.fromEntries(Object.entries(files).map(([kind, paths]) => [kind, real(paths)]));
  return { ...values, files: resolved };
}
