import { buildApe, syntheticElf } from '../../../src/demo/ape-writer.ts';
import { zipalignAppend } from '../../../src/demo/zip-writer.ts';
import { readAnatomy } from '../../../src/format/read.ts';
import { bufferSource } from '../../../src/format/source.ts';
import type { APE } from '../../../src/integrity/catalogue/ape.ts';
import { linkedBase } from '../../fixtures/apelink.ts';
import { MACHO, macHeader, PE } from '../../fixtures/foreign-headers.ts';
import { fixtureBase } from '../../fixtures/llamafile.ts';
import type { CheckCases } from '../case.ts';
import {
  built,
  CLEAN,
  changed,
  DEMO,
  header,
  linked,
  mac,
  octal,
  P,
  PHDR,
  segment,
  startingAt,
  windows,
} from './ape-files.ts';

export const ELF_CASES: Readonly<Partial<Record<keyof typeof APE, CheckCases>>> = {
  'APE-020': {
    triggers: [
      header('a header of 32 bits in disguise', (bytes) => bytes.writeUInt8(0, 4)),
      header('program headers of another size', (bytes) => bytes.writeUInt16LE(57, 54)),
      header('more program headers than the loader has room for', (bytes) => bytes.writeUInt16LE(19, 56)),
      linked('no header for any machine', { overrides: { patchHeader: (bytes) => bytes.fill(0, 0, 4) } }),
      built('two headers for one machine', () => {
        const genuine = readAnatomy(bufferSource(fixtureBase()));
        const trap = Buffer.from(syntheticElf().subarray(0, 64));
        trap.writeBigUInt64LE(65536n + 64n, 32);
        trap.writeBigUInt64LE(genuine.programs[0]?.entry ?? 0n, 24);
        return fixtureBase({ comment: `printf '${octal(trap)}'` });
      }),
    ],
    almost: [
      CLEAN,
      built('a header for one machine alone', () => {
        const base = { x86Elf: syntheticElf(), loaders: { x86: syntheticElf() } };
        return buildApe({ ...base, zipEntries: [{ name: 'a', content: Buffer.alloc(1) }] });
      }),
    ],
  },
  'APE-021': {
    triggers: [
      segment('a dynamic linker', 2, (entry) => entry.writeUInt32LE(3, P.type)),
      segment('tables for a dynamic linker', 2, (entry) => entry.writeUInt32LE(2, P.type)),
      segment('more file than memory', 1, (entry) => entry.writeBigUInt64LE(5n, P.memsz)),
      segment('an address that is not congruent', 1, (entry) =>
        entry.writeBigUInt64LE(entry.readBigUInt64LE(P.vaddr) + 8n, P.vaddr),
      ),
      segment('segments on top of each other', 1, (entry) => entry.writeBigUInt64LE(0x400000n, P.vaddr)),
      segment('a segment beyond the file', 1, (entry) => {
        entry.writeBigUInt64LE(2n ** 30n, P.filesz);
        entry.writeBigUInt64LE(2n ** 30n, P.memsz);
      }),
      segment('neighbours that the loader maps as one, at other addresses than the kernel', 1, (entry) => {
        entry.writeUInt32LE(5, P.flags);
        entry.writeBigUInt64LE(0x10000n, P.offset);
        entry.writeBigUInt64LE(0x401000n, P.vaddr);
      }),
      linked('neighbours with zeroed memory in between, which the loader fills', {
        foreign: [macHeader()],
        overrides: {
          patchProgramHeaders: (bytes, machine) => {
            if (machine !== 'x86-64') return;
            bytes.writeBigUInt64LE(0x4000n, P.memsz);
            bytes.writeUInt32LE(5, PHDR + P.flags);
            bytes.writeBigUInt64LE(0x11000n, PHDR + P.offset);
            bytes.writeBigUInt64LE(0x404000n, PHDR + P.vaddr);
          },
        },
      }),
      segment('an offset beyond all numbers', 1, (entry) => entry.writeBigUInt64LE(2n ** 63n, P.offset)),
    ],
    almost: [
      CLEAN,
      segment('neighbours with equal rights and distances', 1, (entry) => entry.writeUInt32LE(5, P.flags)),
      segment('a segment that is larger in memory', 1, (entry) => entry.writeBigUInt64LE(5000n, P.memsz)),
    ],
  },
  'APE-022': {
    triggers: [
      header('an entry point in data', (bytes) => bytes.writeBigUInt64LE(0x404001n, 24)),
      header('an entry point behind the last byte of code', (bytes) =>
        bytes.writeBigUInt64LE(0x400000n + 932n, 24),
      ),
    ],
    almost: [
      header('an entry point at the last byte of code', (bytes) =>
        bytes.writeBigUInt64LE(0x400000n + 931n, 24),
      ),
    ],
  },
  'APE-023': {
    triggers: [
      segment('code that may be written', 0, (entry) => entry.writeUInt32LE(7, P.flags)),
      windows('a section for Windows that may be written and executed', (bytes) => {
        bytes.writeUInt32LE(0xe0000020, PE.section(0) + PE.characteristics);
        return bytes;
      }),
      mac('a segment for macOS that may be written and executed', (bytes) =>
        bytes.writeUInt32LE(7, MACHO.segment(0) + MACHO.protection),
      ),
    ],
    almost: [CLEAN, segment('a stack that may be executed', 2, (entry) => entry.writeUInt32LE(7, P.flags))],
  },
  'APE-024': {
    triggers: [
      built('a segment that maps weights', () => {
        const file = zipalignAppend(linkedBase(), [{ name: 'data', content: Buffer.alloc(5000, 7) }]);
        const anatomy = readAnatomy(bufferSource(file));
        const table = anatomy.programs[0]?.programHeaderOffset ?? 0;
        const content = anatomy.zip?.members.at(-1)?.contentOffset ?? 0;
        file.writeBigUInt64LE(BigInt(content), table + PHDR + P.offset);
        return file;
      }),
      built('a segment in the padding before them', () => {
        const file = zipalignAppend(linkedBase(), [{ name: 'data', content: Buffer.alloc(5000, 7) }]);
        const anatomy = readAnatomy(bufferSource(file));
        const table = anatomy.programs[0]?.programHeaderOffset ?? 0;
        const padding = anatomy.regions.findLast(({ kind, length }) => kind === 'padding' && length > 5000);
        const page = Math.ceil((padding?.offset ?? 0) / 4096) * 4096;
        file.writeBigUInt64LE(BigInt(page), table + PHDR + P.offset);
        return file;
      }),
    ],
    almost: [CLEAN, DEMO],
  },
  'APE-040': {
    triggers: [
      startingAt('a program that starts in the last page of its code', 16n),
      built('bytes behind the code, in its last page', () =>
        changed((bytes, { programs }) => {
          const [code] = programs[0]?.segments ?? [];
          bytes[(code?.offset ?? 0) + (code?.fileSize ?? 0) + 5] = 1;
        }),
      ),
      windows('a section with a telling name', (bytes) => bytes.write('.payload', PE.section(1), 'latin1')),
    ],
    almost: [
      linked('executable memory that goes on with zeros', { overrides: { gap: Buffer.alloc(9000) } }),
      startingAt('a program that starts two pages before its end', 8192n),
      header('a small one that starts in its last page', (bytes) =>
        bytes.writeBigUInt64LE(0x400000n + 931n, 24),
      ),
      windows('a section with another name', (bytes) => bytes.write('.paying\0', PE.section(1), 'latin1')),
    ],
  },
};
