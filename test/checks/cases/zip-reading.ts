import { syntheticElf } from '../../../src/demo/ape-writer.ts';
import {
  appendBaseZip,
  infozipRewrite,
  type ZipEntry,
  zipalignAppend,
} from '../../../src/demo/zip-writer.ts';
import { readZip } from '../../../src/format/zip/archive.ts';
import { PaddockError } from '../../../src/lib/errors.ts';
import { fixtureLlamafile } from '../../fixtures/llamafile.ts';
import { DIVERGENCES, deferredOffset } from '../../format/zip/divergences.ts';
import type { Case, CheckCases } from '../case.ts';
import { judged } from '../judged.ts';

const text = (name: string, content = 'x', more: Partial<ZipEntry> = {}): ZipEntry => ({
  name,
  content: Buffer.from(content),
  ...more,
});
const of = (is: string, bytes: () => Buffer): Case => ({ is, judged: () => judged(bytes()) });
const elf = (is: string, entries: readonly ZipEntry[], tail = {}): Case =>
  of(is, () => appendBaseZip(syntheticElf(), entries, tail));
const from = (name: string): Case => {
  const { is, bytes } = DIVERGENCES[name] ?? { is: name, bytes: Buffer.alloc(0) };
  return of(is, () => bytes);
};
const well: Case = of('three generations, the last of them with a replaced member', () =>
  zipalignAppend(fixtureLlamafile(), [text('.args', '-c\n1\n')]),
);
const extra = (hex: string) => ({
  local: { extra: Buffer.from(hex, 'hex') },
  central: { extra: Buffer.from(hex, 'hex') },
});
/** Unicode path: version, checksum of the name, the other name. */
const unicodePath = (name: string) =>
  `7570${le16(5 + name.length)}0100000000${Buffer.from(name).toString('hex')}`;
const le16 = (value: number) => Buffer.from([value & 0xff, value >> 8]).toString('hex');

/** ZIP: what the reader refuses. */
export const ZIP_READING_CASES: Readonly<Record<string, CheckCases>> = {
  'ZIP-001': {
    triggers: [
      {
        is: 'a deferred offset that only the first zipos takes for one',
        judged: async () => {
          try {
            readZip(deferredOffset());
            return { ids: [] };
          } catch (error) {
            if (!(error instanceof PaddockError)) throw error;
            return { ids: [error.detail.check ?? ''], error };
          }
        },
      },
    ],
    almost: [
      well,
      of('a compressed member with 64-bit sizes, which some releases swap', () =>
        zipalignAppend(fixtureLlamafile(), [text('LICENSE', 'words '.repeat(50), { method: 'deflated' })]),
      ),
    ],
  },
  'ZIP-002': {
    triggers: [
      from('D2'),
      from('D3'),
      of('one byte behind the end', () => Buffer.concat([fixtureLlamafile(), Buffer.alloc(1)])),
      elf('a comment on the archive', [text('a')], { comment: Buffer.from('hello') }),
    ],
    almost: [well],
  },
  'ZIP-004': {
    triggers: [elf('a locator that leads nowhere', [text('a', 'x', { central: { comment: locator() } })])],
    almost: [
      elf('the same bytes farther away', [text('a', locator().toString('latin1')), text('b'.repeat(200))]),
    ],
  },
  'ZIP-005': {
    triggers: [
      from('D1'),
      from('D5'),
      of('a 64-bit record with another count', () =>
        zipalignAppend(fixtureLlamafile(), [text('a')], { tail: { records: 1 } }),
      ),
    ],
    almost: [well, of('a 32-bit record that repeats the 64-bit one, as Info-ZIP writes it', repeated)],
  },
  'ZIP-006': { triggers: [from('D4'), from('D8, offsets')], almost: [elf('one member', [text('a')])] },
  'ZIP-007': {
    triggers: [elf('a name of 1,025 bytes', [text('n'.repeat(1025))])],
    almost: [elf('a name of 1,024 bytes', [text('n'.repeat(1024))])],
  },
  'ZIP-008': {
    triggers: [
      of('an end record that says it is on the second disk', () => {
        const file = Buffer.from(appendBaseZip(syntheticElf(), [text('a')]));
        file.writeUInt32LE(0x0001_0001, file.length - 18);
        return file;
      }),
    ],
    almost: [
      elf('names that no ordinary tool would unpack', [text('../a'), text('b\\c'), text('/d')]),
      of('a 32-bit record that repeats the 64-bit one', repeated),
    ],
  },
  'ZIP-010': {
    triggers: [
      elf('a record that points into the program', [text('a', 'x', { central: { localOffset: 64 } })]),
    ],
    almost: [
      of('an archive that Info-ZIP moved together', () => infozipRewrite(fixtureLlamafile(), [text('n')])),
    ],
  },
  'ZIP-011': {
    triggers: [from('D10'), elf('one record more than is counted', [text('a'), text('b')], { records: 1 })],
    almost: [elf('two records, and two are counted', [text('a'), text('b')])],
  },
  'ZIP-030': {
    triggers: [
      elf('a local header with another name', [text('a', 'x', { local: { name: Buffer.from('b') } })]),
    ],
    almost: [elf('a name beyond ASCII', [text('größe')])],
  },
  'ZIP-032': {
    triggers: [
      from('D7, size'),
      from('D7, method'),
      elf('another checksum in the local header', [text('a', 'x', { local: { crc32: 1 } })]),
      elf('two sizes of a stored member', [text('a', 'xyz', { local: { size: 2 }, central: { size: 2 } })]),
    ],
    almost: [elf('a compressed member', [text('a', 'words '.repeat(50), { method: 'deflated' })])],
  },
  'ZIP-035': {
    triggers: [
      from('D8, encryption'),
      elf('a data descriptor', [text('a', 'x', { local: { flags: 8 }, central: { flags: 8 } })]),
    ],
    almost: [
      elf('UTF-8 and the level of compression', [
        text('a', 'x', { local: { flags: 0x806 }, central: { flags: 0x806 } }),
      ]),
    ],
  },
  'ZIP-036': {
    triggers: [
      elf('a field that is cut off', [text('a', 'x', extra('5554ff0000'))]),
      elf('two 64-bit fields', [
        text('a', 'x', extra('0100080001000000000000000100080002000000000000 00'.replace(' ', ''))),
      ]),
    ],
    almost: [elf('times and owner, as Info-ZIP writes them', [text('a', 'x', extra('5554050003a6d85365'))])],
  },
  'ZIP-037': {
    triggers: [elf('a second name', [text('a', 'x', extra(unicodePath('.args')))])],
    almost: [elf('the same name again', [text('a', 'x', extra(unicodePath('a')))])],
  },
  'ZIP-040': {
    triggers: [elf('two members in one place', [text('a', 'x'.repeat(99)), overlapping()])],
    almost: [elf('two members of the same content', [text('a', 'same'), text('b', 'same')])],
  },
  'ZIP-042': {
    triggers: [
      elf('a content that goes on into the directory', [
        text('a', 'x', {
          local: { size: 60, compressedSize: 60 },
          central: { size: 60, compressedSize: 60 },
        }),
      ]),
    ],
    almost: [elf('an empty member at the end', [text('a'), text('b', '')])],
  },
};

/** The loader of weights takes the 32-bit record of this one, and zipos the other: they name the same directory. */
function repeated(): Buffer {
  const file = Buffer.from(fixtureLlamafile());
  const directoryOffset = Number(file.readBigUInt64LE(file.length - 98 + 48));
  file.writeUInt32LE(directoryOffset, file.length - 6);
  return file;
}

function locator(): Buffer {
  const out = Buffer.alloc(20);
  out.writeUInt32LE(0x07064b50, 0);
  return out;
}

/** Its record points to the first member's header, under that one's name and sizes. */
function overlapping(): ZipEntry {
  const first = text('a', 'x'.repeat(99));
  return { ...first, central: { localOffset: syntheticElf().length } };
}
