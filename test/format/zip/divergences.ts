import { syntheticElf } from '../../../src/demo/ape-writer.ts';
import { directory, encode, existingRecords, type ZipEntry } from '../../../src/demo/zip-records.ts';
import { appendBaseZip, zipalignAppend } from '../../../src/demo/zip-writer.ts';
import type { ByteSource } from '../../../src/format/source.ts';
import { fixtureLlamafile, modelEntries } from '../../fixtures/llamafile.ts';

/** Ways to show one archive to one reader and another to another; numbered as the field's surveys of them are here: D1 to D10. */
export interface Divergence {
  readonly is: string;
  readonly bytes: Buffer;
  /** What must find it: a check of the catalogue. */
  readonly check: string;
}

const args = (text: string): ZipEntry => ({ name: '.args', content: Buffer.from(text) });
const good = () => fixtureLlamafile();
/** Header bytes, then a directory of one member of its own. */
const other = () => encode(args('--unsecure\n'), { needed: 20, zip64: false, localOffset: 0 });

/** A file that ends with a 32-bit record for one directory, and has another behind a 64-bit record before it. */
function twoDirectories(): Buffer {
  const base = syntheticElf();
  const first = appendBaseZip(base, [args('-m\nmodel.gguf\n')]).subarray(0, -22);
  const records = existingRecords(appendBaseZip(base, [args('-m\nmodel.gguf\n')])).map(({ bytes }) => bytes);
  const start = first.length - Buffer.concat(records).length;
  const { local, data } = other();
  const at = first.length;
  const { central } = encode(args('--unsecure\n'), { needed: 20, zip64: false, localOffset: at });
  const big = directory([central], at + local.length + data.length, { eocd64: true }).subarray(0, -22);
  const small = directory(records, start, { eocd64: false }).subarray(-22);
  return Buffer.concat([first, local, data, big, small]);
}

/** The 32-bit record's own directory is the better one for the loader; a field of it makes zipos pass it over. */
function patchedEnd(patch: (end: Buffer) => void): Buffer {
  const older = appendBaseZip(syntheticElf(), [args('--older\n')]);
  const newer = appendBaseZip(older, [args('--newer\n')]);
  const bytes = Buffer.from(newer);
  patch(bytes.subarray(-22));
  return bytes;
}

function emptyEnd(): Buffer {
  const file = appendBaseZip(syntheticElf(), [args('--older\n')]);
  return Buffer.concat([file, directory([], file.length, { eocd64: false })]);
}

function duplicate(): Buffer {
  return appendBaseZip(syntheticElf(), [args('--one\n'), args('--two\n')]);
}

export const DIVERGENCES: Readonly<Record<string, Divergence>> = {
  D1: {
    is: 'a 64-bit record before a 32-bit one that names another directory',
    bytes: twoDirectories(),
    check: 'ZIP-005',
  },
  D2: {
    is: 'an end record that only the longer search finds',
    bytes: Buffer.concat([good(), Buffer.alloc(66_000)]),
    check: 'ZIP-002',
  },
  D3: {
    is: 'an end record whose comment leaves the file',
    bytes: patchedEnd((end) => end.writeUInt16LE(500, 20)),
    check: 'ZIP-002',
  },
  'D3, disks': {
    is: 'an end record of two disks',
    bytes: patchedEnd((end) => end.writeUInt16LE(1, 4)),
    check: 'ZIP-002',
  },
  'D3, length': {
    is: 'an end record whose directory goes on beyond it',
    bytes: patchedEnd((end) => end.writeUInt32LE(end.readUInt32LE(12) + 22, 12)),
    check: 'ZIP-002',
  },
  D4: {
    is: 'an end record without members behind the real one',
    bytes: emptyEnd(),
    check: 'ZIP-006',
  },
  D5: {
    is: 'a 64-bit record away from its locator',
    bytes: distantRecord(),
    check: 'ZIP-005',
  },
  D6: { is: 'two members of one name', bytes: duplicate(), check: 'ZIP-020' },
  'D7, size': {
    is: 'a local header with another size than the directory',
    bytes: appendBaseZip(syntheticElf(), [
      { ...args('-m\nx\n--unsecure\n'), local: { size: 5, compressedSize: 5 } },
    ]),
    check: 'ZIP-032',
  },
  'D7, method': {
    is: 'a local header with another method than the directory',
    bytes: appendBaseZip(syntheticElf(), [{ ...args('--unsecure\n'), local: { method: 8 } }]),
    check: 'ZIP-032',
  },
  'D8, encryption': {
    is: 'a flag that only ordinary tools obey',
    bytes: appendBaseZip(syntheticElf(), [
      { ...args('--unsecure\n'), local: { flags: 1 }, central: { flags: 1 } },
    ]),
    check: 'ZIP-035',
  },
  'D8, offsets': {
    is: 'offsets from the start of the archive, which ordinary tools repair',
    bytes: Buffer.concat([syntheticElf(), appendBaseZip(Buffer.alloc(0), [args('-m\n')])]),
    check: 'ZIP-006',
  },
  D10: {
    is: 'a record without its signature',
    bytes: appendBaseZip(syntheticElf(), [
      args('-m\n'),
      { ...args('x'), name: 'x', central: { signature: 0 } },
    ]),
    check: 'ZIP-011',
  },
};

/** The loader of weights takes a 64-bit record wherever its locator says; zipos wants it right before the locator. */
function distantRecord(): Buffer {
  const file = zipalignAppend(appendBaseZip(syntheticElf(), [args('--older\n')]), modelEntries());
  return Buffer.concat([file.subarray(0, -42), Buffer.alloc(40), locatorOf(file.length - 98), endOf(file)]);
}

function locatorOf(offset: number): Buffer {
  const out = Buffer.alloc(20);
  out.writeUInt32LE(0x07064b50, 0);
  out.writeBigUInt64LE(BigInt(offset), 8);
  out.writeUInt32LE(1, 16);
  return out;
}

function endOf(file: Buffer): Buffer {
  return file.subarray(-22);
}

/**
 * D9: more than 4 GiB, and a 32-bit end record that says "see the 64-bit one" where there is none. The first version takes the
 * words for an offset. Only the end of the file is not zero.
 */
export function deferredOffset(): ByteSource {
  const { local, central, data } = encode(args('--first\n'), { needed: 20, zip64: false, localOffset: 100 });
  const directoryOffset = 0xffffffff;
  const pieces: [number, Buffer][] = [
    [0, syntheticElf().subarray(0, 100)],
    [100, Buffer.concat([local, data])],
    [
      directoryOffset,
      Buffer.concat([central, directory([central], directoryOffset, { eocd64: false }).subarray(-22)]),
    ],
  ];
  return sparse(pieces);
}

/** A file of any length that is zero but for these pieces, the last of which is its end. */
export function sparse(pieces: readonly [offset: number, bytes: Buffer][]): ByteSource {
  const size = pieces.reduce((most, [at, bytes]) => Math.max(most, at + bytes.length), 0);
  return {
    size,
    read(offset, length) {
      const out = Buffer.alloc(length);
      for (const [at, bytes] of pieces) {
        const from = Math.max(offset, at);
        const to = Math.min(offset + length, at + bytes.length);
        if (from < to) bytes.copy(out, from - offset, from - at, to - at);
      }
      return out;
    },
  };
}
