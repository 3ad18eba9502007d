import { asUntrusted } from '../lib/text.ts';
import type { PeFacts, PeSection, Unreadable } from './ape-facts.ts';
import type { ByteSource } from './source.ts';

const SIGNATURE = 'PE\0\0';
/** Signature and file header. */
const FIXED = 24;
const PE32_PLUS = 0x20b;
/** The optional header up to the data directories. */
const OPTIONAL_FIXED = 112;
const DIRECTORY = 8;
const DIRECTORIES_LIMIT = 16;
const SECTION = 40;
/** Genuine files have two to four. */
const SECTIONS_LIMIT = 16;

/**
 * The PE32+ header at `offset`, as Windows reads it (winnt.h); nothing is judged. Reads at most 1 KiB.
 * @returns `unreadable` where Windows could not make out sections either, or above 16 of them.
 */
export function readPe(source: ByteSource, offset: number): PeFacts | Unreadable {
  const wrong = (at: number, expected: string, found: string): Unreadable => {
    return { kind: 'unreadable', offset: at, expected, found };
  };
  if (offset + FIXED + OPTIONAL_FIXED > source.size) {
    return wrong(offset, `a PE header inside the ${source.size} bytes of the file`, 'the end of the file');
  }
  const fixed = source.read(offset, FIXED + OPTIONAL_FIXED);
  const signature = fixed.toString('latin1', 0, 4);
  if (signature !== SIGNATURE) {
    return wrong(offset, 'the signature 50 45 00 00', fixed.toString('hex', 0, 4));
  }
  const sections = fixed.readUInt16LE(6);
  const optional = fixed.readUInt16LE(20);
  const magic = fixed.readUInt16LE(FIXED);
  const directories = fixed.readUInt32LE(FIXED + OPTIONAL_FIXED - 4);
  if (magic !== PE32_PLUS) return wrong(offset + FIXED, 'the magic 20b of PE32+', magic.toString(16));
  if (directories > DIRECTORIES_LIMIT || optional !== OPTIONAL_FIXED + directories * DIRECTORY) {
    const found = `${optional} bytes with ${directories} directories`;
    return wrong(offset + 20, `an optional header that its directories fill, at most 16`, found);
  }
  const length = FIXED + optional + sections * SECTION;
  if (sections === 0 || sections > SECTIONS_LIMIT || offset + length > source.size) {
    return wrong(offset + 6, `1 to ${SECTIONS_LIMIT} sections inside the file`, `${sections} sections`);
  }
  return decode(source.read(offset, length), offset, sections, directories);
}

function decode(bytes: Buffer, offset: number, sections: number, directories: number): PeFacts {
  const table = bytes.length - sections * SECTION;
  const first = FIXED + OPTIONAL_FIXED;
  return {
    kind: 'pe',
    offset,
    length: bytes.length,
    machine: bytes.readUInt16LE(4),
    characteristics: bytes.readUInt16LE(22),
    entry: bytes.readUInt32LE(FIXED + 16),
    imageBase: bytes.readBigUInt64LE(FIXED + 24),
    sectionAlignment: bytes.readUInt32LE(FIXED + 32),
    fileAlignment: bytes.readUInt32LE(FIXED + 36),
    imageSize: bytes.readUInt32LE(FIXED + 56),
    headersSize: bytes.readUInt32LE(FIXED + 60),
    directories: Array.from({ length: directories }, (_, index) => ({
      index,
      address: bytes.readUInt32LE(first + index * DIRECTORY),
      size: bytes.readUInt32LE(first + index * DIRECTORY + 4),
    })).filter(({ address, size }) => address !== 0 || size !== 0),
    sections: Array.from({ length: sections }, (_, index) => section(bytes, table + index * SECTION)),
  };
}

function section(bytes: Buffer, at: number): PeSection {
  return {
    name: asUntrusted(bytes.toString('latin1', at, at + 8).replace(/\0+$/, '')),
    virtualSize: bytes.readUInt32LE(at + 8),
    virtualAddress: bytes.readUInt32LE(at + 12),
    fileSize: bytes.readUInt32LE(at + 16),
    offset: bytes.readUInt32LE(at + 20),
    characteristics: bytes.readUInt32LE(at + 36),
  };
}
