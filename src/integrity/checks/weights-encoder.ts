import type { GgufFacts } from '../../format/anatomy.ts';
import { VALUE } from '../../format/gguf-types.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';
import { checkNumber, describe, type Range } from './weights-keys.ts';

/** Behind `clip.vision.`, `clip.audio.` and `clip.text.`. Converters write 0 for some that a projector does not use. */
const NUMBERS: ReadonlyMap<string, Range> = new Map(
  Object.entries({
    image_size: { least: 1, most: 2 ** 16 },
    patch_size: { least: 1, most: 2 ** 12 },
    embedding_length: { least: 1, most: 2 ** 20 },
    feed_forward_length: { least: 0, most: 2 ** 24 },
    projection_dim: { least: 0, most: 2 ** 20 },
    block_count: { least: 0, most: 4096 },
    'attention.head_count': { least: 1, most: 2 ** 16 },
    spatial_merge_size: { least: 1, most: 2 ** 10 },
    num_mel_bins: { least: 1, most: 2 ** 12 },
  }),
);
const OTHERS: ReadonlyMap<string, Range> = new Map([
  ['clip.minicpmv_version', { least: 0, most: 2 ** 16 }],
  ['clip.minicpmv_query_num', { least: 1, most: 2 ** 16 }],
]);
const CHANNELS = 3;
const MOST_PINPOINTS = 4096;

/** GGUF-045: sizes of the image or audio encoder, by which its loader divides and allocates. */
export function checkEncoder(facts: GgufFacts): Finding[] {
  const encoder = /^clip\.(?:vision|audio|text)\.(.+)$/;
  return [...facts.metadata.keys()].flatMap((key) => {
    const range = OTHERS.get(key) ?? NUMBERS.get(encoder.exec(key)?.[1] ?? '');
    if (range !== undefined) return checkNumber('GGUF-045', facts, key, range);
    return list(facts, key);
  });
}

function list({ metadata, entries }: GgufFacts, key: string): Finding[] {
  const value = metadata.get(key);
  if (value === undefined) return [];
  const bad = (expected: string) => {
    const evidence = { offset: entries.get(key)?.at ?? 0, expected, found: describe(value) };
    return [finding('GGUF-045', evidence, escapeText(key, 60))];
  };
  if (key === 'clip.vision.image_mean' || key === 'clip.vision.image_std') {
    const right = typeof value === 'object' && value.elementType === VALUE.f32 && value.length === CHANNELS;
    return right ? [] : bad(`${CHANNELS} numbers of type f32, one a colour`);
  }
  if (key === 'clip.vision.image_grid_pinpoints') {
    const isPairs =
      typeof value === 'object' &&
      (value.elementType === VALUE.i32 || value.elementType === VALUE.u32) &&
      value.length % 2 === 0 &&
      value.length <= MOST_PINPOINTS;
    return isPairs ? [] : bad(`pairs of whole numbers, at most ${MOST_PINPOINTS / 2}`);
  }
  return [];
}
