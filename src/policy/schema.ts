import * as v from 'valibot';
import { CATALOGUE, type CheckId } from '../integrity/catalogue.ts';
import { BOUNDS } from './conditions/bounds.ts';
import { canBeLowered } from './grades.ts';
import { PRESETS } from './preset-names.ts';
import {
  all,
  count,
  cpus,
  duration,
  endpoint,
  flag,
  list,
  memory,
  path,
  port,
  reason,
  sample,
  sha256,
  size,
  sizeOrNone,
  text,
  unlimited,
  variable,
  weight,
} from './values.ts';

const TIERS = ['A', 'B', 'C'] as const;
const STANDINGS = ['release', 'unknown', 'tampered'] as const;
const SEVERITIES = ['info', 'warn', 'deny'] as const;
const REQUIREMENTS = ['signature', 'approval'] as const;
const ACTIONS = ['record', 'warn', 'kill'] as const;
const CLOSINGS = ['exec', 'write', 'listen', 'map'] as const;
/** Names of protections, for `require`. */
export const PROTECTIONS = [
  'no-new-privileges',
  'seccomp',
  'seccomp-notify',
  'landlock-files',
  'landlock-network',
  'landlock-scope',
  'limits-session',
  'namespaces',
] as const;

const action = v.picklist(ACTIONS);

/** What a policy and the `then` of a rule may say. */
const PARTS = {
  trust: v.optional(
    v.strictObject({
      tiers: v.optional(list(v.picklist(TIERS))),
      refuse: v.optional(list(v.picklist(STANDINGS))),
      loaders: v.optional(list(sha256)),
      unknownLoader: v.optional(v.picklist(['refuse', 'warn'])),
      findings: v.optional(v.picklist(['refuse', 'record'])),
      require: v.optional(list(v.picklist(REQUIREMENTS))),
      match: v.optional(v.picklist(['all', 'any'])),
    }),
  ),
  checks: v.optional(v.strictObject(grades())),
  arguments: v.optional(
    v.strictObject({
      deny: v.optional(list(flag)),
      allow: v.optional(v.union([all, list(flag)])),
      force: v.optional(list(text)),
      bounds: v.optional(v.record(flag, bounds())),
      grantFiles: v.optional(v.boolean()),
    }),
  ),
  environment: v.optional(
    v.strictObject({
      pass: v.optional(list(variable)),
      set: v.optional(v.record(variable, text)),
    }),
  ),
  files: v.optional(
    v.strictObject({
      read: v.optional(list(path)),
      write: v.optional(list(path)),
      execute: v.optional(list(path)),
      hide: v.optional(list(path)),
    }),
  ),
  network: v.optional(
    v.strictObject({
      mode: v.optional(v.picklist(['auto', 'none', 'serve'])),
      listen: v.optional(list(text)),
      ports: v.optional(
        v.pipe(
          v.strictTuple([port, port]),
          v.check(([low, high]) => low <= high, 'the lowest and the highest port, in this order'),
        ),
      ),
      connect: v.optional(list(endpoint)),
    }),
  ),
  devices: v.optional(
    v.strictObject({
      gpu: v.optional(v.picklist(['none', 'auto', 'nvidia', 'amd'])),
      cards: v.optional(v.union([all, list(count(0, 255))])),
    }),
  ),
  engine: v.optional(v.strictObject({ use: v.optional(v.picklist(['own', 'trusted'])) })),
  limits: v.optional(
    v.strictObject({
      memory: v.optional(memory),
      swap: v.optional(sizeOrNone),
      processes: v.optional(count(1, 4_194_304)),
      cpus: v.optional(v.union([cpus, unlimited])),
      cpuWeight: v.optional(weight),
      openFiles: v.optional(count(16, 1_048_576)),
      fileSize: v.optional(size),
      disk: v.optional(v.union([size, unlimited])),
      time: v.optional(v.union([duration, unlimited])),
      idle: v.optional(v.union([duration, unlimited])),
      output: v.optional(v.union([size, unlimited])),
      nice: v.optional(count(0, 19)),
      ioWeight: v.optional(weight),
    }),
  ),
  sessions: v.optional(
    v.strictObject({
      perUser: v.optional(v.union([count(1, 100_000), unlimited])),
      perHost: v.optional(v.union([count(1, 100_000), unlimited])),
      memoryPerUser: v.optional(memory),
      cpusPerUser: v.optional(v.union([cpus, unlimited])),
    }),
  ),
  isolation: v.optional(
    v.strictObject({
      namespaces: v.optional(v.picklist(['auto', 'require', 'off'])),
      copy: v.optional(v.picklist(['auto', 'always'])),
    }),
  ),
  phases: v.optional(v.strictObject({ ready: v.optional(list(v.picklist(CLOSINGS))) })),
  watch: v.optional(
    v.strictObject({
      exec: v.optional(action),
      connect: v.optional(action),
      write: v.optional(action),
      read: v.optional(action),
      syscall: v.optional(action),
      sample: v.optional(sample),
    }),
  ),
  audit: v.optional(
    v.strictObject({
      sinks: v.optional(list(v.picklist(['syslog', 'journal']))),
      onFailure: v.optional(v.picklist(['stop', 'continue'])),
    }),
  ),
  retention: v.optional(
    v.strictObject({
      age: v.optional(v.union([duration, unlimited])),
      size: v.optional(v.union([size, unlimited])),
    }),
  ),
  require: v.optional(list(v.picklist(PROTECTIONS))),
};

/** What a rule may say: a condition, and a refusal or what holds where the condition does. */
export const RuleInFile = v.pipe(
  v.strictObject({
    name: v.pipe(text, v.regex(/^[^\p{C}]{1,80}$/u, 'a name of 1 to 80 characters')),
    when: v.pipe(text, v.minLength(1)),
    refuse: v.optional(reason),
    // biome-ignore lint/suspicious/noThenProperty: the word of policy files; no schema is awaited
    then: v.optional(v.strictObject(PARTS)),
  }),
  v.check((rule) => (rule.refuse === undefined) !== (rule.then === undefined), 'either refuse or then'),
);

/** What a policy file may say. Every part but `apiVersion` may be left out. */
export const PolicyFile = v.strictObject({
  apiVersion: v.literal('paddock/v1'),
  extends: v.optional(v.picklist(PRESETS)),
  ...PARTS,
  rules: v.optional(v.pipe(v.array(RuleInFile), v.maxLength(BOUNDS.rules))),
});

// One key for each check, so that a misspelt id is told with the nearest one.
function grades(): Record<CheckId, ReturnType<typeof grade>> {
  const ids = Object.keys(CATALOGUE) as CheckId[];
  return Object.fromEntries(ids.map((id) => [id, grade(id)])) as Record<CheckId, ReturnType<typeof grade>>;
}

// A bare word raises; what counts for less needs to say why.
function grade(id: CheckId) {
  const rank = SEVERITIES.indexOf(CATALOGUE[id].severity);
  const severity = v.picklist(SEVERITIES);
  const high = v.pipe(
    severity,
    v.check((value) => SEVERITIES.indexOf(value) >= rank, 'a severity that is not lower'),
  );
  const explained = v.pipe(
    v.strictObject({ severity, reason }),
    v.check(
      ({ severity: to }) => SEVERITIES.indexOf(to) >= rank || canBeLowered(id),
      'a check that can be lowered',
    ),
  );
  return v.optional(v.union([high, explained]));
}

function bounds() {
  const number = v.optional(v.pipe(v.number(), v.finite()));
  return v.pipe(
    v.strictObject({ min: number, max: number }),
    v.check(
      ({ min, max }) => (min !== undefined || max !== undefined) && (min ?? max ?? 0) <= (max ?? min ?? 0),
      'min, max or both, the smaller one first',
    ),
  );
}

/** The parts of a policy, with their units read. */
export type PolicyParts = Omit<PolicyFile, 'apiVersion' | 'extends' | 'rules'>;

/** What a policy file says, with its units read. */
export type PolicyFile = v.InferOutput<typeof PolicyFile>;
