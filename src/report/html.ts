import { escapeText } from '../lib/text.ts';

declare const safe: unique symbol;

/** Markup in which every text is escaped. Only `html` and `raw` make it. */
export interface Html {
  readonly [safe]: true;
  readonly text: string;
}

type Value = string | number | bigint | Html | readonly Html[] | undefined;

/** Markup from a template: strings in it are escaped, for a reader (controls, bidi) and for HTML; markup stays. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return raw(strings.map((part, index) => part + markup(values[index])).join(''));
}

/** Text that is markup already: styles and scripts of our own. */
export function raw(text: string): Html {
  return { text } as Html;
}

function markup(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return escapeMarkup(escapeText(value, MAX_TEXT));
  if ('text' in value) return value.text;
  return value.map(({ text }) => text).join('');
}

/** Longest single text on a page; longer ones end in an ellipsis. */
const MAX_TEXT = 4000;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
}

/** Text that was escaped for a reader already, such as labels of regions and titles of findings. */
export function shown(text: string): Html {
  return raw(escapeMarkup(text));
}
