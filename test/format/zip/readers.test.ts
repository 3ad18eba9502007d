import { describe, expect, it } from 'vitest';
import { syntheticElf } from '../../../src/demo/ape-writer.ts';
import { directory, encode } from '../../../src/demo/zip-records.ts';
import { appendBaseZip, zipalignAppend } from '../../../src/demo/zip-writer.ts';
import { type ByteSource, bufferSource } from '../../../src/format/source.ts';
import { readZip } from '../../../src/format/zip/archive.ts';
import { locateWeights, openWeights, WEIGHTS_ERAS } from '../../../src/format/zip/weights.ts';
import { locateZipos, ZIPOS_VERSIONS, ziposView } from '../../../src/format/zip/zipos.ts';
import { refusal } from '../support.ts';
import { sparse } from './divergences.ts';

// What sets the versions of the two readers apart, one by one: each is a fact of their sources.

const MIB = 1024 * 1024;
const member = (name: string, content: string, fields = {}) => ({
  name,
  content: Buffer.from(content),
  ...fields,
});
const archive = (...members: Parameters<typeof appendBaseZip>[1][number][]) =>
  appendBaseZip(syntheticElf(), members);
/** A zip64 extra field of these values. */
function wide(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(4 + values.length * 8);
  out.writeUInt16LE(1, 0);
  out.writeUInt16LE(values.length * 8, 2);
  for (const [index, value] of values.entries()) out.writeBigUInt64LE(BigInt(value), 4 + index * 8);
  return out;
}
function locator(position: number): Buffer {
  const out = Buffer.alloc(20);
  out.writeUInt32LE(0x07064b50, 0);
  out.writeBigUInt64LE(BigInt(position), 8);
  return out;
}
const names = (bytes: Buffer, name?: string) =>
  WEIGHTS_ERAS.map((era) => {
    const seen = openWeights(bufferSource(bytes), era, name === undefined ? undefined : Buffer.from(name));
    return typeof seen === 'string'
      ? seen
      : bytes.toString('latin1', Number(seen.contentOffset), Number(seen.contentOffset + seen.length));
  });

describe('the loader of weights', () => {
  it('takes the first of several members, none of them, or the last', () => {
    const several = 'several members of the name';
    expect(names(archive(member('m', 'one'), member('m', 'two')), 'm')).toEqual([
      'one',
      several,
      several,
      'two',
    ]);
  });

  it('looks for weights of any name since 0.6, in any case', () => {
    const bytes = archive(member('.gguf', 'no'), member('M.GGUF', 'yes'));
    expect(names(bytes)).toEqual(['no such member', 'yes', 'yes', 'yes']);
  });

  it('takes the first 64-bit value for the compressed size up to 0.7', () => {
    const central = { size: 0xffffffff, compressedSize: 0xffffffff, extra: wide(2, 6) };
    const bytes = archive(member('m', 'abcdef', { central }));
    expect(names(bytes, 'm')).toEqual(['ab', 'ab', 'abcdef', 'abcdef']);
  });

  it('overwrites the first 56 bytes of its window with a 64-bit record that is none', () => {
    const file = archive(member('a', 'a'));
    // The end record is the first thing in the window; behind it, a locator leads to bytes that are no record.
    const behind = (leadsTo: number) =>
      Buffer.concat([file, Buffer.alloc(100), locator(leadsTo), Buffer.alloc(65_536 - 22 - 120)]);
    expect(locateWeights(bufferSource(behind(0)))).toBeUndefined();
    expect(locateWeights(bufferSource(behind(2 * MIB)))?.offset).toBe(file.length - 22);
    expect(locateZipos(bufferSource(behind(0)))?.offset).toBe(file.length - 22);
  });

  it('follows a locator to the beginning of the file', () => {
    const records = encode(member('a', 'a'), { needed: 20, zip64: false, localOffset: 0 });
    const record = directory([records.central], 0, { eocd64: true })
      .subarray(records.central.length)
      .subarray(0, 56);
    const end = locateWeights(
      bufferSource(Buffer.concat([record, Buffer.alloc(9), locator(0), Buffer.alloc(3)])),
    );
    expect(end).toMatchObject({ kind: 'eocd64', offset: 0, records: 1 });
  });

  it('a directory that is too large to be judged is none that is judged', () => {
    const file = archive(member('a', 'a'));
    const bytes = Buffer.concat([file.subarray(0, -22), Buffer.alloc(17 * MIB), file.subarray(-22)]);
    bytes.writeUInt32LE(17 * MIB, bytes.length - 10);
    const open = () =>
      openWeights(bufferSource(bytes), WEIGHTS_ERAS[0] as (typeof WEIGHTS_ERAS)[number], Buffer.from('a'));
    expect(refusal(open)).toMatchObject({ code: 'too-large', detail: { check: 'ZIP-007' } });
  });
});

/** What each version makes of the only member: sizes, or what goes wrong. */
const sizes = (bytes: Buffer | ByteSource) =>
  ZIPOS_VERSIONS.map((version) => {
    const view = ziposView(Buffer.isBuffer(bytes) ? bufferSource(bytes) : bytes, version);
    if (!('members' in view)) return 'crash' in view ? view.crash : 'none';
    return `${view.members[0]?.size}, ${view.members[0]?.compressedSize}`;
  });

describe('the reader of /zip', () => {
  it('mistook the two 64-bit sizes for one another from 3.1 to 3.3.2', () => {
    const local = { size: 0xffffffff, compressedSize: 0xffffffff, extra: wide(7, 5) };
    expect(sizes(archive(member('m', 'abcdef', { local })))).toEqual([
      '7, 5',
      '7, 5',
      '5, 7',
      '7, 5',
      '7, 5',
    ]);
  });

  it('found 64-bit values in fixed places only before 3.1', () => {
    const local = { compressedSize: 0xffffffff, extra: wide(5) };
    const old = '6, 4294967295';
    expect(sizes(archive(member('m', 'abcdef', { local })))).toEqual([old, old, '6, 5', '6, 5', '6, 5']);
  });

  it('took what follows the extra fields for a part of them before 3.1', () => {
    const extra = Buffer.from('01000800', 'hex');
    const local = { size: 0xffffffff, extra };
    const bytes = archive(member('m', '\x09\0\0\0\0\0\0\0', { local }));
    expect(sizes(bytes)).toEqual(['9, 8', '9, 8', '-1, 8', '-1, 8', '-1, 8']);
  });

  it('demanded the signature of a local header up to 3.5.1', () => {
    const bad = 'a local header without its signature';
    expect(sizes(archive(member('m', 'x', { local: { signature: 0 } })))).toEqual([
      bad,
      bad,
      bad,
      bad,
      '1, 1',
    ]);
  });
});

describe('how far they look', () => {
  const file = archive(member('a', 'a'));
  const behind = (length: number) => bufferSource(Buffer.concat([file, Buffer.alloc(length)]));

  it('zipos finds an end record in the last 69,633 bytes, the loader of weights in the last 65,536', () => {
    expect([69_611, 69_612].map((length) => locateZipos(behind(length))?.kind)).toEqual([
      'eocd32',
      undefined,
    ]);
    expect([65_514, 65_515].map((length) => locateWeights(behind(length))?.kind)).toEqual([
      'eocd32',
      undefined,
    ]);
  });

  it('zipos prefers a locator up to 127 bytes before a 32-bit record', () => {
    const big = zipalignAppend(file, [member('b', 'b')]).subarray(0, -22);
    const empty = Buffer.alloc(22);
    empty.writeUInt32LE(0x06054b50, 0);
    const kinds = [107, 108].map((gap) => {
      const bytes = Buffer.concat([big, Buffer.alloc(gap), empty]);
      return locateZipos(bufferSource(bytes))?.kind;
    });
    expect(kinds).toEqual(['eocd64', 'eocd32']);
  });
});

/** As Info-ZIP writes them: 64-bit values only of what does not fit into 32 bits. */
it('a member behind 4 GiB whose record has a 64-bit offset alone is accepted', () => {
  const at = 5 * 1024 * MIB;
  const extra = wide(at);
  const entry = member('.args', '-m\n', { central: { localOffset: 0xffffffff, extra } });
  const { local, central, data } = encode(entry, { needed: 45, zip64: false, localOffset: at });
  const start = at + local.length + data.length;
  const tail = directory([central], start, { eocd64: true });
  const source = sparse([
    [0, syntheticElf()],
    [at, Buffer.concat([local, data, tail])],
  ]);
  expect(readZip(source)?.members).toMatchObject([{ name: '.args', localOffset: at, size: 3 }]);
});

it('a 32-bit end record that repeats the 64-bit one is accepted, whichever of the two a reader takes', () => {
  const entry = member('a', 'a');
  const { local, central, data } = encode(entry, { needed: 45, zip64: true, localOffset: 0 });
  const start = local.length + data.length;
  const twin = (fields: object) =>
    Buffer.concat([local, data, directory([central], start, { eocd64: true, ...fields })]);
  const bytes = twin({ directoryOffset: start });
  expect(locateZipos(bufferSource(bytes))?.kind).toBe('eocd64');
  expect(locateWeights(bufferSource(bytes))?.kind).toBe('eocd32');
  expect(readZip(bufferSource(bytes))?.members).toHaveLength(1);
  const other = twin({ directoryOffset: start - 1, eocd64DirectoryOffset: start });
  expect(refusal(() => readZip(bufferSource(other))).detail.check).toBe('ZIP-005');
});

it('a local header that goes on into the directory is refused as such', () => {
  const bytes = archive(member('a', 'a'));
  const at = bytes.indexOf(Buffer.from('504b0304', 'hex'));
  bytes.writeUInt16LE(0xffff, at + 28);
  expect(refusal(() => readZip(bufferSource(bytes))).detail.check).toBe('ZIP-042');
});
