import type { APE } from '../../../src/integrity/catalogue/ape.ts';
import { MACHO, PE } from '../../fixtures/foreign-headers.ts';
import type { CheckCases } from '../case.ts';

import { CLEAN, DEMO, linked, mac, windows } from './ape-files.ts';

export const FOREIGN_CASES: Readonly<Partial<Record<keyof typeof APE, CheckCases>>> = {
  'APE-030': {
    triggers: [
      linked('a pointer to nothing', { overrides: { peOffset: 0x3000 } }),
      linked('a pointer beyond the file', { overrides: { peOffset: 0xfffffff0 } }),
      windows('another machine', (bytes) => bytes.writeUInt16LE(0x14c, 4)),
      windows('a library', (bytes) => bytes.writeUInt16LE(0x2223, 22)),
      windows('too many sections', (bytes) => bytes.writeUInt16LE(17, PE.sectionCount)),
      windows('an entry point in data', (bytes) => bytes.writeUInt32LE(0x14000, PE.entry)),
    ],
    almost: [
      CLEAN,
      windows('an entry point elsewhere in code', (bytes) => bytes.writeUInt32LE(0x10200, PE.entry)),
    ],
  },
  'APE-031': {
    triggers: [
      windows('TLS callbacks, which run before the entry point', (bytes) => {
        bytes.writeUInt32LE(0x14000, PE.directory(9));
        bytes.writeUInt32LE(40, PE.directory(9) + 4);
        return bytes;
      }),
      windows('delayed imports', (bytes) => bytes.writeUInt32LE(0x14000, PE.directory(13))),
      windows('imports that lie in no section', (bytes) => bytes.writeUInt32LE(0x90000, PE.directory(1))),
    ],
    almost: [
      CLEAN,
      windows('addresses of imports', (bytes) => {
        bytes.writeUInt32LE(0x14000, PE.directory(12));
        bytes.writeUInt32LE(16, PE.directory(12) + 4);
        return bytes;
      }),
    ],
  },
  'APE-032': {
    triggers: [
      windows('a section more, of the code for the other machine', addSection(0x20000, 0x90000)),
      windows('a section more, of bytes that are mapped already', addSection(0x10000, 0x90000)),
      windows('a section of bytes in the archive', (bytes) => {
        bytes.writeUInt32LE(0x7fff0000, PE.section(1) + 20);
        return bytes;
      }),
      windows('code where the ELF header has data', (bytes) => {
        bytes.writeUInt32LE(0x60000020, PE.section(1) + PE.characteristics);
        return bytes;
      }),
      windows('sections on top of each other', (bytes) => bytes.writeUInt32LE(0x10000, PE.section(1) + 12)),
      windows('headers that end before they end', (bytes) => bytes.writeUInt32LE(512, PE.headersSize)),
    ],
    almost: [
      CLEAN,
      windows('a section without bytes of the file', (bytes) => {
        bytes.writeUInt32LE(0, PE.section(1) + 16);
        bytes.writeBigUInt64LE(0n, PE.directory(1));
      }),
    ],
  },
  'APE-034': {
    triggers: [
      mac('a load command more', (bytes) => bytes.writeUInt32LE(0xe, MACHO.uuid(2))),
      mac('a library', (bytes) => bytes.writeUInt32LE(6, MACHO.fileType)),
      mac('a segment of other bytes', (bytes) =>
        bytes.writeBigUInt64LE(0x20000n, MACHO.segment(1) + MACHO.fileOffset),
      ),
      mac('code where the ELF header has data', (bytes) =>
        bytes.writeUInt32LE(5, MACHO.segment(1) + MACHO.protection),
      ),
      mac('an entry point in data', (bytes) => bytes.writeBigUInt64LE(0x404000n, MACHO.entry(2))),
      mac('commands that do not fill the header', (bytes) => bytes.writeUInt32LE(9, 16)),
    ],
    almost: [
      CLEAN,
      mac('an entry point elsewhere in code', (bytes) => bytes.writeBigUInt64LE(0x400200n, MACHO.entry(2))),
      DEMO,
    ],
  },
};

function addSection(offset: number, address: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    const section = Buffer.from(bytes.subarray(PE.section(0), PE.section(0) + PE.sectionLength));
    section.write('.more\0\0\0', 0, 'latin1');
    section.writeUInt32LE(address, 12);
    section.writeUInt32LE(offset, 20);
    bytes.writeUInt16LE(bytes.readUInt16LE(PE.sectionCount) + 1, PE.sectionCount);
    bytes.writeUInt32LE(0xa0000, PE.imageSize);
    return Buffer.concat([bytes, section]);
  };
}
