import { escapeText } from '../../lib/text.ts';
import {
  ATTRIBUTE_FILTERS,
  CALLED_GLOBALS,
  CALLS,
  DUNDER,
  FORMAT_OF_ATTRIBUTES,
  GENERATORS,
  GLOBALS,
  INTERNALS,
  MANGLED,
  METHODS,
  MODULES,
  WIDTHS,
} from './danger.ts';
import { fold, MANY } from './fold.ts';
import { type Bindings, bind } from './names.ts';
import {
  filterOf,
  identifierOf,
  keywordOf,
  list,
  type Node,
  operatorOf,
  part,
  parts,
  textOf,
} from './syntax.ts';

/** A range or a width that no conversation needs; the engine makes the whole list. */
const MAX_ITEMS = 100_000;
const MAX_ROUNDS = 10_000_000;
const MAX_EXPONENT = 10_000;
const MAX_REASONS = 6;

/**
 * What in a template's code reaches for the machine that runs it, or keeps it busy for ever: a few words each, escaped.
 * Text and comments are not looked at, nor are strings unless they are used as the name of something.
 * @throws RangeError on expressions of many thousand parts
 */
export function lintTemplate(program: Node): string[] {
  const linter = new Linter(bind(program));
  linter.visit(program, 1);
  return [...linter.reasons].slice(0, MAX_REASONS);
}

class Linter {
  readonly reasons = new Set<string>();
  readonly #bindings: Bindings;

  constructor(bindings: Bindings) {
    this.#bindings = bindings;
  }

  /** @param rounds how often the loops around this place run, as far as that can be seen */
  visit(node: Node, rounds: number): void {
    if (node.type === 'For') {
      this.#loop(node, rounds);
      return;
    }
    for (const each of this.#judge(node)) this.visit(each, rounds);
  }

  /** Judges a node by itself. The nodes in it that are code of their own: names of attributes, filters and tests are not. */
  #judge(node: Node): readonly Node[] {
    switch (node.type) {
      case 'Identifier':
        this.#variable(textOf(node) ?? '');
        return [];
      case 'MemberExpression':
        this.#member(node);
        return node.computed === true ? parts(node) : some(part(node, 'object'));
      case 'CallExpression':
        return this.#call(node) ? list(node, 'args') : parts(node);
      case 'FilterExpression':
      case 'FilterStatement':
        this.#filter(node);
        return [...some(part(node, 'operand')), ...filterOf(node).args, ...list(node, 'body')];
      case 'TestExpression':
        return some(part(node, 'operand'));
      case 'KeywordArgumentExpression':
        return some(part(node, 'value'));
      case 'BinaryExpression':
        this.#growth(node);
        return parts(node);
      default:
        return parts(node);
    }
  }

  #variable(name: string): void {
    if (this.#bindings.local.has(name)) return;
    if (GLOBALS.has(name) || CALLED_GLOBALS.has(name) || DUNDER.test(name)) this.#add(name);
  }

  #member(node: Node): void {
    const property = part(node, 'property');
    const object = identifierOf(part(node, 'object')) ?? '';
    if (MODULES.has(object) && !this.#bindings.local.has(object)) this.#add(`${object}.…`);
    if (node.computed !== true) {
      this.#attribute(textOf(property) ?? '', (name) => `.${name}`);
      return;
    }
    if (property?.type === 'SliceExpression') return;
    const named = this.#names(property, (name) => {
      const how = property?.type === 'StringLiteral' ? '' : ', put together from pieces';
      return `[${name}]${how}`;
    });
    if (!named && property !== undefined && hasPiece(property))
      this.#add('a key put together from pieces with __');
  }

  /** Whether the callee is a plain name, which is then judged as a function and not as a variable. */
  #call(node: Node): boolean {
    const callee = part(node, 'callee');
    const name = identifierOf(callee);
    if (name !== undefined) {
      // A macro or its caller can do with it what is not followed.
      for (const each of list(node, 'args')) this.#handedOn(keywordOf(each)?.value ?? each);
      if (this.#bindings.local.has(name)) return true;
      if (CALLS.has(name) || GLOBALS.has(name) || DUNDER.test(name)) this.#add(`${name}(…)`);
      if (name === 'range' && this.#rangeLength(node) > MAX_ITEMS) this.#add('a range of very many numbers');
      return true;
    }
    if (callee?.type !== 'MemberExpression') return false;
    const method = part(callee, 'property');
    const names = callee.computed === true ? this.#fold(method) : [textOf(method)];
    for (const each of names) {
      if (typeof each === 'string' && METHODS.has(each)) this.#add(`.${each}(…)`);
      if (each === 'format') this.#format(part(callee, 'object'));
      if (typeof each === 'string' && WIDTHS.has(each)) this.#width(list(node, 'args'));
    }
    return false;
  }

  #handedOn(node: Node): void {
    const text = node.type === 'StringLiteral' ? (textOf(node) ?? '') : '';
    if (DUNDER.test(text)) this.#add(`${text}, handed on`);
  }

  #filter(node: Node): void {
    const { name, args } = filterOf(node);
    if (name === 'attr') this.#add('the filter attr');
    if (name === 'format') this.#format(part(node, 'operand'));
    if (WIDTHS.has(name)) this.#width(args);
    if (DUNDER.test(name)) this.#add(`|${name}`);
    if (name === 'string' || name === 'list') this.#objectText(part(node, 'operand'), name);
    const place = Object.hasOwn(ATTRIBUTE_FILTERS, name) ? ATTRIBUTE_FILTERS[name] : undefined;
    if (place === undefined) return;
    if (name === 'map' && this.#fold(args[0]).includes('attr')) this.#add('the filter attr, by map');
    for (const [index, each] of args.entries()) {
      const keyword = keywordOf(each);
      if (keyword === undefined ? index !== place : keyword.name !== 'attribute') continue;
      this.#names(keyword?.value ?? each, (attribute) => `${name}(attribute ${attribute})`);
    }
  }

  // {{ (x|select|string|list)[24] }} is an underscore that stands nowhere in the template.
  #objectText(operand: Node | undefined, name: string): void {
    if (operand?.type !== 'FilterExpression' || name !== 'string') return;
    if (GENERATORS.has(filterOf(operand).name)) this.#add('the text of an internal object');
  }

  #format(format: Node | undefined): void {
    const hit = this.#fold(format).some(
      (each) => typeof each === 'string' && FORMAT_OF_ATTRIBUTES.test(each),
    );
    if (hit) this.#add('a format that reads attributes');
  }

  #width(args: readonly Node[]): void {
    const values = args.flatMap((each) => this.#fold(keywordOf(each)?.value ?? each));
    if (values.some((value) => typeof value === 'number' && value > MAX_ITEMS))
      this.#add('a very large width');
  }

  #growth(node: Node): void {
    const operator = operatorOf(node);
    if (operator !== '*' && operator !== '**') return;
    const sides = [part(node, 'left'), part(node, 'right')].map((each) => this.#fold(each));
    const [left = [], right = []] = sides;
    if (operator === '**') {
      if (right.some((value) => typeof value === 'number' && value > MAX_EXPONENT))
        this.#add('a very large power');
      return;
    }
    const isLarge = (value: unknown) => typeof value === 'number' && value > MAX_ITEMS;
    const isText = (value: unknown) => typeof value !== 'number';
    if ((left.some(isText) && right.some(isLarge)) || (left.some(isLarge) && right.some(isText))) {
      this.#add('a text repeated very often');
    }
  }

  #loop(node: Node, rounds: number): void {
    const iterable = part(node, 'iterable');
    const lists = this.#fold(iterable).map((each) => (typeof each === 'number' ? 1 : each.length));
    const inner = rounds * Math.max(1, this.#rangeLength(iterable), ...lists);
    if (inner > MAX_ROUNDS) this.#add('loops that run very often');
    for (const each of some(iterable)) this.visit(each, rounds);
    for (const each of [...list(node, 'body'), ...list(node, 'defaultBlock')]) this.visit(each, inner);
  }

  #rangeLength(node: Node | undefined): number {
    if (node?.type !== 'CallExpression' || identifierOf(part(node, 'callee')) !== 'range') return 0;
    const numbers = list(node, 'args').map((each) => Math.max(...this.#fold(each).filter(isNumber)));
    if (numbers.length === 0 || numbers.some((each) => !Number.isFinite(each))) return 0;
    const [start = 0, stop = 0, step = 1] = numbers.length === 1 ? [0, ...numbers] : numbers;
    return Math.max(0, Math.ceil((stop - start) / (step || 1)));
  }

  /** Judges an expression that is used as a name. Whether it was one that counts. */
  #names(node: Node | undefined, shown: (name: string) => string): boolean {
    let hit = false;
    for (const value of this.#fold(node)) {
      if (typeof value !== 'string') continue;
      if (value === MANY) {
        this.#add('a name that may be very many things');
        hit = true;
      }
      for (const name of value.split('.')) hit = this.#attribute(name, shown) || hit;
    }
    return hit;
  }

  #attribute(name: string, shown: (name: string) => string): boolean {
    const hit = DUNDER.test(name) || MANGLED.test(name) || INTERNALS.has(name);
    if (hit) this.#add(shown(name));
    return hit;
  }

  #fold(node: Node | undefined) {
    return fold(node, this.#bindings.constants);
  }

  #add(reason: string): void {
    if (this.reasons.size < MAX_REASONS) this.reasons.add(escapeText(reason, 60));
  }
}

/** Whether something that depends on more than constants is joined with the beginning or end of a name of Python's own. */
function hasPiece(node: Node): boolean {
  if (node.type === 'StringLiteral') return /^__|__$/.test(textOf(node) ?? '');
  if (
    node.type !== 'BinaryExpression' &&
    node.type !== 'FilterExpression' &&
    node.type !== 'CallExpression'
  ) {
    return false;
  }
  return parts(node).some(hasPiece);
}

function some(node: Node | undefined): readonly Node[] {
  return node === undefined ? [] : [node];
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
