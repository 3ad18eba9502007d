import { filterOf, identifierOf, keywordOf, list, type Node, operatorOf, part, textOf } from './syntax.ts';

/** What an expression can be seen to be without running it. */
export type Constant = string | number | readonly Constant[];

/** Name of a variable, or `.name` of an attribute → the constants that the template gives it anywhere. */
export type Names = ReadonlyMap<string, readonly Constant[]>;

/** Stands for "more than are followed": what is made of it is no less unknown, and a name that may be anything is not. */
export const MANY = '\0many';

const MAX_TEXT = 1024;
const MAX_ELEMENTS = 256;
/** Different values that are followed, of one expression or variable. */
export const MAX_CANDIDATES = 256;

/**
 * The constants that an expression may have as its value: none if it depends on more than constants. Knows the ways in
 * which names are put together to hide them: `+ ~ * %`, join, format, replace, reverse, slices, dict(...) and the like.
 * @param names see `bind` in names.ts
 */
export function fold(node: Node | undefined, names: Names): readonly Constant[] {
  if (node === undefined) return [];
  const found = own(FOLDERS, node.type)?.(node, names) ?? [];
  if (found.length > MAX_CANDIDATES || found.includes(MANY)) return [MANY];
  return found.filter((value) => sizeOf(value) <= MAX_TEXT);
}

type Folder = (node: Node, names: Names) => readonly Constant[];

const FOLDERS: Readonly<Record<string, Folder>> = {
  StringLiteral: (node) => [textOf(node) ?? ''],
  IntegerLiteral: (node) => (typeof node.value === 'number' ? [node.value] : []),
  Identifier: (node, names) => names.get(textOf(node) ?? '') ?? [],
  ArrayLiteral: elements,
  TupleLiteral: elements,
  ObjectLiteral: (node, names) => {
    const keys = node.value instanceof Map ? [...(node.value as Map<Node, Node>).keys()] : [];
    return all(keys, names);
  },
  BinaryExpression: binary,
  UnaryExpression: (node, names) => {
    const values = fold(part(node, 'argument'), names);
    return operatorOf(node) === '-'
      ? values.filter((value) => typeof value === 'number').map((value) => -value)
      : [];
  },
  Ternary: (node, names) => [...fold(part(node, 'trueExpr'), names), ...fold(part(node, 'falseExpr'), names)],
  SelectExpression: (node, names) => fold(part(node, 'lhs'), names),
  FilterExpression: (node, names) => {
    const { name, args } = filterOf(node);
    return apply(own(FILTERS, name) ?? ofName(name), fold(part(node, 'operand'), names), args, names);
  },
  CallExpression: call,
  MemberExpression: member,
};

function elements(node: Node, names: Names): readonly Constant[] {
  return all(Array.isArray(node.value) ? (node.value as Node[]) : [], names);
}

/** A list of one constant of each, for every way to choose them; none if one of them is not constant. */
function all(nodes: readonly Node[], names: Names): readonly Constant[] {
  if (nodes.length > MAX_ELEMENTS) return [];
  return combinations(nodes.map((node) => fold(node, names))) ?? [MANY];
}

/** Every way to take one of each; undefined if there are too many, or if one of them may be anything. */
function combinations(lists: readonly (readonly Constant[])[]): readonly (readonly Constant[])[] | undefined {
  const count = lists.reduce((product, { length }) => product * length, 1);
  if (count === 0) return [];
  if (count > MAX_CANDIDATES || lists.some((values) => values.includes(MANY))) return undefined;
  let chosen: readonly (readonly Constant[])[] = [[]];
  for (const values of lists) {
    const [only] = values;
    // The usual case by itself: a list of constants is copied once and not once for each of them.
    if (values.length === 1 && only !== undefined && chosen.length === 1)
      (chosen[0] as Constant[]).push(only);
    else chosen = chosen.flatMap((start) => values.map((value) => [...start, value]));
  }
  return chosen;
}

function binary(node: Node, names: Names): readonly Constant[] {
  const operator = operatorOf(node);
  const lefts = fold(part(node, 'left'), names);
  const rights = fold(part(node, 'right'), names);
  if (operator === 'or' || operator === 'and') return [...lefts, ...rights];
  const pairs = combinations([lefts, rights]);
  if (pairs === undefined) return [MANY];
  return pairs.flatMap(([left, right]) =>
    left === undefined || right === undefined ? [] : (combine(operator, left, right) ?? []),
  );
}

/** A list of one, so that a result which is a list stays one. */
function combine(operator: string, left: Constant, right: Constant): readonly Constant[] | undefined {
  if (operator === '~') return [display(left) + display(right)];
  if (operator === '%' && typeof left === 'string') return [percent(left, isList(right) ? right : [right])];
  if (operator === '*') return repeat(left, right) ?? repeat(right, left);
  if (operator !== '+') return undefined;
  if (typeof left === 'number' && typeof right === 'number') return [left + right];
  if (typeof left === 'string' && typeof right === 'string') return [left + right];
  return isList(left) && isList(right) ? [[...left, ...right]] : undefined;
}

function repeat(value: Constant, times: Constant): readonly Constant[] | undefined {
  if (typeof times !== 'number') return undefined;
  if (typeof value === 'number') return [value * times];
  if (isList(value)) return times * value.length > MAX_ELEMENTS ? [MANY] : [repeated(value, times)];
  if (typeof value !== 'string' || times < 0 || value.length * times > MAX_TEXT) return undefined;
  return [value.repeat(times)];
}

function repeated(value: readonly Constant[], times: number): Constant[] {
  return Array.from({ length: Math.max(0, Math.floor(times)) }, () => value).flat();
}

function call(node: Node, names: Names): readonly Constant[] {
  const callee = part(node, 'callee');
  const args = list(node, 'args');
  if (identifierOf(callee) === 'dict') return [args.flatMap((each) => keywordOf(each)?.name ?? [])];
  if (callee?.type !== 'MemberExpression' || callee.computed === true) return [];
  return apply(
    ofName(identifierOf(part(callee, 'property')) ?? ''),
    fold(part(callee, 'object'), names),
    args,
    names,
  );
}

function member(node: Node, names: Names): readonly Constant[] {
  const property = part(node, 'property');
  const objects = fold(part(node, 'object'), names);
  if (node.computed !== true)
    return names.get(`.${textOf(property) ?? ''}`) ?? (objects.some(isList) ? [MANY] : []);
  if (objects.includes(MANY)) return objects;
  if (property?.type === 'SliceExpression')
    return objects.flatMap((object) => slice(object, property, names));
  const indexes = fold(property, names);
  const numbers = indexes.filter((index) => typeof index === 'number');
  // Of objects only the keys are kept.
  if (numbers.length < indexes.length) return objects.some(isList) ? [MANY] : [];
  if (numbers.length === 0) return objects.flatMap((object) => (isList(object) ? object : []));
  return objects.flatMap((object) => numbers.flatMap((index) => at(object, index) ?? []));
}

function at(object: Constant, index: number): readonly Constant[] {
  const value = typeof object === 'number' ? undefined : object.at(index);
  return value === undefined ? [] : [value];
}

function slice(object: Constant, node: Node, names: Names): readonly Constant[] {
  if (typeof object === 'number') return [];
  const [start, stop, step = 1] = ['start', 'stop', 'step'].map((name) => {
    const value = fold(part(node, name), names)[0];
    return typeof value === 'number' ? value : undefined;
  });
  const items: readonly Constant[] = typeof object === 'string' ? [...object] : object;
  const ordered = step < 0 ? [...items].reverse() : items.slice(start, stop);
  const taken = ordered.filter((_, index) => index % Math.max(1, Math.abs(step)) === 0);
  return [typeof object === 'string' ? taken.map(display).join('') : taken];
}

type Apply = (value: Constant, args: readonly Constant[]) => Constant | undefined;

function apply(
  how: Apply | undefined,
  values: readonly Constant[],
  args: readonly Node[],
  names: Names,
): readonly Constant[] {
  if (how === undefined) return [];
  const choices = combinations([values, ...args.map((each) => fold(keywordOf(each)?.value ?? each, names))]);
  if (choices === undefined) return [MANY];
  return choices.flatMap(([value, ...constants]) => {
    const result = value === undefined ? undefined : how(value, constants);
    return result === undefined ? [] : [result];
  });
}

const same: Apply = (value) => value;
const trimmed: Apply = (value, [chars]) => {
  if (typeof value !== 'string') return undefined;
  if (typeof chars !== 'string') return value.trim();
  return [...value].filter((char) => !chars.includes(char)).join('');
};
const upper: Apply = (value) => display(value).toUpperCase();
const lower: Apply = (value) => display(value).toLowerCase();
const reversed: Apply = (value) =>
  typeof value === 'string'
    ? [...value].reverse().join('')
    : isList(value)
      ? [...value].reverse()
      : undefined;

/** Filters of Jinja that mean something else as methods. */
const FILTERS: Readonly<Record<string, Apply>> = {
  join: (value, [separator = '']) => {
    const items = isList(value) ? value : [...display(value)];
    return items.map(display).join(display(separator));
  },
  format: (value, args) => percent(display(value), args),
  reverse: reversed,
  first: (value) => (typeof value === 'number' ? undefined : value.at(0)),
  last: (value) => (typeof value === 'number' ? undefined : value.at(-1)),
  list: (value) => (typeof value === 'string' ? [...value] : value),
  map: (value) => (isList(value) ? value : undefined),
  string: same,
  safe: same,
  default: same,
  e: same,
  escape: same,
  forceescape: same,
  trim: trimmed,
};

/** Methods of Python's strings, and the filters of the same name. */
const METHODS: Readonly<Record<string, Apply>> = {
  join: (value, [items]) => (isList(items) ? items.map(display).join(display(value)) : undefined),
  format: (value, args) => braces(display(value), args),
  replace: (value, [from = '', to = '']) => {
    const [text, piece, other] = [value, from, to].map(display) as [string, string, string];
    const tooLong = text.length * other.length > MAX_TEXT * 64;
    return piece === '' || tooLong ? undefined : text.replaceAll(piece, () => other);
  },
  split: (value, [separator = ' ']) => display(value).split(display(separator)).slice(0, MAX_ELEMENTS),
  strip: trimmed,
  lstrip: trimmed,
  rstrip: trimmed,
  upper,
  lower,
  title: same,
  capitalize: same,
};

/** Filters and methods that give numbers and truth values, or text that is no name. */
const NO_NAMES = new Set(
  'length count wordcount int float abs round find rfind index rindex startswith endswith isdigit tojson'.split(
    ' ',
  ),
);
const anything: Apply = () => MANY;

/** What is not known by its name may make any text of constants. */
function ofName(name: string): Apply | undefined {
  return own(METHODS, name) ?? (NO_NAMES.has(name) ? undefined : anything);
}

/** `'%s%c' % (a, b)`: every kind of placeholder is filled in as text. */
function percent(format: string, args: readonly Constant[]): string {
  let next = 0;
  return format.replace(/%[-+0-9.]*([a-z%])/g, (_, kind: string) => {
    if (kind === '%') return '%';
    const value = args[next++];
    return kind === 'c' && typeof value === 'number' ? character(value) : display(value ?? '');
  });
}

/** `'{}{1}{:c}'.format(a, b)`. */
function braces(format: string, args: readonly Constant[]): string {
  // {:_^9} fills up, which is not followed.
  if (/\{[^{}]*:[^{}]*[^\w{}][^{}]*\}/.test(format)) return MANY;
  let next = 0;
  return format.replace(/\{(\d*)(?::(\w*))?\}/g, (_, place: string, kind: string | undefined) => {
    const value = args[place === '' ? next++ : Number(place)];
    return kind === 'c' && typeof value === 'number' ? character(value) : display(value ?? '');
  });
}

/** Names come from the template: `constructor` is no filter. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function character(code: number): string {
  return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
}

function display(value: Constant): string {
  return typeof value === 'string' ? value : isList(value) ? value.map(display).join('') : String(value);
}

function isList(value: Constant | undefined): value is readonly Constant[] {
  return Array.isArray(value);
}

function sizeOf(value: Constant): number {
  if (typeof value === 'number') return 1;
  return typeof value === 'string'
    ? value.length
    : value.reduce((sum: number, each) => sum + 1 + sizeOf(each), 0);
}
