import type { Architecture } from '../format/anatomy.ts';
import { assemble, DATA_ARCH, DATA_NR, dataArgument, type Item } from './bpf.ts';
import type { Operation } from './operations.ts';
import { type Condition, ENOSYS, type Rule, type SeccompOptions } from './rules/rule.ts';
import { RULES } from './seccomp-rules.ts';
import { AUDIT_ARCH, LAST_KNOWN, syscallNumber, X32_BIT } from './syscalls.ts';

/** SECCOMP_RET_* of linux/seccomp.h. */
export const RET_KILL_PROCESS = 0x8000_0000;
export const RET_ERRNO = 0x0005_0000;
export const RET_USER_NOTIF = 0x7fc0_0000;
export const RET_ALLOW = 0x7fff_0000;

/**
 * The filter for a host with a supervisor: what is not simply allowed is notified, and `answers` says what the
 * supervisor replies. Everything that is denied is seen.
 */
export function notifyProgram(arch: Architecture, options: SeccompOptions): Uint8Array {
  return compile(
    arch,
    options,
    (rule) => (rule.silent ? RET_ERRNO | rule.errno : RET_USER_NOTIF),
    RET_USER_NOTIF,
  );
}

/** The same rules for a host without notification: denied by the filter itself, and so unseen. */
export function denyProgram(arch: Architecture, options: SeccompOptions): Uint8Array {
  const action = (rule: Rule): number => (rule.alone === 'errno' ? RET_ERRNO | rule.errno : RET_ALLOW);
  return compile(arch, options, action, RET_KILL_PROCESS);
}

/** What the supervisor replies to each call that `notifyProgram` notifies; the first is for foreign calls. */
export function answers(arch: Architecture, options: SeccompOptions): Operation[] {
  const out: Operation[] = [
    {
      op: 'answer',
      nr: -1,
      foreign: true,
      answer: 'deny',
      errno: ENOSYS,
      label: 'foreign',
      kill: options.kill.syscall,
    },
  ];
  for (const [nr, rules] of rulesByNumber(arch, options)) {
    const rule = rules.find((candidate) => !candidate.silent);
    if (rule === undefined) continue;
    const kill = rule.family !== 'none' && options.kill[rule.family];
    out.push({
      op: 'answer',
      nr,
      foreign: false,
      answer: rule.answer,
      errno: rule.errno,
      label: rule.label,
      kill,
    });
  }
  return out;
}

type Action = (rule: Rule) => number;

/**
 * Layout: machine and x32 checks, a binary search over the numbers that a rule names, and one block of conditions for
 * each distinct list of rules. The kernel evaluates a number whose answer depends on nothing else once, when the
 * filter is installed, and never again (since 5.11): hot calls cost nothing.
 */
function compile(arch: Architecture, options: SeccompOptions, action: Action, foreign: number): Uint8Array {
  const blocks = new Blocks(action);
  const leaves = ranges(rulesByNumber(arch, options), blocks);
  const items: Item[] = [
    { kind: 'load', offset: DATA_ARCH },
    { kind: 'jump', test: 'eq', value: AUDIT_ARCH[arch], no: 'foreign' },
    { kind: 'load', offset: DATA_NR },
  ];
  if (arch === 'x86-64') items.push({ kind: 'jump', test: 'ge', value: X32_BIT, yes: 'foreign' });
  items.push({ kind: 'jump', test: 'gt', value: LAST_KNOWN, yes: 'unknown' });
  items.push(...search(leaves));
  items.push(...blocks.items());
  items.push({ kind: 'label', name: 'allow' }, { kind: 'return', value: RET_ALLOW });
  items.push({ kind: 'label', name: 'unknown' }, { kind: 'return', value: RET_ERRNO | ENOSYS });
  items.push({ kind: 'label', name: 'foreign' }, { kind: 'return', value: foreign });
  return assemble(items);
}

/** Rules that apply, by call number in ascending order, each list in the order of the table. */
function rulesByNumber(arch: Architecture, options: SeccompOptions): Map<number, Rule[]> {
  const found = new Map<number, Rule[]>();
  for (const rule of RULES) {
    if (rule.applies !== undefined && !rule.applies(options)) continue;
    for (const name of rule.calls) {
      const nr = syscallNumber(arch, name);
      if (nr === undefined) continue;
      found.set(nr, [...(found.get(nr) ?? []), rule]);
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

/** Numbers from `first` to the next leaf's go to `label`. */
interface Leaf {
  readonly first: number;
  readonly label: string;
}

function ranges(rules: ReadonlyMap<number, readonly Rule[]>, blocks: Blocks): Leaf[] {
  const leaves: Leaf[] = [{ first: 0, label: 'allow' }];
  const add = (first: number, label: string): void => {
    const last = leaves.at(-1);
    if (last?.first === first) leaves.pop();
    if (leaves.at(-1)?.label !== label) leaves.push({ first, label });
  };
  for (const [nr, list] of rules) {
    add(nr, blocks.label(list));
    add(nr + 1, 'allow');
  }
  return leaves;
}

function search(leaves: readonly Leaf[]): Item[] {
  const middle = leaves.length >> 1;
  const [lower, upper] = [leaves.slice(0, middle), leaves.slice(middle)];
  const first = upper[0];
  if (first === undefined) return [];
  if (lower.length === 0) return [{ kind: 'goto', target: first.label }];
  const no = lower.length === 1 ? lower[0]?.label : undefined;
  const jump = { kind: 'jump', test: 'ge', value: first.first, ...(no === undefined ? {} : { no }) } as const;
  const below = no === undefined ? search(lower) : [];
  if (upper.length === 1) return [{ ...jump, yes: first.label }, ...below];
  const label = `from-${first.first}`;
  return [{ ...jump, yes: label }, ...below, { kind: 'label', name: label }, ...search(upper)];
}

/** The blocks of conditions; lists of rules without conditions share one for each answer. */
class Blocks {
  readonly #known = new Map<string, { readonly label: string; readonly rules: readonly Rule[] }>();
  readonly #action: Action;

  constructor(action: Action) {
    this.#action = action;
  }

  /** Where calls with these rules go. */
  label(rules: readonly Rule[]): string {
    const key = rules
      .map((rule) => `${this.#action(rule)}${isConditional(rule) ? `:${RULES.indexOf(rule)}` : ''}`)
      .join();
    const known = this.#known.get(key);
    if (known !== undefined) return known.label;
    const label = `block-${this.#known.size}`;
    this.#known.set(key, { label, rules });
    return label;
  }

  items(): Item[] {
    return [...this.#known.values()].flatMap(({ label, rules }) => [
      { kind: 'label', name: label } as const,
      ...rules.flatMap((rule, index) => this.#rule(rule, `${label}-${index}`)),
      { kind: 'goto', target: 'allow' } as const,
    ]);
  }

  #rule(rule: Rule, name: string): Item[] {
    const next = `${name}-next`;
    const holds = `${name}-holds`;
    return [
      ...(rule.when ?? []).flatMap((condition, i) => check(condition, `${name}-when-${i}`, next)),
      ...this.#unless(rule, name, next, holds),
      { kind: 'label', name: holds },
      { kind: 'return', value: this.#action(rule) },
      { kind: 'label', name: next },
    ];
  }

  #unless(rule: Rule, name: string, next: string, holds: string): Item[] {
    if (rule.unless === undefined) return [];
    return [
      ...rule.unless.flatMap((condition, i) => check(condition, `${name}-unless-${i}`, holds)),
      { kind: 'goto', target: next },
    ];
  }
}

function isConditional(rule: Rule): boolean {
  return rule.when !== undefined || rule.unless !== undefined;
}

/** Falls through when the condition holds, goes to `otherwise` when it does not. */
function check(condition: Condition, name: string, otherwise: string): Item[] {
  const values = condition.in ?? condition.notIn ?? [];
  const wanted = condition.in !== undefined;
  const hit = wanted ? `${name}-hit` : otherwise;
  const items: Item[] = [{ kind: 'load', offset: dataArgument(condition.argument) }];
  if (condition.mask !== undefined) items.push({ kind: 'and', value: condition.mask });
  for (const value of values) items.push({ kind: 'jump', test: 'eq', value, yes: hit });
  if (wanted) items.push({ kind: 'goto', target: otherwise }, { kind: 'label', name: hit });
  return items;
}
