import type { GgufFacts } from '../../format/anatomy.ts';
import { VALUE } from '../../format/gguf-types.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';
import { describe } from './weights-keys.ts';

/** Key → types of its elements that loaders read it as. Merges are pairs of tokens: their number is their own. */
const LISTS: Readonly<Record<string, { readonly types: readonly number[]; readonly perToken: boolean }>> = {
  'tokenizer.ggml.tokens': { types: [VALUE.string], perToken: true },
  'tokenizer.ggml.scores': { types: [VALUE.f32], perToken: true },
  'tokenizer.ggml.token_type': { types: [VALUE.i32, VALUE.u32], perToken: true },
  'tokenizer.ggml.merges': { types: [VALUE.string], perToken: false },
};
const TOKENS = 'tokenizer.ggml.tokens';
const SPECIAL = /^tokenizer\.ggml\.[a-z_]+_token_ids?$/;
const PADDING = 'tokenizer.ggml.padding_token_id';
/** "None", as loaders mean it: -1. */
const NO_TOKEN = 0xffffffff;

/** GGUF: the lists of the tokenizer against each other, special tokens against the list, tokens of single bytes. */
export function checkVocabulary(facts: GgufFacts): Finding[] {
  return [...lists(facts), ...specialTokens(facts), ...byteTokens(facts)];
}

function lists({ metadata, entries }: GgufFacts): Finding[] {
  const tokens = metadata.get(TOKENS);
  const count = typeof tokens === 'object' ? tokens.length : undefined;
  return Object.entries(LISTS).flatMap(([key, { types, perToken }]) => {
    const value = metadata.get(key);
    if (value === undefined) return [];
    const isList = typeof value === 'object' && types.includes(value.elementType);
    if (isList && (!perToken || count === undefined || value.length === count)) return [];
    const kind = typeof value === 'object' ? `, of type ${value.elementType}` : '';
    const expected = `a list of type ${types.join(' or ')}${perToken && count !== undefined ? ` of ${count}, one a token` : ''}`;
    const evidence = { offset: entries.get(key)?.at ?? 0, expected, found: `${describe(value)}${kind}` };
    return [finding('GGUF-041a', evidence, key)];
  });
}

function specialTokens(facts: GgufFacts): Finding[] {
  const { metadata, entries, architecture } = facts;
  const size = vocabularySize(facts);
  const special = [...metadata].filter(
    ([key]) => SPECIAL.test(key) || key === `${architecture}.decoder_start_token_id`,
  );
  return special.flatMap(([key, value]) => {
    const ids = typeof value === 'object' ? value.head : [value];
    const bad = ids.find((id) => !isToken(id, size));
    if (bad === undefined) return [];
    const evidence = {
      offset: entries.get(key)?.at ?? 0,
      expected: size === undefined ? 'the number of a token' : `a number below ${size}`,
      found: escapeText(String(bad), 60),
    };
    return [finding(key === PADDING ? 'GGUF-043a' : 'GGUF-043', evidence, escapeText(key, 60))];
  });
}

function vocabularySize({ metadata, architecture }: GgufFacts): number | undefined {
  const tokens = metadata.get(TOKENS);
  if (typeof tokens === 'object') return tokens.length;
  const told = metadata.get(`${architecture}.vocab_size`);
  return typeof told === 'number' ? told : undefined;
}

function isToken(id: unknown, size = NO_TOKEN): boolean {
  if (typeof id !== 'number' || !Number.isInteger(id)) return false;
  return id === NO_TOKEN || id === -1 || (id >= 0 && id < size);
}

function byteTokens({ vocabulary: { brokenBytes, otherBytes }, entries }: GgufFacts): Finding[] {
  const offset = entries.get(TOKENS)?.at ?? 0;
  const expected = '<0x00> to <0xFF>';
  const findings: Finding[] = [];
  if (brokenBytes !== undefined) {
    const { count, first } = brokenBytes;
    const found = `token ${first.index}, ${escapeText(first.text, 20)}${more(count)}`;
    findings.push(finding('GGUF-044', { offset, expected, found }));
  }
  if (otherBytes !== undefined) {
    const { count, first } = otherBytes;
    findings.push(finding('GGUF-044a', { offset, expected, found: `token ${first.index}${more(count)}` }));
  }
  return findings;
}

function more(count: number): string {
  return count > 1 ? `, and ${count - 1} more` : '';
}
