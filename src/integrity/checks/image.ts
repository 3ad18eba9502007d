import type { ElfSegment } from '../../format/anatomy.ts';

const PT_LOAD = 1;
const FLAG = { execute: 1, write: 2 } as const;

/** A range of the file that one of the headers maps. */
export interface Image {
  readonly offset: bigint;
  readonly fileSize: bigint;
  readonly virtualAddress: bigint;
  readonly execute: boolean;
  readonly write: boolean;
}

/** Deviations that genuine headers have. */
export interface Allowance {
  /** XNU wants the first segment to hold the header, so that it begins with the file, where the ELF segment begins later. */
  readonly fromStart?: boolean;
  /** The linkers of programs in one piece put code and constants into one section: rights of the first segment serve all. */
  readonly joined?: boolean;
}

/**
 * Whether ELF segments map the same bytes to the same addresses with no fewer rights. The headers of one APE file describe
 * one program: what only one of them maps would run on one system alone.
 */
export function mapsAsElf(image: Image, segments: readonly ElfSegment[], allow: Allowance = {}): boolean {
  const end = image.offset + image.fileSize;
  let at = image.offset;
  // Every step passes a segment, so there are no more steps than segments.
  for (let passed = 0; passed <= segments.length; passed++) {
    const next = segments.find((segment) => continues(image, at, segment, allow));
    if (next === undefined) return false;
    at = BigInt(next.offset) + BigInt(next.fileSize);
    if (at >= end) return true;
    if (allow.joined !== true) return false;
  }
  return false;
}

function continues(image: Image, at: bigint, segment: ElfSegment, { fromStart, joined }: Allowance): boolean {
  const { type, flags, fileSize, virtualAddress } = segment;
  const start = BigInt(segment.offset);
  const ahead = fromStart === true && at === 0n && start < image.offset + image.fileSize;
  const later = joined === true && at > image.offset;
  return (
    type === PT_LOAD &&
    (at >= start || ahead) &&
    at < start + BigInt(fileSize) &&
    image.virtualAddress - image.offset === virtualAddress - start &&
    (later || !image.execute || (flags & FLAG.execute) !== 0) &&
    (later || !image.write || (flags & FLAG.write) !== 0)
  );
}
