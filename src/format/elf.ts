import type { Architecture, ElfProgram, ElfSegment } from './anatomy.ts';
import { checkLoads } from './elf-loads.ts';
import { sections } from './elf-sections.ts';
import { checked, malformed, notLlamafile } from './faults.ts';
import { type Claim, RANK } from './regions.ts';
import type { ByteSource } from './source.ts';

export const EHDR_LENGTH = 64;
export const PT = { load: 1, dynamic: 2, interp: 3, note: 4, tls: 7 } as const;
const PHDR_LENGTH = 56;
const MACHINES: Readonly<Record<number, Architecture>> = { 62: 'x86-64', 183: 'aarch64' };
const ET_EXEC = 2;
const ET_DYN = 3;
/** The APE loader's buffer, and the kernel's limit (fs/binfmt_elf.c, load_elf_phdrs). */
const PHDRS_LIMIT = { loader: 1024, kernel: 65536 } as const;
/** Notes of genuine files have 0x30 to 0x44 bytes; more could hide something. */
const NOTES_LIMIT = 4096;

export interface ElfImage {
  readonly program: ElfProgram;
  readonly claims: readonly Claim[];
}

/**
 * What the APE loader makes of a decoded 64-byte header on `architecture` (ape/loader.c, TryElf and Spawn): the image, or
 * undefined where it would go on to the next `printf`. One that asks for a dynamic linker is refused, although the loader goes on.
 * @throws PaddockError `malformed` where the loader would give up, or would map what is not in the file.
 */
export function imageForLoader(
  source: ByteSource,
  header: Buffer,
  headerOffset: number,
  architecture: Architecture,
): ElfImage | undefined {
  if (header.length < EHDR_LENGTH || header.toString('latin1', 0, 4) !== '\x7fELF') return undefined;
  const type = header.readUInt16LE(16);
  if (header[4] === 1 || (type !== ET_EXEC && type !== ET_DYN)) return undefined;
  if (MACHINES[header.readUInt16LE(18)] !== architecture) return undefined;
  demandClass(header, headerOffset);
  const table = programHeaders(source, header, headerOffset, PHDRS_LIMIT.loader);
  if (table === undefined) return undefined;
  refuseDynamic(table, headerOffset);
  return image(source, header, headerOffset, architecture, table);
}

/**
 * The ELF executable that begins at byte 0, as the kernel maps it, with its section contents.
 * @throws PaddockError `not-llamafile` for an ELF that no llamafile is, `malformed` for a broken one.
 */
export function readElfFile(source: ByteSource): ElfImage {
  if (source.size < EHDR_LENGTH) throw truncated(source);
  const header = source.read(0, EHDR_LENGTH);
  const architecture = identify(header);
  demandClass(header, 0);
  const table = programHeaders(source, header, 0, PHDRS_LIMIT.kernel);
  if (table === undefined) {
    throw malformed('the program headers lie outside the file', {
      check: 'APE-020',
      offset: 32,
      expected: `a table inside the ${source.size} bytes of the file`,
      found: `e_phoff ${header.readBigUInt64LE(32)}, ${header.readUInt16LE(56)} entries`,
    });
  }
  if (table.segments.some(({ type }) => type === PT.interp)) {
    throw notLlamafile(
      'an ELF program that needs a dynamic linker is no llamafile',
      'a PT_INTERP program header',
      'run it directly; paddock guards statically linked llamafiles',
      'FILE-003',
    );
  }
  const { program, claims } = image(source, header, 0, architecture, table);
  const own = structure('elf-header', 0, EHDR_LENGTH, 'ELF header');
  return { program, claims: [own, ...claims, ...sections(source, header)] };
}

interface Table {
  readonly offset: number;
  readonly length: number;
  readonly segments: readonly ElfSegment[];
}

function identify(header: Buffer): Architecture {
  const type = header.readUInt16LE(16);
  const architecture = MACHINES[header.readUInt16LE(18)];
  const wrong =
    header[4] === 1
      ? 'a 32-bit ELF file'
      : architecture === undefined
        ? `an ELF file for machine ${header.readUInt16LE(18)}`
        : type !== ET_EXEC && type !== ET_DYN
          ? `an ELF file of type ${type}, which is not an executable`
          : undefined;
  if (wrong !== undefined || architecture === undefined) {
    throw notLlamafile(
      `${wrong} is no llamafile`,
      wrong ?? '',
      'llamafiles are 64-bit, for x86-64 or aarch64',
      'FILE-003',
    );
  }
  return architecture;
}

function demandClass(header: Buffer, headerOffset: number): void {
  if (header[4] === 2 && header[5] === 1) return;
  throw malformed('the ELF header is not 64-bit little-endian', {
    check: 'APE-020',
    offset: headerOffset,
    expected: 'class 2, data 1',
    found: `class ${header[4]}, data ${header[5]}`,
  });
}

/** The loader passes such a header over and takes the next; --assimilate writes it, and the kernel runs its interpreter. */
function refuseDynamic({ segments }: Table, headerOffset: number): void {
  const dynamic = segments.find(({ type }) => type === PT.interp || type === PT.dynamic);
  if (dynamic === undefined) return;
  throw malformed('the program needs a dynamic linker, which no APE loader provides', {
    check: 'APE-021',
    offset: headerOffset,
    expected: 'neither PT_INTERP nor PT_DYNAMIC',
    found: dynamic.type === PT.interp ? 'PT_INTERP' : 'PT_DYNAMIC',
  });
}

/** Undefined if the table leaves the file, which the loader takes for "try the next". */
function programHeaders(
  source: ByteSource,
  header: Buffer,
  headerOffset: number,
  limit: number,
): Table | undefined {
  const entrySize = header.readUInt16LE(54);
  const count = header.readUInt16LE(56);
  const length = count * PHDR_LENGTH;
  if (entrySize !== PHDR_LENGTH || length > limit || count === 0) {
    throw malformed('the ELF header describes no program headers that can be loaded', {
      check: 'APE-020',
      offset: headerOffset,
      expected: `1 to ${Math.floor(limit / PHDR_LENGTH)} entries of ${PHDR_LENGTH} bytes`,
      found: `${count} entries of ${entrySize} bytes`,
    });
  }
  const start = header.readBigUInt64LE(32);
  if (start + BigInt(length) > BigInt(source.size)) return undefined;
  const offset = Number(start);
  const bytes = source.read(offset, length);
  const segments = Array.from({ length: count }, (_, index) =>
    decodeSegment(bytes, index * PHDR_LENGTH, offset),
  );
  return { offset, length, segments };
}

function decodeSegment(bytes: Buffer, at: number, tableOffset: number): ElfSegment {
  const number = (field: number, what: string) =>
    checked(
      bytes.readBigUInt64LE(at + field),
      Number.MAX_SAFE_INTEGER,
      tableOffset + at + field,
      what,
      'APE-021',
    );
  return {
    type: bytes.readUInt32LE(at),
    flags: bytes.readUInt32LE(at + 4),
    offset: number(8, 'p_offset'),
    fileSize: number(32, 'p_filesz'),
    virtualAddress: bytes.readBigUInt64LE(at + 16),
    memorySize: bytes.readBigUInt64LE(at + 40),
  };
}

function image(
  source: ByteSource,
  header: Buffer,
  headerOffset: number,
  architecture: Architecture,
  table: Table,
): ElfImage {
  const entry = header.readBigUInt64LE(24);
  // As the loader does, segments without memory are dropped before anything is checked.
  const loads = table.segments.filter(({ type, memorySize }) => type === PT.load && memorySize > 0n);
  checkLoads(source.size, table.segments, table.offset);
  const inside = ({ virtualAddress: from, memorySize: size, flags }: ElfSegment) =>
    (flags & 1) !== 0 && from <= entry && entry < from + size;
  if (!loads.some(inside)) {
    throw malformed('the entry point is not in an executable segment', {
      check: 'APE-022',
      offset: headerOffset,
      expected: 'e_entry inside a PT_LOAD with flag X',
      found: `0x${entry.toString(16)}`,
    });
  }
  const claims = [
    structure('program-headers', table.offset, table.length, `${architecture} program headers`),
  ];
  for (const { offset, fileSize, flags } of loads) {
    const label = `${architecture} ${permissions(flags)}`;
    claims.push({ kind: 'segment', offset, length: fileSize, label, rank: RANK.segment });
  }
  for (const segment of table.segments) claims.push(...notes(source, segment));
  const type = header.readUInt16LE(16) === ET_EXEC ? 'executable' : 'shared';
  const { offset: programHeaderOffset, segments } = table;
  return { program: { architecture, headerOffset, type, entry, programHeaderOffset, segments }, claims };
}

/** PT_NOTE contents, if they are nothing but whole notes. */
function notes(source: ByteSource, { type, offset, fileSize }: ElfSegment): Claim[] {
  if (type !== PT.note || fileSize === 0 || fileSize > NOTES_LIMIT || offset + fileSize > source.size)
    return [];
  const bytes = source.read(offset, fileSize);
  let at = 0;
  while (at + 12 <= bytes.length) {
    at += 12 + padded(bytes.readUInt32LE(at)) + padded(bytes.readUInt32LE(at + 4));
  }
  return at === bytes.length ? [structure('elf-notes', offset, fileSize, 'ELF notes')] : [];
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}

function structure(kind: Claim['kind'], offset: number, length: number, label: string): Claim {
  return { kind, offset, length, label, rank: RANK.structure };
}

function permissions(flags: number): string {
  return `${flags & 4 ? 'R' : '-'}${flags & 2 ? 'W' : '-'}${flags & 1 ? 'X' : '-'} segment`;
}

function truncated(source: ByteSource) {
  return malformed('the file is truncated: it ends inside the ELF header', {
    check: 'FILE-003',
    offset: 0,
    expected: `at least ${EHDR_LENGTH} bytes`,
    found: `${source.size} bytes`,
  });
}
