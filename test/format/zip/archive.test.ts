import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import yauzl from 'yauzl';
import { bufferSource } from '../../../src/format/source.ts';
import { readZip } from '../../../src/format/zip/archive.ts';
import {
  appendBaseZip,
  type CentralFields,
  infozipRewrite,
  type LocalFields,
  type TailFields,
  type ZipEntry,
  zipalignAppend,
} from '../../fixtures/zip-writer.ts';
import { expectRefusal } from '../support.ts';

const PREFIX = Buffer.alloc(1000, 'p');
const ENTRIES: ZipEntry[] = [
  { name: 'a.txt', content: Buffer.from('alpha') },
  { name: 'dir/b.bin', content: Buffer.alloc(3000, 'bb '), method: 'deflated', mode: 0o100755 },
  { name: 'ünï.txt', content: Buffer.alloc(0) },
];
const view = (bytes: Buffer) => readZip(bufferSource(bytes));

describe('every writer, compared with an ordinary reader', () => {
  const base = appendBaseZip(PREFIX, ENTRIES);
  const aligned = zipalignAppend(base, [{ name: 'm.gguf', content: Buffer.alloc(70_000, 7) }]);
  const again = zipalignAppend(aligned, [{ name: 'a.txt', content: Buffer.from('replaced') }]);
  const cases = {
    base,
    aligned,
    again,
    infozip: infozipRewrite(again, [{ name: 'new', content: Buffer.from('n') }]),
  };
  it.each(Object.entries(cases))('%s', async (_, bytes) => {
    const members = view(bytes)?.members ?? [];
    const theirs = await entriesOf(bytes);
    const facts = members.map(({ name, size, compressedSize, crc32, method, localOffset }) => ({
      name,
      size,
      compressedSize,
      crc32,
      method,
      localOffset,
    }));
    expect(facts).toEqual(theirs);
  });

  it('offsets, kinds and modes are right', () => {
    const zip = view(aligned);
    expect(zip).toMatchObject({ eocd: 'eocd64', members: { length: 4 } });
    expect(view(base)).toMatchObject({ eocd: 'eocd32', members: { length: 3 } });
    const model = zip?.members.at(-1);
    expect((model?.contentOffset ?? 1) % 65536).toBe(0);
    expect(zip?.members[1]?.mode).toBe(0o100755);
    expect(aligned.subarray(model?.contentOffset, (model?.contentOffset ?? 0) + 3)).toEqual(
      Buffer.from([7, 7, 7]),
    );
  });
});

it('no archive is no error', () => {
  expect(view(PREFIX)).toBeUndefined();
  expect(view(Buffer.from('x'))).toBeUndefined();
});

it('names that are not UTF-8 and names that repeat are handed on for the checks', () => {
  const zip = view(
    appendBaseZip(PREFIX, [
      { name: Buffer.from([0xff, 0x41]), content: Buffer.alloc(1) },
      { name: 'same', content: Buffer.alloc(1) },
      { name: 'same', content: Buffer.alloc(2) },
    ]),
  );
  expect(zip?.members.map(({ name }) => name)).toEqual(['ÿA', 'same', 'same']);
});

describe('what two readers could read differently is refused', () => {
  const local: Readonly<Record<string, Partial<LocalFields>>> = {
    'another name': { name: Buffer.from('b.txt') },
    'another method': { method: 8 },
    'another size': { size: 4, compressedSize: 4 },
    'another checksum': { crc32: 1 },
    'no signature': { signature: 0 },
    'a data descriptor': { flags: 0x808 },
    encryption: { flags: 0x801 },
  };
  it.each(Object.entries(local))('%s in the local header', (_, fields) => {
    const bytes = appendBaseZip(PREFIX, [{ ...ENTRIES[0], local: fields } as ZipEntry]);
    expectRefusal(() => view(bytes), 'malformed', /./);
  });

  const zip64 = (values: number) => {
    const out = Buffer.alloc(4 + 8 * values);
    out.writeUInt16LE(1, 0);
    out.writeUInt16LE(8 * values, 2);
    return out;
  };
  const central: Readonly<Record<string, Partial<CentralFields>>> = {
    'another name': { name: Buffer.from('b.txt') },
    'no signature': { signature: 1 },
    'an offset outside': { localOffset: 0xfffffff0 },
    'an offset at nothing': { localOffset: 3 },
    'an offset of 64 bits without a value': { localOffset: 0xffffffff },
    'two zip64 fields': { extra: Buffer.concat([zip64(1), zip64(1)]) },
    'a cut extra field': { extra: Buffer.from([1, 0, 200, 0]) },
    'a Unicode path': { extra: Buffer.from([0x75, 0x70, 1, 0, 1]) },
    'sizes of 64 bits that are not there': { size: 0xffffffff, compressedSize: 0xffffffff, extra: zip64(1) },
  };
  it.each(Object.entries(central))('%s in the directory', (_, fields) => {
    const bytes = appendBaseZip(PREFIX, [{ ...ENTRIES[0], central: fields } as ZipEntry]);
    expectRefusal(() => view(bytes), 'malformed', /./);
  });

  it('but not a Unicode path that says the same', () => {
    const extra = Buffer.concat([Buffer.from([0x75, 0x70, 10, 0, 1, 0, 0, 0, 0]), Buffer.from('a.txt')]);
    expect(
      view(appendBaseZip(PREFIX, [{ ...ENTRIES[0], central: { extra } } as ZipEntry]))?.members,
    ).toHaveLength(1);
  });

  const tails: Readonly<Record<string, Partial<TailFields>>> = {
    'one record too many': { records: 4 },
    'one record too few': { records: 2 },
    'no records': { records: 0 },
    'a longer directory': { directoryLength: 5, records: 0 },
    'a gap before the end record': { gap: Buffer.alloc(8) },
    'a comment': { comment: Buffer.from('hello') },
    'a trailer': { trailer: Buffer.from('x') },
    'a trailer behind what a 64 KiB search sees': { trailer: Buffer.alloc(65_600) },
  };
  it.each(Object.entries(tails))('%s at the end', (_, fields) => {
    expectRefusal(() => view(appendBaseZip(PREFIX, ENTRIES, fields)), 'malformed', /./);
  });

  const tails64: Readonly<Record<string, Partial<TailFields>>> = {
    'another count': { eocd64Records: 2 },
    'another offset than the real one of 32 bits': { directoryOffset: 17 },
    'a count beyond the file': { eocd64Records: 2 ** 40 },
    'an offset beyond the file': { eocd64DirectoryOffset: 2 ** 50 },
    'another directory of 32 bits': { directoryLength: 12 },
  };
  it.each(Object.entries(tails64))('64-bit: %s', (_, tail) => {
    expectRefusal(() => view(zipalignAppend(PREFIX, ENTRIES, { tail })), 'malformed', /./);
  });

  it('a locator that points nowhere hides the archive from zipos', () => {
    expect(view(zipalignAppend(PREFIX, ENTRIES, { tail: { locatorOffset: 5 } }))).toBeUndefined();
  });

  it('members that share bytes', () => {
    const bytes = appendBaseZip(PREFIX, [
      ENTRIES[0],
      { ...ENTRIES[0], central: { localOffset: 1000 } },
    ] as ZipEntry[]);
    expectRefusal(() => view(bytes), 'malformed', /share bytes/);
  });
});

it.each([
  ['an offset cut to 32 bits, which the loader of weights would take', -22 + 16, 4],
  ['a number of disks', -42 + 16, 2],
  ['a disk of its own', -42 + 4, 1],
])('64-bit: %s', (_, at, value) => {
  const bytes = zipalignAppend(PREFIX, ENTRIES);
  bytes.writeUInt32LE(value, bytes.length + at);
  expectRefusal(() => view(bytes), 'malformed', /contradict/);
});

it('more members than the bound are too large, fewer are not', () => {
  const many = (count: number) =>
    appendBaseZip(
      PREFIX,
      Array.from({ length: count }, (_, index) => ({ name: String(index), content: Buffer.alloc(0) })),
    );
  expect(view(many(4096))?.members).toHaveLength(4096);
  expectRefusal(() => view(many(4097)), 'too-large', /directory/);
});

it('a name beyond the bound is too large', () => {
  const bytes = appendBaseZip(PREFIX, [{ name: 'n'.repeat(1025), content: Buffer.alloc(0) }]);
  expectRefusal(() => view(bytes), 'too-large', /name/);
});

it('any bytes give an archive or a PaddockError', () => {
  const seed = zipalignAppend(appendBaseZip(PREFIX, ENTRIES), ENTRIES.slice(1, 2), { alignment: 64 });
  const edit = fc.tuple(fc.nat(seed.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 4 }), fc.nat(seed.length), (edits, cut) => {
      const bytes = Buffer.from(seed.subarray(cut % 3 === 0 ? cut : 0));
      for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
      for (const member of judged(bytes))
        expect(member.contentOffset + member.compressedSize).toBeLessThan(bytes.length);
    }),
    { numRuns: 400 },
  );
});

function judged(bytes: Buffer) {
  try {
    return view(bytes)?.members ?? [];
  } catch (cause) {
    expect((cause as Error).name).toBe('PaddockError');
    return [];
  }
}

function entriesOf(bytes: Buffer): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(bytes, { lazyEntries: false }, (error, zip) => {
      if (error) return reject(error);
      const found: unknown[] = [];
      zip.on('entry', (entry: yauzl.Entry) =>
        found.push({
          name: entry.fileName,
          size: entry.uncompressedSize,
          compressedSize: entry.compressedSize,
          crc32: entry.crc32,
          method: entry.compressionMethod,
          localOffset: entry.relativeOffsetOfLocalHeader,
        }),
      );
      zip.on('end', () => resolve(found));
      zip.on('error', reject);
    });
  });
}
