import { escapeText } from '../../lib/text.ts';
import { nearest } from '../nearest.ts';
import { Fault } from './fault.ts';
import { VARIABLE_NAMES, VARIABLES, type VariableName } from './variables.ts';

/** A node of the library's syntax tree, as far as it is looked at. */
export interface Node {
  readonly op: string;
  readonly args: unknown;
  /** Where it is told: the name of a field, the operator's beginning otherwise. */
  readonly pos: number;
  readonly start: number;
}

/**
 * The part of CEL that conditions may use: anything else is refused by name, so that a newer library adds nothing by
 * itself. Left out is what can take long (regular expressions, nested macros), what hides types from the check (`dyn`, maps, `has`),
 * and what a condition has no use for (bytes, timestamps).
 * @returns the variables that the expression mentions
 * @throws Fault for the first thing that is not allowed, or is unknown
 */
export function checkAllowed(root: Node): ReadonlySet<VariableName> {
  const mentions = new Set<VariableName>();
  walk(root, { mentions, names: new Set(), inMacro: false });
  return mentions;
}

interface Scope {
  readonly mentions: Set<VariableName>;
  /** Loop variables of macros. */
  readonly names: ReadonlySet<string>;
  readonly inMacro: boolean;
}

const BINARY = new Set(['==', '!=', '<', '<=', '>', '>=', 'in', '+', '-', '*', '/', '%', '&&', '||', '?:']);

/** Functions by name: `size(list)`, `text.startsWith("x")`. Their types are checked by the library. */
const FUNCTIONS = ['size', 'string', 'int', 'double', 'startsWith', 'endsWith', 'contains', 'lowerAscii'];

/** Macros over a list: name of the loop variable, and an expression for each entry. */
const MACROS = ['all', 'exists', 'exists_one', 'filter'];

const WITHOUT: Readonly<Record<string, string>> = {
  matches: '`startsWith`, `endsWith`, `contains` or `in`: a regular expression can take for ever',
  has: 'the variable itself: each has a value, and `model.known` tells of the model',
  map: '`exists`, `all` or `filter`',
  timestamp: '`time.hour`, `time.weekday` and the like',
  duration: '`time.unix`, in seconds',
};

function walk(node: Node, scope: Scope): void {
  const check = CHECKS[node.op] ?? (BINARY.has(node.op) ? checkAll : undefined);
  if (check === undefined)
    throw new Fault(node.start, 'conditions have no such construct', {
      expected: 'comparisons, `&&`, `||`, `!`, `in`, `? :`, arithmetic, lists and functions',
      found: node.op === 'map' ? 'a map in braces' : escapeText(node.op, 40),
    });
  check(node, scope);
}

const CHECKS: Readonly<Record<string, (node: Node, scope: Scope) => void>> = {
  value: checkLiteral,
  id: checkName,
  '.': checkName,
  '[]': checkIndex,
  '!_': ({ args }, scope) => walk(args as Node, scope),
  '-_': ({ args }, scope) => walk(args as Node, scope),
  call: checkCall,
  rcall: (node, scope) =>
    MACROS.includes((node.args as readonly string[])[0] ?? '')
      ? checkMacro(node, scope)
      : checkMethod(node, scope),
  list: checkAll,
};

function checkAll({ args }: Node, scope: Scope): void {
  for (const each of args as readonly Node[]) walk(each, scope);
}

function checkLiteral({ args, start }: Node): void {
  if (['string', 'boolean', 'number', 'bigint'].includes(typeof args)) return;
  throw new Fault(start, 'conditions have no such value', {
    expected: 'a text in quotes, a number, true, false or a list of them',
    found: args === null ? 'null' : ArrayBuffer.isView(args) ? 'bytes' : 'an unsigned number',
  });
}

// A name with its dots is looked up as a whole, so that a wrong part is told by the whole name that was meant.
function checkName(node: Node, { mentions, names, inMacro }: Scope): void {
  const parts = partsOf(node);
  if (parts === undefined)
    throw new Fault(node.pos, 'this has no parts', { found: `.${escapeText(String(fieldOf(node)), 60)}` });
  const [first] = parts;
  if (first !== undefined && names.has(first.name)) {
    if (parts.length === 1) return;
    throw new Fault(parts[1]?.at ?? node.pos, `${first.name} has no parts`, {
      expected: `\`${first.name}\` alone`,
    });
  }
  const name = lookUp(parts, [...names]);
  if (inMacro && VARIABLES[name].type === 'list<string>')
    throw new Fault(parts[0]?.at ?? node.pos, `the list ${name} stands inside a macro`, {
      expected: 'lists beside one another: one for each entry of another takes as long as both multiplied',
    });
  mentions.add(name);
}

interface Part {
  readonly name: string;
  readonly at: number;
}

function partsOf(node: Node): readonly Part[] | undefined {
  if (node.op === 'id') return [{ name: String(node.args), at: node.start }];
  if (node.op !== '.') return undefined;
  const base = partsOf((node.args as readonly Node[])[0] as Node);
  return base && [...base, { name: String(fieldOf(node)), at: node.pos }];
}

function fieldOf(node: Node): unknown {
  return (node.args as readonly unknown[])[1];
}

function lookUp(parts: readonly Part[], loop: readonly string[]): VariableName {
  const whole = parts.map(({ name }) => name).join('.');
  const found = VARIABLE_NAMES.find((name) => name === whole);
  if (found !== undefined) return found;
  const below = VARIABLE_NAMES.filter((name) => name.startsWith(`${whole}.`));
  const last = parts.at(-1);
  const shown = escapeText(whole, 80);
  if (below.length > 0)
    throw new Fault(last?.at ?? 0, `${shown} is no value by itself`, {
      expected: `one of its parts: ${below.join(', ')}`,
    });
  const leaf = VARIABLE_NAMES.find((name) => whole.startsWith(`${name}.`));
  if (leaf !== undefined)
    throw new Fault(parts[leaf.split('.').length]?.at ?? 0, `${leaf} has no parts`, {
      expected: `\`${leaf}\` alone, of type ${VARIABLES[leaf].type}`,
    });
  // The first part up to which nothing begins so: that is the wrong one.
  const wrong = parts.findIndex((_, index) => !isBeginning(parts.slice(0, index + 1)));
  const known = [...VARIABLE_NAMES, ...loop];
  const near = nearest(whole, known);
  const group = parts[0]?.name ?? '';
  const siblings = VARIABLE_NAMES.filter((name) => name.startsWith(`${group}.`));
  throw new Fault(parts[Math.max(0, wrong)]?.at ?? 0, `conditions know no ${shown}`, {
    expected: near === undefined ? (siblings.length > 0 ? siblings : groups()).join(', ') : `\`${near}\`?`,
    remedy: 'docs/policy.md lists the variables',
  });
}

function isBeginning(parts: readonly Part[]): boolean {
  const text = parts.map(({ name }) => name).join('.');
  return VARIABLE_NAMES.some((name) => name === text || name.startsWith(`${text}.`));
}

function groups(): string[] {
  return [...new Set(VARIABLE_NAMES.map((name) => name.split('.')[0] ?? name))];
}

// By a number that stands there: a name that is put together would pass by the check of types.
function checkIndex(node: Node, scope: Scope): void {
  const [list, index] = node.args as readonly [Node, Node];
  if (index.op !== 'value' || typeof index.args !== 'bigint')
    throw new Fault(index.start, 'a list is indexed by a written number', { expected: '0, 1, 2 …' });
  walk(list, scope);
}

function checkCall(node: Node, scope: Scope): void {
  const [name, args] = node.args as readonly [string, readonly Node[]];
  if (!FUNCTIONS.includes(name)) throw unknownFunction(name, node.start);
  for (const each of args) walk(each, scope);
}

function checkMethod(node: Node, scope: Scope): void {
  const [name, on, args] = node.args as readonly [string, Node, readonly Node[]];
  if (!FUNCTIONS.includes(name)) throw unknownFunction(name, on.op === 'id' ? on.start : node.start);
  walk(on, scope);
  for (const each of args) walk(each, scope);
}

function checkMacro(node: Node, scope: Scope): void {
  const [name, list, args] = node.args as readonly [string, Node, readonly Node[]];
  if (scope.inMacro)
    throw new Fault(node.start, `\`${name}\` stands inside another macro`, {
      expected: 'macros beside one another: nested ones take as long as their lists multiplied',
    });
  const [variable, body] = args;
  if (args.length !== 2 || body === undefined || variable?.op !== 'id')
    throw new Fault(args[0]?.start ?? node.start, `\`${name}\` takes a name and a condition`, {
      expected: `user.groups.${name}(each, each == "x")`,
    });
  const each = String(variable.args);
  if (groups().includes(each))
    throw new Fault(variable.start, `\`${escapeText(each, 60)}\` is a variable already`, {
      expected: 'another name for the entries of the list',
    });
  walk(list, scope);
  walk(body, { ...scope, names: new Set([...scope.names, each]), inMacro: true });
}

function unknownFunction(name: string, index: number): Fault {
  const known = [...FUNCTIONS, ...MACROS];
  const shown = escapeText(name, 60);
  const near = nearest(name, known);
  const instead = Object.hasOwn(WITHOUT, name) ? WITHOUT[name] : undefined;
  return new Fault(index, `conditions have no function \`${shown}\``, {
    expected: instead ?? (near === undefined ? known.join(', ') : `\`${near}\`?`),
  });
}
