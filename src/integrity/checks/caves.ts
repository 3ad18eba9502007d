import type { Anatomy, ElfProgram, Region } from '../../format/anatomy.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

const PT_LOAD = 1;
const FLAG_EXECUTE = 1;
const PAGE = 4096n;
/** In a smaller segment the last page is a good part of the program, and may well be where it starts. */
const LARGE_BYTES = 65536n;
/** Kinds of regions that are no parts of a program. */
const FOREIGN = /^(zip-|gguf-|unaccounted)/;
/** Names that tools for building malicious programs give, compared without case and leading dot. */
const ODD_SECTIONS: ReadonlySet<string> = new Set(['shellcode', 'payload', 'backdoor', 'exploit', 'malware']);

/**
 * Signs of code that was put in afterwards, in a program that no release vouches for. Few files have them, and their absence
 * says nothing: a patch in the middle of code leaves no such sign.
 */
export function checkCaves({ pe, programs, regions }: Anatomy): Finding[] {
  const named = pe?.kind !== 'pe' ? [] : pe.sections.filter(({ name }) => isOdd(name));
  return [
    ...named.map(({ name, offset, fileSize }) =>
      finding('APE-040', { offset, length: fileSize }, `a section named ${escapeText(name, 8)}`),
    ),
    ...programs.flatMap((program) => [...startsAtEnd(program), ...goesOnInPage(program, regions)]),
  ];
}

// Whole pages are mapped: what follows a segment in its last page can be executed as well.
function goesOnInPage({ architecture, segments }: ElfProgram, regions: readonly Region[]): Finding[] {
  return segments
    .filter(({ type, flags, fileSize }) => type === PT_LOAD && (flags & FLAG_EXECUTE) !== 0 && fileSize > 0)
    .flatMap(({ offset, fileSize }) => {
      const end = offset + fileSize;
      const last = Math.ceil(end / Number(PAGE)) * Number(PAGE);
      const after = regions.find(
        (region) => FOREIGN.test(region.kind) && region.offset < last && region.offset + region.length > end,
      );
      if (after === undefined) return [];
      const evidence = {
        offset: Math.max(end, after.offset),
        expected: `zeros or parts of the program up to byte ${last}`,
        found: after.kind,
      };
      return [
        finding('APE-040', evidence, `executable memory of ${architecture} goes on behind its segment`),
      ];
    });
}

function isOdd(name: string): boolean {
  return [...ODD_SECTIONS].some((odd) => name.toLowerCase().replace(/^\./, '').startsWith(odd.slice(0, 7)));
}

// Code that is appended to a program lies in the last page of its code, and the entry point is set to it.
function startsAtEnd({ architecture, headerOffset, entry, segments }: ElfProgram): Finding[] {
  const code = segments.find(
    ({ type, flags, virtualAddress, memorySize }) =>
      type === PT_LOAD &&
      (flags & FLAG_EXECUTE) !== 0 &&
      entry >= virtualAddress &&
      entry < virtualAddress + memorySize,
  );
  if (code === undefined || code.memorySize < LARGE_BYTES) return [];
  const end = code.virtualAddress + code.memorySize;
  if (entry < ((end - 1n) / PAGE) * PAGE) return [];
  const found = `0x${entry.toString(16)}, in the last page before 0x${end.toString(16)}`;
  const detail = `the program for ${architecture} starts at the end of its code`;
  return [
    finding('APE-040', { offset: headerOffset, expected: 'an entry point further ahead', found }, detail),
  ];
}
