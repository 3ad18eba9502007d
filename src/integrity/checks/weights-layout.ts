import type { GgufFacts } from '../../format/anatomy.ts';
import { escapeText } from '../../lib/text.ts';
import { formatBytes } from '../../lib/units.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/** Loaders say so below this; zipalign puts weights at multiples of 65536. */
const PAGE_BYTES = 16_384;
const KEY = /^[a-z0-9_.-]+$/;

/** GGUF: how the weights lie in the file, and what in their header is odd without being wrong. */
export function checkLayout(facts: GgufFacts): Finding[] {
  return [...page(facts), ...keys(facts), ...shapes(facts), ...gaps(facts), ...trailing(facts)];
}

function page({ offset }: GgufFacts): Finding[] {
  if (offset % PAGE_BYTES === 0) return [];
  const expected = `a multiple of ${PAGE_BYTES}`;
  return [finding('GGUF-003', { offset, expected, found: `${offset % PAGE_BYTES} bytes after one` })];
}

function keys({ entries }: GgufFacts): Finding[] {
  const odd = [...entries].filter(([key]) => !KEY.test(key));
  const [first] = odd;
  if (first === undefined) return [];
  const [key, { at }] = first;
  const found = `${escapeText(key, 80)}${odd.length > 1 ? `, and ${odd.length - 1} more` : ''}`;
  return [finding('GGUF-012a', { offset: at, expected: 'small letters, digits, _ . and -', found })];
}

function shapes({ layout: { scalarAt, emptyAt } }: GgufFacts): Finding[] {
  return [
    ...(scalarAt === undefined ? [] : [finding('GGUF-032a', { offset: scalarAt })]),
    ...(emptyAt === undefined ? [] : [finding('GGUF-033a', { offset: emptyAt })]),
  ];
}

function gaps({ layout: { gap } }: GgufFacts): Finding[] {
  if (gap === undefined) return [];
  const { offset, length, totalBytes } = gap;
  const found = `${formatBytes(totalBytes)} in all`;
  return [finding('GGUF-037a', { offset, length, expected: 'tensors back to back', found })];
}

function trailing({ offset, length, alignment, layout: { end } }: GgufFacts): Finding[] {
  const rest = offset + length - end;
  if (rest <= alignment) return [];
  const expected = `at most ${alignment} bytes of padding`;
  return [finding('GGUF-038a', { offset: end, length: rest, expected, found: formatBytes(rest) })];
}
