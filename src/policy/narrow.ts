import { normalize } from 'node:path';
import type { CheckId } from '../integrity/catalogue.ts';
import { isBelow } from '../lib/paths.ts';
import { severityOf } from './grades.ts';
import { leafPath } from './layer.ts';
import type { Bounds, Gpu, Grades, Policy } from './policy.ts';

/** What remains of a wish under a ceiling, and whether all of it remains. */
export interface Narrowed {
  readonly value: unknown;
  readonly whole: boolean;
}

/**
 * How a later layer may change a leaf when the administrator has written a policy: only so that nothing is permitted
 * that the ceiling does not permit. One rule for each leaf; a leaf without a rule keeps the ceiling's value.
 */
export function narrow(part: keyof Policy, leaf: string, ceiling: unknown, wanted: unknown): Narrowed {
  const rule = RULES[leafPath(part, leaf)];
  return rule === undefined ? { value: ceiling, whole: false } : rule(ceiling, wanted);
}

type Rule = (ceiling: unknown, wanted: unknown) => Narrowed;

/** Fewer entries: those that the ceiling has, too. */
const fewer: Rule = (ceiling, wanted) => {
  const allowed = ceiling as readonly unknown[];
  const asked = wanted as readonly unknown[];
  const value = asked.filter((item) => allowed.includes(item));
  return { value, whole: value.length === asked.length };
};

/** More entries: those of the ceiling stay. A list that only leaves some out is a wish to widen. */
const more: Rule = (ceiling, wanted) => {
  const kept = ceiling as readonly unknown[];
  const asked = wanted as readonly unknown[];
  const adds = asked.some((item) => !kept.includes(item));
  return {
    value: [...new Set([...kept, ...asked])],
    whole: adds || kept.every((item) => asked.includes(item)),
  };
};

/** Paths at or below one of the ceiling's; of a path above one, what the ceiling has of it. */
const below: Rule = (ceiling, wanted) => {
  const allowed = (ceiling as readonly string[]).map(plain);
  const asked = (wanted as readonly string[]).map(plain);
  const parts = asked.map((path) =>
    allowed.some((root) => isBelow(path, root)) ? [path] : allowed.filter((root) => isBelow(root, path)),
  );
  return {
    value: [...new Set(parts.flat())],
    whole: asked.every((path) => allowed.some((root) => isBelow(path, root))),
  };
};

function plain(path: string): string {
  const normal = normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** A number that is not larger; null stands for no limit. */
const least: Rule = (ceiling, wanted) => {
  const most = ceiling as number | null;
  const asked = wanted as number | null;
  const whole = most === null || (asked !== null && asked <= most);
  return { value: whole ? asked : most, whole };
};

/** Words from permissive to strict: never left of the ceiling. */
const stricter =
  (...order: readonly unknown[]): Rule =>
  (ceiling, wanted) => {
    const whole = order.indexOf(wanted) >= order.indexOf(ceiling);
    return { value: whole ? wanted : ceiling, whole };
  };

/** A range of ports inside the ceiling's. */
const inside: Rule = (ceiling, wanted) => {
  const [low, high] = ceiling as readonly [number, number];
  const [from, to] = wanted as readonly [number, number];
  const value = [Math.max(low, from), Math.min(high, to)] as const;
  if (value[0] > value[1]) return { value: ceiling, whole: false };
  return { value, whole: value[0] === from && value[1] === to };
};

/** Later arguments win, so those of the ceiling stay last, in one piece: values stand behind their flags. */
const before: Rule = (ceiling, wanted) => {
  const kept = ceiling as readonly string[];
  const asked = wanted as readonly string[];
  const hasAll = kept.every((item, index) => asked[asked.length - kept.length + index] === item);
  return { value: hasAll ? asked : [...asked, ...kept], whole: true };
};

/** Variables keep the ceiling's values; others are not set, as they would reach the program unasked. */
const same: Rule = (ceiling, wanted) => {
  const kept = ceiling as Readonly<Record<string, string>>;
  const asked = Object.entries(wanted as Readonly<Record<string, string>>);
  return { value: kept, whole: asked.every(([key, value]) => kept[key] === value) };
};

/** Severities are raised, never lowered: not below the ceiling's, nor the catalogue's where it names none. */
const raised: Rule = (ceiling, wanted) => {
  const kept = ceiling as Grades;
  const value: Record<string, unknown> = { ...kept };
  let whole = true;
  for (const [id, grade] of Object.entries(wanted as Grades) as [CheckId, Grades[CheckId]][]) {
    if (grade === undefined) continue;
    const least = severityOf(id, kept);
    if (SEVERITIES.indexOf(grade.severity) < SEVERITIES.indexOf(least)) whole = false;
    else if (grade.severity !== least) value[id] = grade;
  }
  return { value, whole };
};

const SEVERITIES = ['info', 'warn', 'deny'];

/** A list, or null for everything: fewer entries. */
const fewerOfAll: Rule = (ceiling, wanted) => {
  if (ceiling === null) return { value: wanted, whole: true };
  return wanted === null ? { value: ceiling, whole: false } : fewer(ceiling, wanted);
};

/** A number that is not smaller; null is the largest of all. */
const most: Rule = (ceiling, wanted) => {
  const asked = (wanted as number | null) ?? Number.POSITIVE_INFINITY;
  const whole = asked >= ((ceiling as number | null) ?? Number.POSITIVE_INFINITY);
  return { value: whole ? wanted : ceiling, whole };
};

/** Ranges of numbers, each inside the ceiling's. Flags that only the ceiling bounds stay bounded. */
const tighter: Rule = (ceiling, wanted) => {
  const kept = ceiling as Readonly<Record<string, Bounds>>;
  const value: Record<string, Bounds> = { ...kept };
  let whole = true;
  for (const [flag, asked] of Object.entries(wanted as Readonly<Record<string, Bounds>>)) {
    const limit = Object.hasOwn(kept, flag) ? (kept[flag] ?? {}) : {};
    const min = Math.max(limit.min ?? Number.NEGATIVE_INFINITY, asked.min ?? Number.NEGATIVE_INFINITY);
    const max = Math.min(limit.max ?? Number.POSITIVE_INFINITY, asked.max ?? Number.POSITIVE_INFINITY);
    value[flag] = { ...(Number.isFinite(min) ? { min } : {}), ...(Number.isFinite(max) ? { max } : {}) };
    if (min !== (asked.min ?? Number.NEGATIVE_INFINITY) || max !== (asked.max ?? Number.POSITIVE_INFINITY))
      whole = false;
  }
  return { value, whole };
};

/** A kind of card inside the ceiling's: `auto` has both, `none` neither. */
const cards: Rule = (ceiling, wanted) => {
  const [limit, asked] = [ceiling as Gpu, wanted as Gpu];
  if (asked === limit || asked === 'none' || limit === 'auto') return { value: asked, whole: true };
  return { value: asked === 'auto' ? limit : 'none', whole: false };
};

const action = stricter('record', 'warn', 'kill');

const RULES: Readonly<Record<string, Rule>> = {
  'trust.tiers': fewer,
  'trust.refuse': more,
  'trust.loaders': fewer,
  'trust.unknownLoader': stricter('warn', 'refuse'),
  'trust.findings': stricter('record', 'refuse'),
  'trust.require': more, // `decide` asks for the administrator's by themselves, as more of them would be less under `any`
  'trust.match': stricter('any', 'all'),
  checks: raised,
  'arguments.deny': more,
  'arguments.allow': fewerOfAll,
  'arguments.force': before,
  'arguments.bounds': tighter,
  'arguments.grantFiles': stricter(true, false),
  'environment.pass': fewer,
  'environment.set': same,
  'files.read': below,
  'files.write': below,
  'files.execute': below,
  'files.hide': more,
  'network.mode': stricter('serve', 'auto', 'none'),
  'network.listen': fewer,
  'network.ports': inside,
  'network.connect': fewer,
  'devices.gpu': cards,
  'devices.cards': fewerOfAll,
  'engine.use': stricter('own', 'trusted'),
  'limits.memoryBytes': least,
  'limits.swapBytes': least,
  'limits.processes': least,
  'limits.cpus': least,
  'limits.cpuWeight': least,
  'limits.openFiles': least,
  'limits.fileBytes': least,
  'limits.diskBytes': least,
  'limits.timeMs': least,
  'limits.idleMs': least,
  'limits.outputBytes': least,
  'limits.nice': most,
  'limits.ioWeight': least,
  'sessions.perUser': least,
  'sessions.perHost': least,
  'sessions.memoryPerUserBytes': least,
  'sessions.cpusPerUser': least,
  'isolation.namespaces': stricter('off', 'auto', 'require'),
  'isolation.copy': stricter('auto', 'always'),
  'phases.ready': more,
  'watch.exec': action,
  'watch.connect': action,
  'watch.write': action,
  'watch.read': action,
  'watch.syscall': action,
  'watch.sampleMs': least,
  'audit.sinks': more,
  'audit.onFailure': stricter('continue', 'stop'),
  'retention.ageMs': most,
  'retention.bytes': most,
  require: more,
};
