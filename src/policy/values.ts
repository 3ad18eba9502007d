import * as v from 'valibot';
import { parseEndpoint } from '../lib/address.ts';
import { parseBytes, parseDuration } from '../lib/units.ts';

const UNLIMITED = 'unlimited';

export const text = v.pipe(
  v.string(),
  v.check((value) => !value.includes('\0'), 'text without a NUL byte'),
);
export const path = v.pipe(text, v.regex(/^(\/|~\/|~$)/, 'an absolute path, or one that begins with ~/'));
/** Flags of the runtime, as a policy writes them. */
export const FLAG = /^-{1,2}[A-Za-z0-9][\w-]*$/;
export const flag = v.pipe(text, v.regex(FLAG, 'a flag such as --unsecure'));
/** Names of environment variables that a policy may pass or set. */
export const VARIABLE = /^[A-Za-z_]\w*$/;
export const variable = v.pipe(text, v.regex(VARIABLE, 'the name of an environment variable'));
export const sha256 = v.pipe(text, v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 of 64 lower-case hex digits'));
export const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535));
export const count = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

export const size = v.pipe(
  v.union([v.string(), v.number()]),
  v.check((value) => (parseBytes(String(value)) ?? 0) > 0, 'a size such as 512MiB or 8GiB'),
  v.transform((value) => parseBytes(String(value)) ?? 0),
);
export const memory = v.union([
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
export const duration = v.pipe(
  v.string(),
  v.check((value) => (parseDuration(value) ?? 0) > 0, 'a duration such as 90s, 30m or 2h'),
  v.transform((value) => parseDuration(value) ?? 0),
);
// Below, sampling itself would be the load; above, a run could end unseen.
export const sample = v.pipe(duration, v.minValue(50), v.maxValue(60_000));
export const cpus = v.pipe(v.number(), v.minValue(0.01), v.maxValue(4096));
export const unlimited = v.pipe(
  v.literal(UNLIMITED),
  v.transform(() => null),
);
export const list = <Item extends v.GenericSchema>(item: Item) => v.pipe(v.array(item), v.maxLength(1000));

export const weight = count(1, 10_000);
/** None at all, too. */
export const sizeOrNone = v.union([
  v.pipe(
    v.literal(0),
    v.transform(() => 0),
  ),
  size,
  unlimited,
]);
/** Everything, or a list. */
export const all = v.pipe(
  v.literal('all'),
  v.transform(() => null),
);
/** Where a program may connect to. */
export const endpoint = v.pipe(
  text,
  v.check((value) => parseEndpoint(value) !== undefined, 'an address and a port'),
);
export const reason = v.pipe(
  text,
  v.check((value) => value.trim().length >= 10, 'a reason of at least ten characters'),
  v.maxLength(500),
);
