import type { Anatomy, ElfSegment } from '../../format/anatomy.ts';
import type { PeFacts, PeSection } from '../../format/ape-facts.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';
import { type Image, mapsAsElf } from './image.ts';

const MACHINE_X86_64 = 0x8664;
const IMAGE = { executable: 2, library: 0x2000 } as const;
const SECTION = { execute: 0x20000000, write: 0x80000000 } as const;
const PAGE = 4096;
/** The image's first page may not lie on what Windows loads at a fixed place, and no address may wrap. */
const ADDRESS_LIMIT = 1n << 47n;
/** What the linkers of APE programs fill in, by index (winnt.h): imports and their addresses. */
const USUAL_DIRECTORIES: ReadonlySet<number> = new Set([1, 12]);
const DIRECTORIES = [
  'exports',
  'imports',
  'resources',
  'exception handlers',
  'certificates',
  'relocations',
  'debugging data',
  'architecture data',
  'global pointer',
  'TLS callbacks',
  'load configuration',
  'bound imports',
  'import addresses',
  'delayed imports',
  '.NET',
  'reserved',
] as const;

/**
 * The header for Windows: that it can be read, describes one program and that the same as the ELF header of x86-64 does,
 * without anything that would run before its entry point. What is in the sections is judged with the ELF program.
 */
export function checkWindows({ ape, pe, programs }: Anatomy, limit: number): Finding[] {
  if (pe === undefined) return [];
  if (pe.kind === 'unreadable') {
    const { offset, expected, found } = pe;
    return [finding('APE-030', { offset, expected, found })];
  }
  const segments = programs.find(({ architecture }) => architecture === 'x86-64')?.segments ?? [];
  return [
    ...header(pe, limit),
    ...directories(pe),
    ...sections(pe),
    ...pe.sections.flatMap((section) => [
      ...contents(pe, section, segments, { limit, joined: ape?.monolithic === true }),
      ...writableCode(section),
    ]),
    ...(ape?.magic === 'jartsr' ? [] : entryPoint(pe)),
  ];
}

function header(
  { offset, length, machine, characteristics, headersSize }: PeFacts,
  limit: number,
): Finding[] {
  const wrong = (at: number, expected: string, found: string) => [
    finding('APE-030', { offset: at, expected, found }),
  ];
  if (offset + length > limit) return wrong(offset, `an end before byte ${limit}`, `byte ${offset + length}`);
  if (machine !== MACHINE_X86_64) return wrong(offset + 4, 'machine 8664', machine.toString(16));
  if ((characteristics & IMAGE.executable) === 0 || (characteristics & IMAGE.library) !== 0) {
    return wrong(
      offset + 22,
      'an executable, not a library',
      `characteristics ${characteristics.toString(16)}`,
    );
  }
  if (headersSize < offset + length || headersSize > limit) {
    const found = `SizeOfHeaders ${headersSize}`;
    return [finding('APE-032', { offset, expected: `headers up to byte ${offset + length}`, found })];
  }
  return [];
}

function directories({ offset, directories: all, sections: known }: PeFacts): Finding[] {
  return all.flatMap(({ index, address, size }) => {
    const inside = known.some(
      ({ virtualAddress, fileSize }) =>
        address >= virtualAddress && address + size <= virtualAddress + fileSize,
    );
    if (USUAL_DIRECTORIES.has(index) && inside) return [];
    const evidence = {
      offset,
      expected: 'imports alone, inside a section',
      found: `${size} bytes at address ${address.toString(16)}`,
    };
    return [finding('APE-031', evidence, DIRECTORIES[index] ?? `directory ${index}`)];
  });
}

/** In memory: ascending, apart, aligned, inside the image. */
function sections({ offset, sections: all, headersSize, imageSize, sectionAlignment }: PeFacts): Finding[] {
  const aligned = sectionAlignment >= PAGE && (sectionAlignment & (sectionAlignment - 1)) === 0;
  let end = headersSize;
  for (const { name, virtualAddress, virtualSize, fileSize } of all) {
    const size = Math.max(virtualSize, fileSize);
    const inside = virtualAddress >= end && virtualAddress + size <= imageSize;
    if (!aligned || !inside || virtualAddress % sectionAlignment !== 0) {
      const expected = `${escapeText(name, 8)} at a multiple of ${sectionAlignment}, from ${end} on, inside ${imageSize}`;
      return [finding('APE-032', { offset, expected, found: `${size} bytes at ${virtualAddress}` })];
    }
    end = virtualAddress + size;
  }
  return [];
}

function contents(
  pe: PeFacts,
  section: PeSection,
  segments: readonly ElfSegment[],
  { limit, joined }: { readonly limit: number; readonly joined: boolean },
): Finding[] {
  const { name, offset, fileSize, virtualAddress, characteristics } = section;
  if (fileSize === 0) return [];
  const wrong = (expected: string) => [
    finding(
      'APE-032',
      { offset: pe.offset, expected, found: `${fileSize} bytes from byte ${offset}` },
      escapeText(name, 8),
    ),
  ];
  if (offset + fileSize > limit) return wrong(`contents before byte ${limit}`);
  const image: Image = {
    offset: BigInt(offset),
    fileSize: BigInt(fileSize),
    virtualAddress: pe.imageBase + BigInt(virtualAddress),
    execute: (characteristics & SECTION.execute) !== 0,
    write: (characteristics & SECTION.write) !== 0,
  };
  if (pe.imageBase < ADDRESS_LIMIT && mapsAsElf(image, segments, { joined })) return [];
  return wrong('bytes, addresses and rights of a segment of the ELF program');
}

function writableCode({ name, offset, fileSize, characteristics }: PeSection): Finding[] {
  if ((characteristics & SECTION.execute) === 0 || (characteristics & SECTION.write) === 0) return [];
  return [finding('APE-023', { offset, length: fileSize }, `section ${escapeText(name, 8)} for Windows`)];
}

function entryPoint({ offset, entry, sections: all }: PeFacts): Finding[] {
  const inCode = all.some(
    ({ virtualAddress, fileSize, characteristics }) =>
      (characteristics & SECTION.execute) !== 0 &&
      entry >= virtualAddress &&
      entry < virtualAddress + fileSize,
  );
  if (inCode) return [];
  const expected = 'an entry point in a section that is executed';
  return [finding('APE-030', { offset, expected, found: `address ${entry.toString(16)}` })];
}
