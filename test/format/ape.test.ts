import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpackLoader } from '../../src/format/loaders.ts';
import { bufferSource } from '../../src/format/source.ts';
import { type ApeOverrides, assimilate, buildApe, syntheticElf } from '../fixtures/ape-writer.ts';
import { fixtureBase } from '../fixtures/llamafile.ts';
import { zipalignAppend } from '../fixtures/zip-writer.ts';
import { bytesOf, expectExactTiling, expectRefusal, read } from './support.ts';

const X86 = 0;
/** Field offsets in a program header. */
const P = { type: 0, flags: 4, offset: 8, vaddr: 16, filesz: 32, memsz: 40 } as const;

function withProgramHeader(index: number, change: (entry: Buffer) => void): Buffer {
  const patchProgramHeaders: ApeOverrides['patchProgramHeaders'] = (table, architecture) => {
    if (architecture === 'x86-64') change(table.subarray(index * 56, index * 56 + 56));
  };
  return fixtureBase({ patchProgramHeaders });
}
function withHeader(change: (header: Buffer) => void): Buffer {
  return fixtureBase({
    patchHeader: (header, architecture) => {
      if (architecture === 'x86-64') change(header);
    },
  });
}

describe('facts', () => {
  const bytes = fixtureBase();
  const anatomy = read(bytes);

  it('of the header and the script', () => {
    expect(anatomy.ape).toMatchObject({ magic: 'MZqFpD', version: '1.10', peOffset: 0 });
    expect(anatomy.ape?.printfOffsets).toHaveLength(2);
    const end = anatomy.ape?.scriptEnd ?? 0;
    expect(bytes.toString('latin1', end - 9, end)).toBe('exit 127\n');
  });

  it('of the programs', () => {
    const [x86, arm] = anatomy.programs;
    expect(x86).toMatchObject({
      architecture: 'x86-64',
      type: 'executable',
      headerOffset: anatomy.ape?.printfOffsets[X86],
    });
    expect(arm?.segments.filter(({ type }) => type === 1)).toHaveLength(2);
    const [code] = x86?.segments ?? [];
    expect((code?.offset ?? 1) % 65536).toBe(0);
    expect(code?.flags).toBe(5);
  });

  it('of the loaders', () => {
    expect(anatomy.loaders.map(({ kind, architecture, encoding }) => [kind, architecture, encoding])).toEqual(
      [
        ['source', 'any', 'gzip'],
        ['elf', 'x86-64', 'gzip'],
        ['elf', 'aarch64', 'gzip'],
      ],
    );
    const loader = anatomy.loaders[1];
    if (loader === undefined) throw new Error('no loader');
    const unpacked = unpackLoader(bufferSource(bytes), loader);
    expect(unpacked.equals(syntheticElf({ code: Buffer.alloc(64, 0x90) }))).toBe(true);
  });

  it('a file for one architecture', () => {
    const single = buildApe({ x86Elf: syntheticElf(), loaders: { x86: syntheticElf() }, zipEntries: [] });
    // Without entries there is no archive to speak of; what the writer leaves is an end record without members.
    expectRefusal(() => read(single), 'malformed', /zip directory/);
    const some = buildApe({
      x86Elf: syntheticElf(),
      loaders: { x86: syntheticElf() },
      zipEntries: [{ name: 'a', content: Buffer.alloc(1) }],
    });
    expect(read(some).programs.map(({ architecture }) => architecture)).toEqual(['x86-64']);
    expectExactTiling(read(some));
  });

  it('a file without an archive', () => {
    const end = anatomy.zip?.members[0]?.localOffset;
    const bare = read(bytes.subarray(0, end));
    expect(bare.zip).toBeUndefined();
    expect(bytesOf(bare, 'unaccounted')).toBe(0);
    expect(read(assimilate(bytes.subarray(0, end)))).toMatchObject({ form: 'elf', generations: [] });
  });
});

describe('what the loader would take', () => {
  const octal = (header: Buffer) =>
    [...header].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');

  it('an earlier header in a comment that differs is a trap', () => {
    const trap = Buffer.from(syntheticElf().subarray(0, 64));
    trap.writeBigUInt64LE(65536n + 64n, 32);
    const genuine = read(fixtureBase());
    trap.writeBigUInt64LE(genuine.programs[0]?.entry ?? 0n, 24);
    expectRefusal(
      () => read(fixtureBase({ comment: `printf '${octal(trap)}'` })),
      'malformed',
      /two ELF headers/,
    );
  });

  it('a decoy that no loader takes is only listed', () => {
    const anatomy = read(fixtureBase({ comment: `printf '${octal(Buffer.alloc(64, 65))}'` }));
    expect(anatomy.ape?.printfOffsets).toHaveLength(3);
    expect(anatomy.programs).toHaveLength(2);
  });

  it('a program for a dynamic linker would be passed over, and is refused', () => {
    const bytes = withProgramHeader(2, (entry) => entry.writeUInt32LE(3, P.type));
    expectRefusal(() => read(bytes), 'malformed', /dynamic linker/);
  });
});

describe('refuses', () => {
  const cases: Readonly<Record<string, [Buffer, RegExp]>> = {
    'no program at all': [
      fixtureBase({ patchHeader: (header) => header.fill(0, 0, 4) }),
      /no program that an APE loader would run/,
    ],
    'a header of 32 bits in disguise': [withHeader((header) => header.writeUInt8(0, 4)), /64-bit/],
    'program headers of another size': [
      withHeader((header) => header.writeUInt16LE(57, 54)),
      /program headers/,
    ],
    'more program headers than the loader has room for': [
      withHeader((header) => header.writeUInt16LE(19, 56)),
      /program headers/,
    ],
    'an entry point in data': [withHeader((header) => header.writeBigUInt64LE(0x404001n, 24)), /entry point/],
    'a segment beyond the file': [
      withProgramHeader(1, (entry) => {
        entry.writeBigUInt64LE(2n ** 30n, P.filesz);
        entry.writeBigUInt64LE(2n ** 30n, P.memsz);
      }),
      /segment/,
    ],
    'more file than memory': [
      withProgramHeader(1, (entry) => entry.writeBigUInt64LE(5n, P.memsz)),
      /segment/,
    ],
    'an address that is not congruent': [
      withProgramHeader(1, (entry) => entry.writeBigUInt64LE(entry.readBigUInt64LE(P.vaddr) + 8n, P.vaddr)),
      /segment/,
    ],
    'an address that wraps around': [
      withProgramHeader(1, (entry) => entry.writeBigUInt64LE(2n ** 64n - 1n, P.memsz)),
      /segment/,
    ],
    'an offset beyond all numbers': [
      withProgramHeader(1, (entry) => entry.writeBigUInt64LE(2n ** 63n, P.offset)),
      /p_offset/,
    ],
    'segments on top of each other': [
      withProgramHeader(1, (entry) => entry.writeBigUInt64LE(0x400000n, P.vaddr)),
      /overlap in memory/,
    ],
  };
  it.each(Object.entries(cases))('%s', (_, [bytes, message]) => {
    expectRefusal(() => read(bytes), 'malformed', message);
  });

  it('a segment over the zip archive', () => {
    const plain = fixtureBase();
    const content = BigInt(read(plain).zip?.members[0]?.localOffset ?? 0);
    const bytes = withProgramHeader(1, (entry) => {
      const grown = content + 10n - entry.readBigUInt64LE(P.offset);
      entry.writeBigUInt64LE(grown, P.filesz);
      entry.writeBigUInt64LE(grown, P.memsz);
    });
    expectRefusal(() => read(bytes), 'malformed', /share bytes/);
  });

  it('a segment that maps the weights', () => {
    const file = zipalignAppend(fixtureBase(), [{ name: 'data', content: Buffer.alloc(5000, 7) }]);
    const anatomy = read(file);
    const table = anatomy.programs[0]?.programHeaderOffset ?? 0;
    file.writeBigUInt64LE(BigInt(anatomy.zip?.members.at(-1)?.contentOffset ?? 0), table + 56 + P.offset);
    expectRefusal(() => read(file), 'malformed', /share bytes/);
  });

  it.each([
    ['a changed byte in a loader', (bytes: Buffer, at: number) => void bytes.fill(0x5a, at + 40, at + 44)],
    [
      'another stream in its place',
      (bytes: Buffer, at: number) => void gzipSync(Buffer.from('x')).copy(bytes, at),
    ],
    ['no stream at all', (bytes: Buffer, at: number) => void bytes.fill(0, at, at + 12)],
  ])('%s', (_, change) => {
    const bytes = fixtureBase();
    change(bytes, read(bytes).loaders[1]?.offset ?? 0);
    expectRefusal(() => read(bytes), 'malformed', /loader/);
  });

  it('a loader that unpacks to more than 1 MiB', () => {
    const bytes = buildApe({
      x86Elf: syntheticElf(),
      loaders: { x86: Buffer.alloc(1024 * 1024 + 1) },
      zipEntries: [{ name: 'a', content: Buffer.alloc(1) }],
    });
    expectRefusal(() => read(bytes), 'too-large', /loader/);
  });

  it('a script that unpacks what is not there', () => {
    const bytes = fixtureBase();
    const at = bytes.indexOf('skip=');
    bytes.write('9999999999', at + 5);
    expectRefusal(() => read(bytes), 'malformed', /script unpacks/);
  });
});
