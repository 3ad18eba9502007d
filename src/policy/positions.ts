import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node, type Pair } from 'yaml';
import { escapeText } from '../lib/text.ts';

/** A parsed policy file, with what is needed to say where something stands in it. */
export interface Located {
  /** What messages call the file. */
  readonly name: string;
  readonly text: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** Lines and columns from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Where an offset of the text is. */
export function placeAt({ lines }: Located, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** "file:line:column", and that line with a mark under the column. */
export function pointAt(file: Located, offset: number): { readonly where: string; readonly excerpt: string } {
  const { line, column } = placeAt(file, offset);
  const text = file.text.split('\n', line)[line - 1] ?? '';
  const from = Math.max(0, column - MAX_EXCERPT);
  const shown = [...text.slice(from, from + MAX_EXCERPT)].map(visible).join('');
  const margin = ' '.repeat(String(line).length);
  return {
    where: `${file.name}:${line}:${column}`,
    excerpt: `${line} | ${shown}\n${margin} | ${' '.repeat(column - 1 - from)}^`,
  };
}

const MAX_EXCERPT = 100;

// One character for one, so that the mark stands where it belongs.
function visible(char: string): string {
  return char === '\\' || escapeText(char) === char ? char : '·';
}

/** Where the value at these keys begins; where it is missing, the deepest part of the way that is there. */
export function offsetOf({ document }: Located, keys: readonly unknown[]): number {
  for (let depth = keys.length; depth > 0; depth--) {
    const range = (document.getIn(keys.slice(0, depth), true) as Node | undefined)?.range;
    if (range) return range[0];
  }
  return 0;
}

/** The pairs of a mapping, through an alias; none for what is no mapping. */
export function pairsOf(file: Located, node: unknown): readonly Pair<unknown, unknown>[] {
  const map = followed(file, node);
  return isMap(map) ? map.items : [];
}

/** The entries of a list, through an alias; none for what is no list. */
export function itemsOf(file: Located, node: unknown): readonly unknown[] {
  const list = followed(file, node);
  return isSeq(list) ? list.items : [];
}

/** The value of a key of a mapping, aliases followed; undefined where there is none. */
export function valueAt(file: Located, map: unknown, key: string): unknown {
  const pair = pairsOf(file, map).find((one) => keyOf(one)?.key === key);
  return pair === undefined ? undefined : followed(file, pair.value);
}

/** Whether it is a list, through an alias too. */
export function isList(file: Located, node: unknown): boolean {
  return isSeq(followed(file, node));
}

function followed({ document }: Located, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

/** A key as text, and where it stands; undefined for keys that are no text: numbers, lists. */
export function keyOf(
  pair: Pair<unknown, unknown>,
): { readonly key: string; readonly offset: number } | undefined {
  if (!isScalar(pair.key) || typeof pair.key.value !== 'string') return undefined;
  return { key: pair.key.value, offset: pair.key.range?.[0] ?? 0 };
}
