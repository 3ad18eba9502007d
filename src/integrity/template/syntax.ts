/** A node of the parser's syntax tree. Its parts are nodes, lists of nodes, maps of nodes, tokens and plain values. */
export interface Node {
  readonly type: string;
  readonly [part: string]: unknown;
}

/** A template longer than this is not parsed. Genuine ones have at most some 20 KiB. */
export const MAX_TEMPLATE_CHARACTERS = 256 * 1024;
/** Of all templates of a file together. */
export const MAX_PARSED_CHARACTERS = 1024 * 1024;

const RUN_OF_SPACE = /\s{65,}/g;
const GENERATION = /\{%(-?)\s*(?:end)?generation\s*(-?)%\}/g;

/**
 * The syntax tree of a template, or undefined where the parser gives up. The parser is loaded on first use.
 *
 * It drops the tags `generation` and `endgeneration` before it reads on, which could turn what is no comment into one: here an
 * expression stands in their place. Its own search for them takes quadratic time on runs of space, which are cut short first.
 */
export async function parseTemplate(source: string): Promise<Node | undefined> {
  const { parse, tokenize } = await import('@huggingface/jinja');
  const plain = source
    .replace(RUN_OF_SPACE, (run) => run.slice(0, 64))
    .replace(GENERATION, (_, before: string, after: string) => `{{${before}0${after}}}`);
  try {
    return parse(testsAsFilters(tokenize(plain))) as unknown as Node;
  } catch {
    return undefined; // the caller reports it; RangeError (too deeply nested) is as unreadable as a fault of syntax
  }
}

interface Token {
  readonly type: string;
  readonly value: string;
}

/** The parser knows no tests with arguments, which llama.cpp runs: `x is divisibleby(2)` is read as `x | divisibleby(2)`. */
function testsAsFilters<T extends Token>(tokens: readonly T[]): T[] {
  const isName = (token: T | undefined, name?: string) =>
    token?.type === 'Identifier' && (name === undefined || token.value === name);
  const changed: T[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (token === undefined) break;
    const name = isName(tokens[index + 1], 'not') ? index + 2 : index + 1;
    if (isName(token, 'is') && isName(tokens[name]) && tokens[name + 1]?.type === 'OpenParen') {
      changed.push({ ...token, type: 'Pipe', value: '|' });
      index = name - 1;
    } else {
      changed.push(token);
    }
  }
  return changed;
}

/** The parts of a node that are nodes, in the order of the source. An operator is a token, which is none. */
export function parts(node: Node): Node[] {
  return Object.entries(node).flatMap(([name, value]) => (name === 'operator' ? [] : nodesIn(value)));
}

/** A part that must be a node. */
export function part(node: Node, name: string): Node | undefined {
  const value = node[name];
  return isNode(value) ? value : undefined;
}

/** A part that is a list of nodes; empty where there is none. */
export function list(node: Node, name: string): Node[] {
  const value = node[name];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The text of an identifier or a literal string; undefined for everything else. */
export function textOf(node: Node | undefined): string | undefined {
  if (node === undefined || (node.type !== 'Identifier' && node.type !== 'StringLiteral')) return undefined;
  return typeof node.value === 'string' ? node.value : undefined;
}

export function identifierOf(node: Node | undefined): string | undefined {
  return node?.type === 'Identifier' ? textOf(node) : undefined;
}

/** `+`, `~`, `in`, `and`, and so on. */
export function operatorOf(node: Node): string {
  const operator = node.operator as { readonly value?: unknown } | undefined;
  return typeof operator?.value === 'string' ? operator.value : '';
}

/** The name of a filter, with the arguments that it is given. */
export function filterOf(node: Node): { readonly name: string; readonly args: Node[] } {
  const filter = part(node, 'filter');
  if (filter?.type !== 'CallExpression') return { name: identifierOf(filter) ?? '', args: [] };
  return { name: identifierOf(part(filter, 'callee')) ?? '', args: list(filter, 'args') };
}

/** The name of a keyword argument, and its value. */
export function keywordOf(node: Node): { readonly name: string; readonly value: Node } | undefined {
  const value = part(node, 'value');
  const name = identifierOf(part(node, 'key'));
  if (node.type !== 'KeywordArgumentExpression' || name === undefined || value === undefined)
    return undefined;
  return { name, value };
}

/** Calls `visit` for the node and all below it. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node);
  for (const each of parts(node)) walk(each, visit);
}

function nodesIn(value: unknown): Node[] {
  if (Array.isArray(value)) return value.filter(isNode);
  if (value instanceof Map) return [...value].flat().filter(isNode);
  return isNode(value) ? [value] : [];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
