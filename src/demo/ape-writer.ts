import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { octal, type Range, type ScriptHoles, shellScript } from './ape-script.ts';
import { appendBaseZip, type ZipEntry } from './zip-writer.ts';

export type { Range, ScriptHoles } from './ape-script.ts';
export { type SyntheticElf, syntheticElf } from './synthetic-elf.ts';

export interface ApeParts {
  /** A static x86-64 ELF executable. Its program headers and everything up to the end of its last segment are taken. */
  readonly x86Elf: Buffer;
  /** A static aarch64 one; without it the file runs on x86-64 only. */
  readonly arm?: Buffer;
  /** APE loaders that the script unpacks: ELF executables, and C source for Apple silicon. */
  readonly loaders: { readonly x86: Buffer; readonly arm?: Buffer; readonly m1Source?: Buffer };
  readonly zipEntries: readonly ZipEntry[];
  /** Writes the headers for other systems, which lie behind the program headers, in this order. */
  readonly foreign?: readonly ForeignHeader[];
  /** Another script than the demo's own; its length must not depend on the numbers. */
  readonly script?: (holes: ScriptHoles) => string;
  /** Hooks for files that are wrong on purpose. */
  readonly overrides?: ApeOverrides;
}

export interface ForeignHeader {
  readonly system: 'windows' | 'macos';
  /** Given the offset of the x86-64 image in the file, and its program headers. Its length must not depend on them. */
  readonly write: (imageOffset: number, programHeaders: Buffer) => Buffer;
}

export interface ApeOverrides {
  readonly magic?: string;
  readonly peOffset?: number;
  /** Value of the APE note: 110000000 for version 1.10. */
  readonly note?: number;
  /** Put in front of the script, inside its comment line; must hold no newline. */
  readonly comment?: string;
  /** Changes the decoded 64-byte header before it is written as `printf`. */
  readonly patchHeader?: (header: Buffer, architecture: 'x86-64' | 'aarch64') => void;
  /** Changes the program headers of one architecture before they are written. */
  readonly patchProgramHeaders?: (headers: Buffer, architecture: 'x86-64' | 'aarch64') => void;
  /** Bytes between the last loader and the first zip record. */
  readonly gap?: Buffer;
}

/** Segments begin at multiples of this, so that offset and address agree modulo every page size in use. */
const SEGMENT_ALIGNMENT = 65536;
const HEADER_LENGTH = 0x200;
const EHDR = 64;
const PHDR = 56;
const NOTE = { name: 'APE', type: 1, value: 110_000_000 };

interface Image {
  readonly architecture: 'x86-64' | 'aarch64';
  readonly header: Buffer;
  readonly programHeaders: Buffer;
  readonly bytes: Buffer;
  readonly offset: number;
}

/**
 * A fat APE executable as apelink lays it out: MZ header with a heredoc around the boot sector, shell script with the ELF
 * headers as `printf` lines, note, program headers, segments at 64 KiB, gzip-compressed loaders, and a first zip
 * generation right behind them.
 * @throws RangeError if an ELF is not a 64-bit executable that an APE loader accepts: a bug of the caller.
 */
export function buildApe(parts: ApeParts): Buffer {
  const blobs = [parts.loaders.x86, parts.loaders.arm, parts.loaders.m1Source].map((loader) =>
    loader === undefined ? undefined : gzip(loader),
  );
  // The script's length does not depend on the numbers in it: the first pass measures, the second one places.
  const draft = layOut(parts, blobs, 0);
  const prologue = draft.prologue.length;
  const final = layOut(parts, blobs, prologue);
  const gap = parts.overrides?.gap ?? Buffer.alloc(0);
  return appendBaseZip(Buffer.concat([final.prologue, ...final.rest, gap]), parts.zipEntries);
}

/** The ELF form of `ape`: its own x86-64 header over the first 64 bytes, as `--assimilate` writes it. */
export function assimilate(ape: Buffer): Buffer {
  const at = ape.indexOf("printf '", HEADER_LENGTH, 'latin1');
  if (at < 0) throw new RangeError('no printf line');
  const end = ape.indexOf("'", at + 8, 'latin1');
  const text = ape.toString('latin1', at + 8, end);
  const bytes = text.replace(/\\([0-7]{1,3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8) & 0xff),
  );
  const out = Buffer.from(ape);
  Buffer.from(bytes, 'latin1').copy(out, 0, 0, EHDR);
  return out;
}

function layOut(parts: ApeParts, blobs: readonly (Buffer | undefined)[], prologueLength: number) {
  const elves = [parts.x86Elf, ...(parts.arm === undefined ? [] : [parts.arm])];
  const images: Image[] = [];
  const rest: Buffer[] = [];
  let at = prologueLength;
  const place = (bytes: Buffer, alignment: number): number => {
    const offset = Math.ceil(at / alignment) * alignment;
    rest.push(Buffer.alloc(offset - at), bytes);
    at = offset + bytes.length;
    return offset;
  };
  for (const elf of elves) {
    const bytes = loadedPart(elf);
    const offset = place(bytes, SEGMENT_ALIGNMENT);
    images.push(relocate(elf, bytes, offset));
  }
  const ranges = blobs.map((blob) =>
    blob === undefined ? undefined : { skip: place(blob, 1), count: blob.length },
  );
  return { prologue: prologueBytes(parts, images, ranges), rest };
}

function prologueBytes(
  parts: ApeParts,
  images: readonly Image[],
  ranges: readonly (Range | undefined)[],
): Buffer {
  const notes = apeNote(parts.overrides?.note ?? NOTE.value);
  const script = (headers: readonly Buffer[], macho: Range) =>
    Buffer.from(writeScript(parts, headers, ranges, macho), 'latin1');
  const none = { skip: 0, count: 0 };
  // Written octal is fixed-width, so the header with a placeholder offset has the final length.
  const measured =
    HEADER_LENGTH +
    15 +
    script(
      images.map(({ header }) => header),
      none,
    ).length;
  let at = measured + notes.length;
  const tables: Buffer[] = [];
  const headers = images.map((image) => {
    const header = Buffer.from(image.header);
    const table = Buffer.concat([image.programHeaders, noteHeader(measured, notes.length)]);
    header.writeBigUInt64LE(BigInt(at), 32);
    header.writeUInt16LE(table.length / PHDR, 56);
    at += table.length;
    parts.overrides?.patchProgramHeaders?.(table, image.architecture);
    tables.push(table);
    parts.overrides?.patchHeader?.(header, image.architecture);
    return header;
  });
  const foreign = foreignHeaders(parts, images, at);
  const text = script(headers, foreign.macos ?? none);
  const token = `justine${createHash('sha256').update(text).digest('hex').slice(0, 6)}`;
  const start = mzHeader(parts.overrides, token, foreign.windows?.skip ?? 0);
  const opening = Buffer.from(`\n${token}\n`, 'latin1');
  return Buffer.concat([start, opening, text, notes, ...tables, ...foreign.bytes]);
}

function foreignHeaders(parts: ApeParts, images: readonly Image[], start: number) {
  const found: { windows?: Range; macos?: Range; bytes: Buffer[] } = { bytes: [] };
  let at = start;
  for (const { system, write } of parts.foreign ?? []) {
    const [x86] = images;
    if (x86 === undefined) continue;
    const bytes = write(x86.offset, x86.programHeaders);
    found[system] = { skip: at, count: bytes.length };
    found.bytes.push(bytes);
    at += bytes.length;
  }
  return found;
}

function writeScript(
  parts: ApeParts,
  headers: readonly Buffer[],
  [x86, arm, m1]: readonly (Range | undefined)[],
  macho: Range,
): string {
  const holes: ScriptHoles = {
    headers: headers.map((header) => ({
      architecture: header.readUInt16LE(18) === 183 ? 'aarch64' : 'x86-64',
      octal: octal(header),
    })),
    ...(x86 === undefined ? {} : { x86 }),
    ...(arm === undefined ? {} : { arm }),
    ...(m1 === undefined ? {} : { m1 }),
    macho,
    comment: parts.overrides?.comment ?? '',
  };
  return (parts.script ?? shellScript)(holes);
}

function mzHeader(overrides: ApeOverrides | undefined, token: string, peOffset: number): Buffer {
  const out = Buffer.alloc(HEADER_LENGTH);
  out.write(`${overrides?.magic ?? "MZqFpD='"}\n\n`, 0, 'latin1');
  Buffer.from('001000f80000000000000001000840000000', 'hex').copy(out, 10);
  out.write(`' <<'${token}'\n`, 40, 'latin1');
  out.writeUInt32LE(overrides?.peOffset ?? peOffset, 60);
  out.writeUInt16LE(0xaa55, HEADER_LENGTH - 2);
  return out;
}

function apeNote(value: number): Buffer {
  const out = Buffer.alloc(20);
  out.writeUInt32LE(4, 0);
  out.writeUInt32LE(4, 4);
  out.writeUInt32LE(NOTE.type, 8);
  out.write(`${NOTE.name}\0`, 12, 'latin1');
  out.writeUInt32LE(value, 16);
  return out;
}

/** The note is in no memory: no address, no size there, and an alignment that C libraries skip. */
function noteHeader(offset: number, length: number): Buffer {
  const out = Buffer.alloc(PHDR);
  out.writeUInt32LE(4, 0);
  out.writeUInt32LE(4, 4);
  out.writeBigUInt64LE(BigInt(offset), 8);
  out.writeBigUInt64LE(BigInt(length), 32);
  out.writeBigUInt64LE(4n, 48);
  return out;
}

/** The file from its start to the end of its last segment. */
function loadedPart(elf: Buffer): Buffer {
  let end = 0;
  for (const at of programHeaderOffsets(elf)) {
    if (elf.readUInt32LE(at) !== 1) continue;
    end = Math.max(end, Number(elf.readBigUInt64LE(at + 8) + elf.readBigUInt64LE(at + 32)));
  }
  if (end === 0 || end > elf.length)
    throw new RangeError('an ELF with loadable segments inside the file is needed');
  return elf.subarray(0, end);
}

function relocate(elf: Buffer, bytes: Buffer, offset: number): Image {
  const architecture = elf.readUInt16LE(18) === 183 ? 'aarch64' : 'x86-64';
  const header = Buffer.from(elf.subarray(0, EHDR));
  header[7] = 9;
  header.fill(0, 8, 16);
  header.writeBigUInt64LE(0n, 40);
  header.writeUInt32LE(0, 48);
  header.writeUInt16LE(0, 58);
  header.writeUInt16LE(0, 60);
  header.writeUInt16LE(0, 62);
  const programHeaders = Buffer.concat(
    programHeaderOffsets(elf).map((at) => {
      const entry = Buffer.from(elf.subarray(at, at + PHDR));
      if (entry.readBigUInt64LE(32) > 0n)
        entry.writeBigUInt64LE(entry.readBigUInt64LE(8) + BigInt(offset), 8);
      return entry;
    }),
  );
  return { architecture, header, programHeaders, bytes, offset };
}

function programHeaderOffsets(elf: Buffer): number[] {
  const start = Number(elf.readBigUInt64LE(32));
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => start + index * PHDR);
}

/** Level 9, no name, no time, "Unix": the ten bytes that every loader blob begins with. */
function gzip(bytes: Buffer): Buffer {
  const out = gzipSync(bytes, { level: 9 });
  out[8] = 2;
  out[9] = 3;
  return out;
}
