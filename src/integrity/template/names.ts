import { type Constant, fold, MANY, MAX_CANDIDATES } from './fold.ts';
import { identifierOf, keywordOf, list, type Node, part, walk } from './syntax.ts';

/** What a template calls its own. */
export interface Bindings {
  /** Variables, loop variables, macros and their parameters. */
  readonly local: ReadonlySet<string>;
  /** Name of a variable, or `.name` of an attribute → the constants that it is given somewhere. */
  readonly constants: ReadonlyMap<string, readonly Constant[]>;
}

/**
 * The names that a template binds, wherever and in whatever scope: which of several values a name has at one place is not
 * followed. Keyword arguments count as attributes of that name (`namespace(a='x')` makes `.a`) and as parameters.
 */
export function bind(program: Node): Bindings {
  const local = new Set<string>();
  const constants = new Map<string, Constant[]>();
  const macros = new Map<string, readonly Node[]>();
  const give = (name: string | undefined, values: readonly Constant[]) => {
    if (name === undefined || values.length === 0) return;
    const known = constants.get(name) ?? [];
    if (!constants.has(name)) constants.set(name, known);
    for (const value of values) if (!known.includes(value)) known.push(value);
    if (known.length > MAX_CANDIDATES || known.includes(MANY)) known.splice(0, known.length, MANY);
  };
  const look = (node: Node) => {
    const keyword = keywordOf(node);
    if (keyword !== undefined) {
      const values = fold(keyword.value, constants);
      give(keyword.name, values);
      give(`.${keyword.name}`, values);
    }
    const scope = { local, constants, give };
    if (node.type === 'Set') assign(part(node, 'assignee'), assignedTo(node, constants), scope);
    grow(node, scope);
    if (node.type === 'For') {
      assign(part(node, 'loopvar'), itemsOf(fold(part(node, 'iterable'), constants)), scope);
    }
    if (node.type === 'CallStatement') for (const each of list(node, 'callerArgs')) addParameter(each, local);
    if (node.type === 'Macro') {
      const name = identifierOf(part(node, 'name')) ?? '';
      local.add(name);
      macros.set(name, list(node, 'args'));
      for (const each of list(node, 'args')) addParameter(each, local);
    }
    if (node.type === 'CallExpression') {
      const parameters = macros.get(identifierOf(part(node, 'callee')) ?? '') ?? [];
      for (const [index, parameter] of parameters.entries()) {
        give(parameterName(parameter), fold(list(node, 'args')[index], constants));
      }
    }
  };
  // Twice: macros are written before what they are called with.
  walk(program, look);
  walk(program, look);
  return { local, constants };
}

/** Pieces of names of Python's own. */
const PIECE = /^_|_$/;
const GROWING = new Set(['append', 'extend', 'insert']);

// What a loop or a list collects piece by piece is not followed: with such pieces it may be any name.
function grow(node: Node, { constants, give }: Scope): void {
  const hasPiece = (each: Node | undefined) =>
    fold(each, constants).some((value) =>
      (isList(value) ? value : [value]).some((one) => typeof one === 'string' && PIECE.test(one)),
    );
  const callee = node.type === 'CallExpression' ? part(node, 'callee') : undefined;
  if (callee?.type === 'MemberExpression' && GROWING.has(identifierOf(part(callee, 'property')) ?? '')) {
    if (list(node, 'args').some(hasPiece)) give(bound(part(callee, 'object')), [MANY]);
  }
  const value = node.type === 'Set' ? part(node, 'value') : undefined;
  const name = bound(part(node, 'assignee'));
  if (value?.type !== 'BinaryExpression' || name === undefined) return;
  const sides = [part(value, 'left'), part(value, 'right')];
  if (sides.some((side) => bound(side) === name) && sides.some(hasPiece)) give(name, [MANY]);
}

/** As `Bindings.constants` has it. */
function bound(node: Node | undefined): string | undefined {
  if (node?.type !== 'MemberExpression') return identifierOf(node);
  const name = node.computed === true ? undefined : identifierOf(part(node, 'property'));
  return name === undefined ? undefined : `.${name}`;
}

interface Scope extends Bindings {
  readonly local: Set<string>;
  give(name: string | undefined, values: readonly Constant[]): void;
}

function assign(target: Node | undefined, values: readonly Constant[], { local, give }: Scope): void {
  if (target?.type === 'MemberExpression') {
    give(`.${identifierOf(part(target, 'property')) ?? ''}`, values);
    return;
  }
  const isTuple = target?.type === 'TupleLiteral';
  const names = isTuple ? list(target, 'value').map(identifierOf) : [identifierOf(target)];
  for (const [index, name] of names.entries()) {
    if (name !== undefined) local.add(name);
    const own = isTuple
      ? values.flatMap((value) => (isList(value) ? (value[index] ?? []) : value === MANY ? value : []))
      : values;
    give(name, own);
  }
}

function assignedTo(node: Node, constants: Bindings['constants']): readonly Constant[] {
  const value = part(node, 'value');
  if (value !== undefined) return fold(value, constants);
  // {% set x %}text{% endset %}
  const body = list(node, 'body').map((each) => fold(each, constants)[0]);
  return body.every((each) => typeof each === 'string') ? [body.join('')] : [];
}

function itemsOf(values: readonly Constant[]): readonly Constant[] {
  return values.flatMap((value) => {
    if (value === MANY) return value;
    return typeof value === 'string' ? [...value] : isList(value) ? value : [];
  });
}

function addParameter(node: Node, local: Set<string>): void {
  const name = parameterName(node);
  if (name !== undefined) local.add(name);
}

function parameterName(node: Node): string | undefined {
  return keywordOf(node)?.name ?? identifierOf(node);
}

function isList(value: Constant): value is readonly Constant[] {
  return Array.isArray(value);
}
