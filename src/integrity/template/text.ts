import { keywordOf, list, type Node, operatorOf, part, parts, textOf, walk } from './syntax.ts';

/** Characters that nobody sees: zero-width ones, controls of direction, tags. Joiners are left out, which scripts and emoji need. */
const INVISIBLE =
  /[\u00ad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u{e0000}-\u{e007f}]/u;
const URL = /\b(?:https?|ftp|wss?|file):\/\/[^\s"'<>{}|]{1,200}/i;
const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
/** Four numbers; a fifth, or a version's `v`, makes it something else. */
const IPV4 = new RegExp(`(?<![\\d.vV])${OCTET}(?:\\.${OCTET}){3}(?!\\.?\\d)`);
const COMPARISONS = new Set(['in', '==']);
const SEARCHES = new Set(['startswith', 'endswith', 'find', 'count', 'index', '__contains__']);
/** Ordinary words, as people write them; marks of a format have other characters. */
const WORDS = /^\p{L}[\p{L}\p{N} ,.!?'-]{2,}$/u;
/** Sentences: so many words, marks of a format aside. */
const PROSE_WORDS = 8;

/** The first invisible character, as `U+200B`. A byte order mark at the very start is none. */
export function invisibleIn(source: string): string | undefined {
  const hit = INVISIBLE.exec(source.replace(/^\ufeff/, ''));
  return hit === null
    ? undefined
    : `U+${(hit[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** The first address of the network outside of comments. */
export function addressIn(source: string): string | undefined {
  const text = withoutComments(source);
  return (URL.exec(text) ?? IPV4.exec(text))?.[0];
}

/**
 * Words for which a template looks in a message, to say sentences of its own if it finds them: a template that behaves well
 * until somebody writes about a certain thing. Looking for marks of a format, and short insertions, are ordinary.
 */
export function gatedOrder(program: Node): string | undefined {
  const aliases = contentNames(program);
  let found: string | undefined;
  walk(program, (node) => {
    if (found !== undefined || (node.type !== 'If' && node.type !== 'Ternary')) return;
    const test = part(node, 'test');
    const word = test === undefined ? undefined : comparedWord(test, aliases);
    if (word === undefined) return;
    const said = node.type === 'If' ? list(node, 'body') : [part(node, 'trueExpr')];
    if (said.some((each) => each !== undefined && saysSentences(each))) found = word;
  });
  return found;
}

/** Variables that hold a message's content, or a part of it. */
function contentNames(program: Node): ReadonlySet<string> {
  const names = new Set(['content']);
  walk(program, (node) => {
    if (node.type !== 'Set') return;
    const name = textOf(part(node, 'assignee'));
    const value = part(node, 'value');
    if (name !== undefined && value !== undefined && mentions(value, names)) names.add(name);
  });
  return names;
}

function mentions(node: Node, names: ReadonlySet<string>): boolean {
  if (node.type === 'Identifier') return names.has(textOf(node) ?? '');
  const keyword = keywordOf(node);
  if (keyword !== undefined) return mentions(keyword.value, names);
  if (node.type !== 'MemberExpression') return parts(node).some((each) => mentions(each, names));
  // Names of attributes are no variables: namespace(content='').messages has nothing of a message.
  if (textOf(part(node, 'property')) === 'content') return true;
  const inside = [part(node, 'object'), node.computed === true ? part(node, 'property') : undefined];
  return inside.some((each) => each !== undefined && mentions(each, names));
}

function comparedWord(node: Node, names: ReadonlySet<string>): string | undefined {
  const own =
    node.type === 'BinaryExpression' && COMPARISONS.has(operatorOf(node)) ? sides(node) : searched(node);
  for (const [text, other] of own) {
    if (text !== undefined && other !== undefined && WORDS.test(text) && mentions(other, names)) return text;
  }
  for (const each of parts(node)) {
    const word = comparedWord(each, names);
    if (word !== undefined) return word;
  }
  return undefined;
}

type Compared = readonly (readonly [text: string | undefined, other: Node | undefined])[];

function sides(node: Node): Compared {
  const [left, right] = [part(node, 'left'), part(node, 'right')];
  return [
    [literal(left), right],
    [literal(right), left],
  ];
}

/** message.content.startswith('words') */
function searched(node: Node): Compared {
  const callee = node.type === 'CallExpression' ? part(node, 'callee') : undefined;
  if (callee === undefined || !SEARCHES.has(textOf(part(callee, 'property')) ?? '')) return [];
  return [[literal(list(node, 'args')[0]), part(callee, 'object')]];
}

function literal(node: Node | undefined): string | undefined {
  return node?.type === 'StringLiteral' ? textOf(node) : undefined;
}

// Only what is said at once: what stands in a further condition has a test of its own.
function saysSentences(node: Node): boolean {
  if (node.type === 'If') return false;
  if (node.type === 'StringLiteral') {
    const words = (textOf(node) ?? '').replace(/<[^<>]{1,60}>|\[[^[\]]{1,60}\]/g, ' ').match(/\p{L}{2,}/gu);
    return (words?.length ?? 0) >= PROSE_WORDS;
  }
  return parts(node).some(saysSentences);
}

function withoutComments(source: string): string {
  let text = '';
  let at = 0;
  while (at < source.length) {
    const open = source.indexOf('{#', at);
    if (open === -1) break;
    text += source.slice(at, open);
    const close = source.indexOf('#}', open);
    if (close === -1) return text;
    at = close + 2;
  }
  return text + source.slice(at);
}
