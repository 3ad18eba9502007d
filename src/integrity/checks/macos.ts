import type { Anatomy, ElfSegment } from '../../format/anatomy.ts';
import type { MachoFacts, MachoSegment } from '../../format/ape-facts.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';
import { mapsAsElf } from './image.ts';

const CPU_X86_64 = 0x1000007;
const FILETYPE_EXECUTE = 2;
const PROTECTION = { write: 2, execute: 4 } as const;
/** LC_UNIXTHREAD, LC_SEGMENT_64, LC_UUID: all that the linkers of APE programs write. */
const USUAL_COMMANDS: ReadonlySet<number> = new Set([0x5, 0x19, 0x1b]);
const THREAD = 0x5;

/**
 * The header for macOS: that it can be read, starts no dynamic linker, and describes the same program as the ELF header of
 * x86-64 does.
 */
export function checkMac({ ape, macho, programs }: Anatomy): Finding[] {
  if (macho === undefined) return [];
  if (macho.kind === 'unreadable') {
    const { offset, expected, found } = macho;
    return [finding('APE-034', { offset, expected, found })];
  }
  const segments = programs.find(({ architecture }) => architecture === 'x86-64')?.segments ?? [];
  return [
    ...header(macho),
    ...commands(macho),
    ...macho.segments.flatMap((segment) => [
      ...contents(macho, segment, segments, ape?.monolithic === true),
      ...writableCode(macho, segment),
    ]),
    ...entryPoint(macho),
  ];
}

function header({ offset, cpuType, fileType }: MachoFacts): Finding[] {
  if (cpuType === CPU_X86_64 && fileType === FILETYPE_EXECUTE) return [];
  const found = `machine ${cpuType.toString(16)}, type ${fileType}`;
  return [finding('APE-034', { offset, expected: 'a program for x86-64', found })];
}

function commands({ commands: all }: MachoFacts): Finding[] {
  return all
    .filter(({ type }) => !USUAL_COMMANDS.has(type))
    .map(({ type, offset, length }) =>
      finding('APE-034', {
        offset,
        length,
        expected: 'segments, an identifier and a thread',
        found: `load command ${type.toString(16)}`,
      }),
    );
}

function contents(
  macho: MachoFacts,
  segment: MachoSegment,
  segments: readonly ElfSegment[],
  joined: boolean,
): Finding[] {
  const { name, virtualAddress, offset, fileSize, memorySize, protection } = segment;
  if (fileSize === 0n) return [];
  const image = {
    offset,
    fileSize,
    virtualAddress,
    execute: (protection & PROTECTION.execute) !== 0,
    write: (protection & PROTECTION.write) !== 0,
  };
  if (fileSize <= memorySize && mapsAsElf(image, segments, { fromStart: true, joined })) return [];
  const expected = 'bytes, addresses and rights of a segment of the ELF program';
  const found = `${fileSize} bytes from byte ${offset} at address ${virtualAddress.toString(16)}`;
  return [finding('APE-034', { offset: macho.offset, expected, found }, escapeText(name, 16))];
}

function writableCode({ offset }: MachoFacts, { name, protection }: MachoSegment): Finding[] {
  if ((protection & PROTECTION.execute) === 0 || (protection & PROTECTION.write) === 0) return [];
  return [finding('APE-023', { offset }, `segment ${escapeText(name, 16)} for macOS`)];
}

function entryPoint({ offset, entry, segments, commands: all }: MachoFacts): Finding[] {
  const threads = all.filter(({ type }) => type === THREAD).length;
  const inCode = segments.some(
    ({ virtualAddress, fileSize, protection }) =>
      (protection & PROTECTION.execute) !== 0 &&
      entry !== undefined &&
      entry >= virtualAddress &&
      entry < virtualAddress + fileSize,
  );
  if (threads === 1 && inCode) return [];
  const found = `${threads} threads, address ${entry?.toString(16) ?? 'unknown'}`;
  return [finding('APE-034', { offset, expected: 'one thread that starts in code', found })];
}
