import { assimilate, buildApe, syntheticElf } from '../../src/demo/ape-writer.ts';
import { type GgufModel, writeGguf } from '../../src/demo/gguf-writer.ts';
import { appendBaseZip, infozipRewrite, type ZipEntry, zipalignAppend } from '../../src/demo/zip-writer.ts';
import { readAnatomy } from '../../src/format/read.ts';
import { bufferSource } from '../../src/format/source.ts';
import { linkedLlamafile } from '../fixtures/apelink.ts';
import { fixtureBase, fixtureLlamafile, modelEntries, TINY_MODEL } from '../fixtures/llamafile.ts';

/** A well-formed file, and the places where a change has a meaning. */
export interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
  readonly fields: readonly Field[];
  /** Offsets of whole records: what can be moved, doubled or removed. */
  readonly records: readonly { readonly offset: number; readonly length: number }[];
}

export interface Field {
  readonly offset: number;
  readonly width: 1 | 2 | 4 | 8;
}

const LICENCE: ZipEntry = { name: 'LICENSE', content: Buffer.from('free\n'), method: 'deflated' };

/** More of everything than the tiny model has: arrays of each type, a template, special tokens. */
const RICH_MODEL: GgufModel = {
  metadata: [
    ...TINY_MODEL.metadata,
    ['tokenizer.chat_template', 'string', '{% for m in messages %}{{ m.role ~ m["content"] }}{% endfor %}'],
    ['tokenizer.ggml.token_type', 'i32[]', [3, 3, 1, 1, 1, 1, 1, 1, 1, 6]],
    ['tokenizer.ggml.bos_token_id', 'u32', 0],
    ['general.alignment', 'u32', 32],
  ],
  tensors: TINY_MODEL.tensors,
};

/** Files of every shape, small enough that a case takes a millisecond. */
export function makeSeeds(): Seed[] {
  const two = fixtureLlamafile();
  const args: ZipEntry = { name: '.args', content: Buffer.from('-m model.gguf "--temp" 0.7\n...\n') };
  const files: Readonly<Record<string, Buffer>> = {
    base: fixtureBase(),
    llamafile: two,
    'three generations': zipalignAppend(two, [args, LICENCE]),
    rich: fixtureLlamafile([...modelEntries(writeGguf(RICH_MODEL)), LICENCE]),
    infozip: infozipRewrite(two, [LICENCE]),
    assimilated: assimilate(two),
    linked: linkedLlamafile(),
    'x86-64 only': zipalignAppend(
      buildApe({ x86Elf: syntheticElf(), loaders: { x86: syntheticElf() }, zipEntries: [LICENCE] }),
      modelEntries(),
    ),
    'plain ELF': appendBaseZip(syntheticElf(), modelEntries(writeGguf(RICH_MODEL))),
  };
  return Object.entries(files).map(([name, bytes]) => ({ name, bytes, ...placesOf(bytes) }));
}

/** Fixed parts of the formats: offset in the structure → width of the field. */
const FIELDS: Readonly<Record<string, readonly (readonly [number, Field['width']])[]>> = {
  'zip-local-header': [
    ...fields(2, 0, 2, 4, 6, 8, 10, 12, 26, 28),
    ...fields(4, 14, 18, 22),
    ...fields(8, 34, 42),
  ],
  'zip-eocd': [...fields(2, 4, 6, 8, 10, 20), ...fields(4, 0, 12, 16)],
  'zip-eocd64': [...fields(4, 0, 16, 20), ...fields(8, 4, 24, 32, 40, 48)],
  'zip-eocd64-locator': [...fields(4, 0, 4, 16), ...fields(8, 8)],
};
const CENTRAL = [...fields(2, 4, 6, 8, 10, 28, 30, 32, 34, 36), ...fields(4, 16, 20, 24, 38, 42)];

function fields(width: Field['width'], ...offsets: number[]): (readonly [number, Field['width']])[] {
  return offsets.map((offset) => [offset, width] as const);
}

function placesOf(bytes: Buffer): Pick<Seed, 'fields' | 'records'> {
  const anatomy = readAnatomy(bufferSource(bytes));
  const found: Field[] = [];
  const add = (start: number, list: readonly (readonly [number, Field['width']])[]) => {
    for (const [at, width] of list) found.push({ offset: start + at, width });
  };
  for (const { kind, offset, length } of anatomy.regions) {
    add(offset, FIELDS[kind] ?? []);
    if (
      kind === 'gguf-header' ||
      kind === 'program-headers' ||
      kind === 'elf-header' ||
      kind === 'ape-header'
    ) {
      add(offset, steps(length, 4, 4));
      add(offset, steps(length, 8, 8));
    }
    if (kind === 'gguf-header') add(offset, steps(length, 1, 8));
    if (kind === 'shell-script') add(offset, steps(length, 7, 1));
    if (kind === 'loader' || kind === 'segment' || kind === 'zip-content')
      add(offset, steps(Math.min(length, 400), 5, 1));
  }
  const views = [...anatomy.generations.map(({ view }) => view), ...(anatomy.zip ? [anatomy.zip] : [])];
  for (const { recordOffset } of views.flatMap(({ members }) => members)) add(recordOffset, CENTRAL);
  const records = [
    ...views.flatMap(({ members }) =>
      members.flatMap((member) => [
        { offset: member.recordOffset, length: member.recordLength },
        {
          offset: member.localOffset,
          length: member.contentOffset + member.compressedSize - member.localOffset,
        },
      ]),
    ),
    ...anatomy.regions.filter(({ kind }) => kind.startsWith('zip-eocd') || kind === 'zip-directory'),
  ].map(({ offset, length }) => ({ offset, length }));
  return { fields: found.filter(({ offset, width }) => offset + width <= bytes.length), records };
}

function steps(length: number, step: number, width: Field['width']): (readonly [number, Field['width']])[] {
  const found: (readonly [number, Field['width']])[] = [];
  for (let at = 0; at + width <= length; at += step) found.push([at, width]);
  return found;
}
