import * as v from 'valibot';
import { CATALOGUE, type CheckId } from '../integrity/catalogue.ts';
import { parseBytes, parseDuration } from '../lib/units.ts';

const TIERS = ['A', 'B', 'C'] as const;
const STANDINGS = ['release', 'unknown', 'tampered'] as const;
const REQUIREMENTS = ['signature', 'approval'] as const;
const ACTIONS = ['record', 'warn', 'kill'] as const;
const PROTECTIONS = [
  'no-new-privileges',
  'seccomp',
  'seccomp-notify',
  'landlock-files',
  'landlock-network',
  'landlock-scope',
  'limits-session',
] as const;

const UNLIMITED = 'unlimited';

const text = v.pipe(
  v.string(),
  v.check((value) => !value.includes('\0'), 'text without a NUL byte'),
);
const path = v.pipe(
  text,
  v.check(
    (value) => value.startsWith('/') || value === '~' || value.startsWith('~/'),
    'an absolute path, or one that begins with ~/',
  ),
);
const flag = v.pipe(text, v.regex(/^-{1,2}[A-Za-z0-9][\w-]*$/, 'a flag such as --unsecure'));
/** Names of environment variables that a policy may pass or set. */
export const VARIABLE = /^[A-Za-z_]\w*$/;
const variable = v.pipe(text, v.regex(VARIABLE, 'the name of an environment variable'));
const sha256 = v.pipe(text, v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 of 64 lower-case hex digits'));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535));
const count = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

const size = v.pipe(
  v.union([v.string(), v.number()]),
  v.check((value) => (parseBytes(String(value)) ?? 0) > 0, 'a size such as 512MiB or 8GiB'),
  v.transform((value) => parseBytes(String(value)) ?? 0),
);
const memory = v.union([
  v.pipe(
    v.literal(UNLIMITED),
    v.transform(() => null),
  ),
  v.pipe(
    v.string(),
    v.regex(/^(100|[1-9]\d?)%$/, 'a percentage of the machine’s memory such as 75%'),
    v.transform((value) => ({ percent: Number.parseInt(value, 10) })),
  ),
  size,
]);
const duration = v.pipe(
  v.string(),
  v.check((value) => (parseDuration(value) ?? 0) > 0, 'a duration such as 90s, 30m or 2h'),
  v.transform((value) => parseDuration(value) ?? 0),
);
// Below, sampling itself would be the load; above, a run could end unseen.
const sample = v.pipe(duration, v.minValue(50), v.maxValue(60_000));
const cpus = v.pipe(v.number(), v.minValue(0.01), v.maxValue(4096));
const unlimited = v.pipe(
  v.literal(UNLIMITED),
  v.transform(() => null),
);
const action = v.picklist(ACTIONS);
const list = <Item extends v.GenericSchema>(item: Item) => v.pipe(v.array(item), v.maxLength(1000));

/** What a policy file may say. Every part but `apiVersion` may be left out. */
export const PolicyFile = v.strictObject({
  apiVersion: v.literal('paddock/v1'),
  extends: v.optional(v.picklist(['default', 'strict', 'audit'])),
  trust: v.optional(
    v.strictObject({
      tiers: v.optional(list(v.picklist(TIERS))),
      refuse: v.optional(list(v.picklist(STANDINGS))),
      loaders: v.optional(list(sha256)),
      unknownLoader: v.optional(v.picklist(['refuse', 'warn'])),
      findings: v.optional(v.picklist(['refuse', 'record'])),
      require: v.optional(list(v.picklist(REQUIREMENTS))),
    }),
  ),
  checks: v.optional(v.strictObject(raisable())),
  arguments: v.optional(
    v.strictObject({
      deny: v.optional(list(flag)),
      append: v.optional(list(text)),
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
    }),
  ),
  network: v.optional(
    v.strictObject({
      mode: v.optional(v.picklist(['auto', 'none', 'serve'])),
      listen: v.optional(list(text)),
      ports: v.optional(
        v.pipe(
          v.tuple([port, port]),
          v.check(([low, high]) => low <= high, 'the lowest and the highest port, in this order'),
        ),
      ),
    }),
  ),
  limits: v.optional(
    v.strictObject({
      memory: v.optional(memory),
      processes: v.optional(count(1, 4_194_304)),
      cpus: v.optional(v.union([cpus, unlimited])),
      openFiles: v.optional(count(16, 1_048_576)),
      fileSize: v.optional(size),
      time: v.optional(v.union([duration, unlimited])),
    }),
  ),
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
  require: v.optional(list(v.picklist(PROTECTIONS))),
});

// One key for each check, so that a misspelt id is told with the nearest one.
function raisable(): Record<CheckId, ReturnType<typeof severity>> {
  const ids = Object.keys(CATALOGUE) as CheckId[];
  return Object.fromEntries(ids.map((id) => [id, severity()])) as Record<
    CheckId,
    ReturnType<typeof severity>
  >;
}

function severity() {
  return v.optional(v.picklist(['warn', 'deny']));
}

export type PolicyFile = v.InferOutput<typeof PolicyFile>;

/** What is expected at a place, in words, for the paths whose own message would not say it. */
export const EXPECTED: Readonly<Record<string, string>> = {
  apiVersion: 'paddock/v1',
  extends: 'default, strict or audit',
  'trust.tiers': 'some of A, B, C',
  'trust.refuse': 'some of release, unknown, tampered',
  'trust.unknownLoader': 'refuse or warn',
  'trust.findings': 'refuse or record',
  'trust.require': 'some of signature, approval; an empty list for none',
  'trust.loaders': 'a list of SHA-256 digests, each of 64 lower-case hex digits',
  checks: 'checks and severities: { ZIP-052: deny }',
  'arguments.deny': 'a list of flags: [--rpc, --tools]',
  'arguments.append': 'a list of words: ["--gpu", "disable"]',
  'arguments.grantFiles': 'true or false',
  'environment.pass': 'a list of names of variables: [LANG, TERM]',
  'environment.set': 'names and values, which are text: { NAME: "1" }',
  'files.read': 'a list of paths, each absolute or beginning with ~/',
  'files.write': 'a list of paths, each absolute or beginning with ~/',
  'files.execute': 'a list of paths, each absolute or beginning with ~/',
  'network.listen': 'a list of addresses: [127.0.0.1, "::1"]',
  'network.mode': 'auto, none or serve',
  'network.ports': 'two ports, the lowest and the highest: [8080, 8090]',
  'limits.memory': 'a size such as 8GiB, a percentage such as 75%, or unlimited',
  'limits.processes': 'a whole number from 1 to 4194304',
  'limits.cpus': 'a number such as 2.5, or unlimited',
  'limits.openFiles': 'a whole number from 16 to 1048576',
  'limits.fileSize': 'a size such as 1GiB',
  'limits.time': 'a duration such as 30m, or unlimited',
  'watch.exec': 'record, warn or kill',
  'watch.connect': 'record, warn or kill',
  'watch.write': 'record, warn or kill',
  'watch.read': 'record, warn or kill',
  'watch.syscall': 'record, warn or kill',
  'watch.sample': 'a duration from 50ms to 1m',
  require: `some of ${PROTECTIONS.join(', ')}`,
};
