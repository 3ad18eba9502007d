import type { GgufArray, GgufFacts, GgufValue } from '../../format/anatomy.ts';
import { VALUE } from '../../format/gguf-types.ts';
import { escapeText } from '../../lib/text.ts';
import { type CheckId, finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/** What a number of the metadata may be. */
export interface Range {
  readonly least: number;
  readonly most: number;
  /** One value for each layer may stand in its place. */
  readonly perLayer?: true;
}

const ARCHITECTURE = /^[a-z0-9._-]{1,64}$/;
const MOST_LAYERS = 4096;
const INT32_MAX = 2 ** 31 - 1;

/**
 * Behind `{architecture}.`, all of type u32. Loaders divide by some of them, allocate by others, and take any value; the upper
 * ends lie far above every published model.
 */
const NUMBERS: Readonly<Record<string, Range>> = {
  block_count: { least: 1, most: MOST_LAYERS },
  context_length: { least: 1, most: INT32_MAX },
  embedding_length: { least: 1, most: 2 ** 20 },
  feed_forward_length: { least: 0, most: 2 ** 24, perLayer: true },
  'attention.head_count': { least: 1, most: 2 ** 16, perLayer: true },
  'attention.head_count_kv': { least: 0, most: 2 ** 16, perLayer: true },
  'attention.key_length': { least: 1, most: 2 ** 16 },
  'attention.value_length': { least: 1, most: 2 ** 16 },
  'rope.dimension_count': { least: 0, most: 2 ** 16 },
  vocab_size: { least: 1, most: 2 ** 24 },
  expert_count: { least: 0, most: 2 ** 16 },
  expert_used_count: { least: 0, most: 2 ** 16 },
};
/** Converters write a count of 0 heads for architectures that have no attention. */
const WITHOUT_ATTENTION = ['ssm.conv_kernel', 'ssm.state_size', 'wkv.head_size'];

const TEXTS = /^(general\.architecture|tokenizer\.ggml\.(model|pre)|tokenizer\.chat_template(\..+)?)$/;

/** GGUF-042: well-known keys have the types that loaders ask for, and values that a model can have. */
export function checkKeys(facts: GgufFacts): Finding[] {
  return [...texts(facts), ...numbers(facts)];
}

/**
 * A finding if the value is not a whole number of type u32 or i32 in the range, nor, where that may be, a list of such.
 * @param only the one type that loaders take, if they insist
 */
export function checkNumber(
  check: CheckId,
  { metadata, entries }: GgufFacts,
  key: string,
  range: Range,
  only?: number,
): Finding[] {
  const value = metadata.get(key);
  const entry = entries.get(key);
  if (value === undefined || entry === undefined) return [];
  const isList = typeof value === 'object';
  const { least, most, perLayer } = range;
  const right = isList ? perLayer === true && isRightList(value, most) : isWithin(value, least, most);
  const type = isList ? value.elementType : entry.type;
  const rightType = only === undefined || isList ? isInt32(type) : type === only;
  if (right && rightType) return [];
  return [
    finding(
      check,
      {
        offset: entry.at,
        expected: `a whole number of 32 bits (type ${only ?? VALUE.u32}), ${least} to ${most}`,
        found: `${describe(value)}, of type ${type}`,
      },
      escapeText(key, 60),
    ),
  ];
}

/** A value in a few words, escaped. */
export function describe(value: GgufValue): string {
  return typeof value === 'object' ? `a list of ${value.length}` : escapeText(String(value), 60);
}

function texts({ metadata, entries }: GgufFacts): Finding[] {
  const findings: Finding[] = [];
  for (const [key, { at, type }] of entries) {
    const value = metadata.get(key);
    if (value === undefined || !TEXTS.test(key) || typeof value === 'string') continue;
    const evidence = { offset: at, expected: 'text (type 8)', found: `${describe(value)}, of type ${type}` };
    findings.push(finding('GGUF-042', evidence, escapeText(key, 60)));
  }
  const architecture = metadata.get('general.architecture');
  if (typeof architecture === 'string' && !ARCHITECTURE.test(architecture)) {
    const offset = entries.get('general.architecture')?.at ?? 0;
    const evidence = { offset, expected: '1 to 64 small letters, digits, . _ and -' };
    const found = escapeText(architecture, 80) || 'nothing';
    findings.push(finding('GGUF-042', { ...evidence, found }, 'general.architecture'));
  }
  return findings;
}

function numbers(facts: GgufFacts): Finding[] {
  const { architecture, metadata } = facts;
  if (architecture === undefined) return [];
  const attention = !WITHOUT_ATTENTION.some((key) => metadata.has(`${architecture}.${key}`));
  return Object.entries(NUMBERS).flatMap(([key, range]) => {
    const mayBeNone = !attention && key.startsWith('attention.');
    const applied = mayBeNone ? { ...range, least: 0 } : range;
    return checkNumber('GGUF-042', facts, `${architecture}.${key}`, applied, VALUE.u32);
  });
}

// Models that mix attention with other layers have zeros in such lists.
function isRightList({ length, head }: GgufArray, most: number): boolean {
  return length >= 1 && length <= MOST_LAYERS && head.every((each) => isWithin(each, 0, most));
}

function isWithin(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

function isInt32(type: number): boolean {
  return type === VALUE.u32 || type === VALUE.i32;
}
