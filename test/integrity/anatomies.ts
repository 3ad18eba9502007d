import type { Anatomy, ElfProgram, ElfSegment, ZipMember } from '../../src/format/anatomy.ts';
import { asUntrusted } from '../../src/lib/text.ts';

/** A file of 4096 bytes: one program in the first 1024, an archive behind 2048. */
export function anatomy(changes: Partial<Anatomy> = {}): Anatomy {
  return {
    size: 4096,
    form: 'ape',
    ape: {
      magic: 'MZqFpD',
      monolithic: false,
      version: '1.10',
      scriptEnd: 512,
      printfOffsets: [600],
      peOffset: 0,
    },
    programs: [program()],
    loaders: [],
    zip: {
      eocd: 'eocd32',
      eocdOffset: 4074,
      directoryOffset: 3000,
      directoryLength: 1074,
      members: [member('a')],
    },
    generations: [],
    models: [],
    regions: [],
    ...changes,
  };
}

export function program(...segments: Partial<ElfSegment>[]): ElfProgram {
  return {
    architecture: 'x86-64',
    headerOffset: 600,
    type: 'executable',
    entry: 0x400000n,
    programHeaderOffset: 700,
    segments: segments.map((changes) => ({
      type: 1,
      flags: 5,
      offset: 1024,
      fileSize: 512,
      virtualAddress: 0x400000n,
      memorySize: 512n,
      ...changes,
    })),
  };
}

export function member(name: string, changes: Partial<ZipMember> = {}): ZipMember {
  return {
    name: asUntrusted(name),
    recordSha256: `record of ${name}`,
    recordOffset: 3000,
    recordLength: 60,
    localOffset: 2048,
    contentOffset: 2100,
    method: 0,
    compressedSize: 10,
    size: 10,
    crc32: 0,
    mode: 0o100644,
    dosAttributes: 0,
    isUtf8: true,
    madeBy: 0x032d,
    extras: [],
    commentLength: 0,
    disk: 0,
    ...changes,
  };
}
