import type { Anatomy, Region, RegionKind } from '../../format/anatomy.ts';
import type { ByteSource } from '../../format/source.ts';
import { type Baseline, type BaselinePart, PIECE_BYTES, START_BYTES } from './baseline.ts';
import { digestPart, digestRange, pieceAt } from './digests.ts';

/** How a program compares with that of a baseline. */
export interface ProgramComparison {
  /** `equal`: byte for byte. `related`: made from it, and changed. `other`: another program. */
  readonly outcome: 'equal' | 'related' | 'other';
  /** Its first 64 bytes are the ELF header that `--assimilate` writes; they were compared as they were before. */
  readonly assimilated: boolean;
  /** Parts of the baseline that the file does not have; only for `related`. */
  readonly differing: readonly PartDifference[];
}

export interface PartDifference {
  readonly part: BaselinePart;
  /** Where the difference begins, to the piece, and how long that piece is. */
  readonly offset: number;
  readonly length: number;
  /** SHA-256 (hex) of that part of the file; undefined where the file ends before. */
  readonly found?: string;
  /** Of how many pieces how many differ. */
  readonly pieces: { readonly differing: number; readonly total: number };
}

/** Parts that programs of different builds have in common: they say nothing about where a program comes from. */
const SHARED: ReadonlySet<RegionKind> = new Set(['padding', 'elf-notes', 'loader', 'loader-source']);
/** Small programs of one linker share more than half of their few pieces; none of those tried shares two thirds. */
const MOST = 3 / 4;
/** A shorter piece of code could be equal by chance. */
const LEAST_CODE_BYTES = 4096;
/** FreeBSD, as linked, and System V, as the `assimilate` tool writes it. */
const OSABI_AT = 7;
const OSABI = [9, 0] as const;

/**
 * Compares the program, byte 0 to the first local header, with a baseline's. A program is *related* if at least three
 * quarters of the pieces of the baseline are in it at their places, or one of the baseline's code segments is in it whole, wherever.
 * Parts that different builds share do not count. docs/baselines.md gives the reasons.
 */
export function compareProgram(anatomy: Anatomy, file: ByteSource, baseline: Baseline): ProgramComparison {
  const source = restored(anatomy, file, baseline);
  const assimilated = source !== file;
  const { length, sha256 } = baseline.prefix;
  const sameStart = source.size >= length && source.read(0, START_BYTES).toString('hex') === baseline.start;
  if (sameStart && digestRange(source, 0, length) === sha256) {
    return { outcome: 'equal', assimilated, differing: [] };
  }
  const present = programRegions(anatomy);
  const related = hasMost(source, baseline) || hasCode(source, present, baseline);
  if (!related) return { outcome: 'other', assimilated, differing: [] };
  return { outcome: 'related', assimilated, differing: differences(source, present, baseline) };
}

/** The file as it was before it was assimilated, or the file itself if it was not. */
function restored(anatomy: Anatomy, file: ByteSource, baseline: Baseline): ByteSource {
  if (anatomy.form !== 'elf' || baseline.form !== 'ape' || file.size < START_BYTES) return file;
  const start = Buffer.from(file.read(0, START_BYTES));
  if (!OSABI.some((value) => value === start[OSABI_AT])) return file;
  start[OSABI_AT] = OSABI[0];
  if (!baseline.headers.some(({ bytes }) => bytes === start.toString('hex'))) return file;
  const original = Buffer.from(baseline.start, 'hex');
  return {
    size: file.size,
    read(offset, length) {
      const bytes = file.read(offset, length);
      if (offset >= START_BYTES) return bytes;
      const whole = Buffer.from(bytes);
      original.copy(whole, 0, offset, Math.min(START_BYTES, offset + length));
      return whole;
    },
  };
}

/** Regions in front of the archive. */
function programRegions({ regions, zip }: Anatomy): Region[] {
  const end = Math.min(...(zip?.members ?? []).map(({ localOffset }) => localOffset));
  return regions.filter(({ kind, offset }) => offset < end && !SHARED.has(kind));
}

/** Whether most of the baseline's own pieces are at their places. Stops as soon as it is decided. */
function hasMost(source: ByteSource, { parts }: Baseline): boolean {
  const pieces = parts.filter(({ kind }) => !SHARED.has(kind)).flatMap(piecesOf);
  const enough = Math.ceil(pieces.length * MOST);
  let equal = 0;
  for (const [index, { offset, length, sha256 }] of pieces.entries()) {
    if (equal + pieces.length - index < enough) return false;
    if (offset + length <= source.size && digestRange(source, offset, length) === sha256) equal++;
    if (equal >= enough) return true;
  }
  return false;
}

interface Piece {
  readonly offset: number;
  readonly length: number;
  readonly sha256: string;
}

function piecesOf({ offset, length, sha256, pieces }: BaselinePart): Piece[] {
  if (pieces === undefined) return [{ offset, length, sha256 }];
  return Array.from({ length: Math.ceil(length / PIECE_BYTES) }, (_, index) => ({
    offset: offset + index * PIECE_BYTES,
    length: Math.min(PIECE_BYTES, length - index * PIECE_BYTES),
    sha256: pieceAt(pieces, index),
  }));
}

function hasCode(source: ByteSource, present: readonly Region[], { parts }: Baseline): boolean {
  const code = parts.filter(
    ({ executable, kind, length }) => executable && kind === 'segment' && length >= LEAST_CODE_BYTES,
  );
  return code.some((part) => isElsewhere(source, present, part));
}

/** Whether the same part, by its label, is somewhere else in the program: of another part's content that says nothing. */
function isElsewhere(source: ByteSource, present: readonly Region[], part: BaselinePart): boolean {
  return present.some(
    ({ kind, label, offset, length }) =>
      kind === part.kind &&
      label === part.label &&
      length === part.length &&
      digestRange(source, offset, length) === part.sha256,
  );
}

// Parts that are whole, but in another place, are told only if nothing else differs.
function differences(source: ByteSource, present: readonly Region[], { parts }: Baseline): PartDifference[] {
  const atPlace = parts.flatMap((part) => {
    const { offset, length } = part;
    const now = offset + length <= source.size ? digestPart(source, offset, length) : undefined;
    return now?.sha256 === part.sha256 ? [] : [describeDifference(part, now)];
  });
  const changed = atPlace.filter(({ part }) => !isElsewhere(source, present, part));
  return changed.length > 0 ? changed : atPlace;
}

function describeDifference(
  part: BaselinePart,
  now: ReturnType<typeof digestPart> | undefined,
): PartDifference {
  const was = piecesOf(part);
  const found = now === undefined ? {} : { found: now.sha256 };
  const changed = was.filter(
    ({ sha256 }, index) => now?.pieces === undefined || pieceAt(now.pieces, index) !== sha256,
  );
  const first = changed[0] ?? part;
  const pieces = { differing: changed.length, total: was.length };
  return { part, offset: first.offset, length: first.length, pieces, ...found };
}
