import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMacho } from '../../src/format/macho.ts';
import { readPe } from '../../src/format/pe.ts';
import { bufferSource } from '../../src/format/source.ts';
import { linkedBase } from '../fixtures/apelink.ts';
import { PE } from '../fixtures/foreign-headers.ts';
import { bytesOf, expectExactTiling, read } from './support.ts';

const file = linkedBase();
const anatomy = read(file);
const at = anatomy.ape?.peOffset ?? 0;
const pe = (change: (bytes: Buffer) => void) => {
  const bytes = Buffer.from(file);
  change(bytes.subarray(at));
  return readPe(bufferSource(bytes), at);
};

describe('headers for other systems', () => {
  it('are read', () => {
    expect(anatomy.pe).toMatchObject({
      kind: 'pe',
      offset: at,
      machine: 0x8664,
      entry: 0x10100,
      imageBase: 0x3f0000n,
      directories: [{ index: 1, address: 0x14000, size: 40 }],
      sections: [
        { name: '.text', offset: 0x10000, virtualAddress: 0x10000, fileSize: 932 },
        { name: '.data', offset: 0x14000, virtualAddress: 0x14000, fileSize: 300 },
      ],
    });
    expect(anatomy.macho).toMatchObject({
      kind: 'macho',
      entry: 0x400100n,
      segments: [
        { name: '__APE1', offset: 0n, protection: 5 },
        { name: '__APE2', protection: 3 },
      ],
    });
  });

  it('are regions', () => {
    expectExactTiling(anatomy);
    expect(bytesOf(anatomy, 'unaccounted')).toBe(0);
    expect(bytesOf(anatomy, 'pe-header')).toBe(PE.section(2));
    expect(bytesOf(anatomy, 'macho-header')).toBe(
      anatomy.macho?.kind === 'macho' ? anatomy.macho.length : -1,
    );
  });
});

describe('a header for Windows that cannot be read', () => {
  it.each([
    ['signature', (bytes: Buffer) => bytes.writeUInt8(0x51, 0)],
    ['32 bits', (bytes: Buffer) => bytes.writeUInt16LE(0x10b, PE.magic)],
    ['no sections', (bytes: Buffer) => bytes.writeUInt16LE(0, PE.sectionCount)],
    ['too many sections', (bytes: Buffer) => bytes.writeUInt16LE(17, PE.sectionCount)],
    [
      'more directories than it has room for',
      (bytes: Buffer) => bytes.writeUInt32LE(17, PE.directory(0) - 4),
    ],
    ['an optional header of another length', (bytes: Buffer) => bytes.writeUInt16LE(0xf8, 20)],
  ])('%s', (_, change) => {
    expect(pe(change)).toMatchObject({ kind: 'unreadable', expected: expect.any(String) });
  });

  it('at the end of the file, or behind it', () => {
    for (const offset of [file.length - 1, file.length, 0xffffffff]) {
      expect(readPe(bufferSource(file), offset).kind).toBe('unreadable');
    }
  });
});

it('any bytes are a header or none, never an error', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 600 });
  fc.assert(
    fc.property(bytes, fc.nat(700), fc.nat(5000), (content, offset, length) => {
      const mach = Buffer.concat([Buffer.from('cffaedfe', 'hex'), content]);
      const windows = Buffer.concat([Buffer.from('PE\0\0'), content]);
      expect(['pe', 'unreadable']).toContain(readPe(bufferSource(windows), offset).kind);
      expect(['macho', 'unreadable']).toContain(readMacho(bufferSource(mach), offset, length).kind);
      expect(['macho', 'unreadable']).toContain(readMacho(bufferSource(mach), 0, mach.length).kind);
    }),
    { numRuns: 500 },
  );
});
