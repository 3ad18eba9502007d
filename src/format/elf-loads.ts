import type { ElfSegment } from './anatomy.ts';
import { malformed } from './faults.ts';

const PT_LOAD = 1;
/** Loader and kernel refuse what is not congruent modulo the page size; 4096 is the smallest in use. */
const PAGE = 4096n;
const UINT64 = 1n << 64n;

/**
 * What loader and kernel demand of the segments that they map, and what only one of them refuses or does in its own way.
 * @param size of the file.
 * @param tableOffset where the program headers are: the place of every fault.
 * @throws PaddockError `malformed`, APE-021.
 */
export function checkLoads(size: number, segments: readonly ElfSegment[], tableOffset: number): void {
  // As the loader does, segments without memory are dropped before anything is checked.
  const kept = segments.filter(({ type, memorySize }) => type !== PT_LOAD || memorySize > 0n);
  const loads = kept.filter(({ type }) => type === PT_LOAD);
  for (const load of loads) checkLoad(size, load, tableOffset);
  refuseSharedMemory(loads, tableOffset);
  refuseMerging(kept, tableOffset);
}

function checkLoad(size: number, load: ElfSegment, tableOffset: number): void {
  const { offset, fileSize, virtualAddress, memorySize } = load;
  const fault = (expected: string, found: string) =>
    malformed('a segment cannot be loaded', { check: 'APE-021', offset: tableOffset, expected, found });
  if (BigInt(fileSize) > memorySize) {
    throw fault('p_filesz not above p_memsz', `${fileSize} above ${memorySize}`);
  }
  if (offset + fileSize > size) {
    throw fault(`a segment inside the ${size} bytes of the file`, `${fileSize} bytes from byte ${offset}`);
  }
  if (fileSize > 0 && virtualAddress % PAGE !== BigInt(offset) % PAGE) {
    throw fault(
      'p_vaddr and p_offset equal modulo the page size',
      `0x${virtualAddress.toString(16)} and ${offset}`,
    );
  }
  if (virtualAddress + memorySize + PAGE > UINT64) {
    throw fault(
      'a segment inside the address space',
      `${memorySize} bytes at 0x${virtualAddress.toString(16)}`,
    );
  }
}

function refuseSharedMemory(loads: readonly ElfSegment[], tableOffset: number): void {
  const sorted = [...loads].sort((a, b) => (a.virtualAddress < b.virtualAddress ? -1 : 1));
  for (const [index, load] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next === undefined || load.virtualAddress + load.memorySize <= next.virtualAddress) continue;
    throw malformed('two segments overlap in memory', {
      check: 'APE-021',
      offset: tableOffset,
      expected: `a segment that ends by 0x${next.virtualAddress.toString(16)}`,
      found: `0x${(load.virtualAddress + load.memorySize).toString(16)}`,
    });
  }
}

/** Page sizes of the systems that the programs run on. */
const PAGES = [4096n, 16384n, 65536n] as const;

/**
 * The loader makes one mapping of neighbouring segments with equal rights (ape/loader.c, TryElf). The kernel does not: where
 * their addresses and offsets differ, or the first ends with zeroed memory, each would run something else.
 */
function refuseMerging(kept: readonly ElfSegment[], offset: number): void {
  for (const [index, first] of kept.entries()) {
    const second = kept[index + 1];
    if (second === undefined || !PAGES.some((page) => merges(first, second, page))) continue;
    const apart = second.virtualAddress - first.virtualAddress !== BigInt(second.offset - first.offset);
    if (!apart && BigInt(first.fileSize) === first.memorySize) continue;
    throw malformed('loader and kernel would map two neighbouring segments differently', {
      check: 'APE-021',
      offset,
      expected: 'equal distances in file and memory, and no zeroed memory in between',
      found: `segments at bytes ${first.offset} and ${second.offset}`,
    });
  }
}

function merges(first: ElfSegment, second: ElfSegment, page: bigint): boolean {
  const near = (end: bigint, start: bigint) => {
    const distance = ((end + page - 1n) / page) * page - (start / page) * page;
    return distance === 0n || distance === page;
  };
  return (
    first.type === PT_LOAD &&
    second.type === PT_LOAD &&
    (first.flags & 7) === (second.flags & 7) &&
    near(BigInt(first.offset + first.fileSize), BigInt(second.offset)) &&
    near(first.virtualAddress + first.memorySize, second.virtualAddress)
  );
}
