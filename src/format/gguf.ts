import type { Untrusted } from '../lib/text.ts';
import type { GgufFacts } from './anatomy.ts';
import { malformed, tooLarge } from './faults.ts';
import { GgufCursor } from './gguf-cursor.ts';
import { alignmentOf, readMetadata } from './gguf-metadata.ts';
import { readTensors, type Tensor } from './gguf-tensors.ts';
import { ANY_TYPES, LIMITS, type TensorTypes } from './gguf-types.ts';
import type { ByteSource } from './source.ts';

export interface GgufLayout {
  readonly facts: GgufFacts;
  /** Ranges of tensor data, absolute, in the order of the file; tensors that lie back to back are one range. */
  readonly tensors: readonly { readonly offset: number; readonly length: number }[];
  /** The tensor infos, in the order of the header: as many as 65,536, so that they are not kept with the facts. */
  readonly infos: readonly Tensor[];
}

const MAGIC = 'GGUF';
/** Shortest metadata entry: key of one byte, type, one-byte value. Shortest tensor info: name, n_dims, type, offset. */
const ENTRY_MINIMUM = 14;
const TENSOR_MINIMUM = 25;

/**
 * Walks the header of the GGUF in `[offset, offset + length)` with a window of 256 KiB; tensor data is not read.
 * @param types what the numbers of tensor types mean: those of the runtime, where it is known
 * @throws PaddockError `malformed` on anything that a llamafile's loader of some release would mistake or refuse (versions other
 * than 2 and 3, counts and lengths beyond the member, duplicate keys or names, tensors that overlap or leave the member),
 * `too-large` at a bound of ours.
 */
export function readGguf(
  source: ByteSource,
  offset: number,
  length: number,
  member?: Untrusted,
  types: TensorTypes = ANY_TYPES,
): GgufLayout {
  const end = offset + length;
  const cursor = new GgufCursor(source, offset, end);
  const version = readPreamble(cursor);
  const tensorCount = cursor.count(cursor.remaining / TENSOR_MINIMUM, 'the number of tensors', 'GGUF-006');
  const count = cursor.count(cursor.remaining / ENTRY_MINIMUM, 'the number of metadata entries', 'GGUF-005');
  bound(tensorCount, LIMITS.tensors, 'tensors', offset + 8, 'GGUF-006');
  bound(count, LIMITS.metadata, 'metadata entries', offset + 16, 'GGUF-005');
  const { metadata, entries, vocabulary } = readMetadata(cursor, count);
  const alignment = alignmentOf({ metadata, entries });
  const table = readTensors(cursor, tensorCount, { start: offset, end, alignment, types });
  const text = (key: string): Untrusted | undefined => {
    const value = metadata.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const architecture = text('general.architecture');
  const name = text('general.name');
  const facts: GgufFacts = {
    offset,
    length,
    version,
    metadata,
    entries,
    alignment,
    tensorCount,
    parameterCount: table.parameterCount,
    headerLength: table.headerLength,
    layout: table.layout,
    vocabulary,
    ...(member === undefined ? {} : { member }),
    ...(architecture === undefined ? {} : { architecture }),
    ...(name === undefined ? {} : { name }),
    ...(table.commonestType === undefined ? {} : { quantisation: table.commonestType }),
  };
  return { facts, tensors: table.ranges, infos: table.tensors };
}

function readPreamble(cursor: GgufCursor): number {
  const offset = cursor.at;
  const magic = cursor.bytes(4).toString('latin1');
  if (magic !== MAGIC) {
    throw malformed('the weights do not begin like a GGUF', {
      check: 'GGUF-001',
      offset,
      expected: 'GGUF',
      found: Buffer.from(magic, 'latin1').toString('hex'),
    });
  }
  const version = cursor.u32();
  if (version === 2 || version === 3) return version;
  throw malformed('this version of GGUF cannot be run', {
    check: 'GGUF-002',
    offset: offset + 4,
    expected: 'version 2 or 3, little-endian',
    found: version !== 0 && (version & 0xffff) === 0 ? 'a big-endian file' : `version ${version}`,
  });
}

function bound(count: number, limit: number, what: string, offset: number, check: string): void {
  if (count <= limit) return;
  throw tooLarge(`the GGUF has too many ${what}`, offset, `at most ${limit}`, `${count}`, check);
}
