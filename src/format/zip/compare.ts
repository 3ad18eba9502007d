import { escapeText } from '../../lib/text.ts';
import type { ZipMember, ZipView } from '../anatomy.ts';
import { malformed } from '../faults.ts';
import type { ByteSource } from '../source.ts';
import { EOCD64_LENGTH, LOCATOR_LENGTH } from './end.ts';
import { locateWeights, openWeights, WEIGHTS_ERAS } from './weights.ts';
import { type EndRecord, locateZipos, type SeenMember, ZIPOS_VERSIONS, ziposView } from './zipos.ts';

/** Weights that are opened in each of the ways; a file with more is none that a person made. */
const OPENED_LIMIT = 64;

/**
 * Every version of both of the runtime's readers must see the archive that the strict one saw: the same end record and the
 * same directory, and of each member the same place, method and sizes. What passed the strict reader should pass here; if
 * it does not, one of the two is wrong about the runtime, and the file is refused.
 * @param tailExplained as in `findZipEnd`; the archive may then lie too far from the end for the loader of weights
 * @throws PaddockError `malformed` ZIP-001 with the reader that differs and in what.
 */
export function refuseOtherViews(source: ByteSource, view: ZipView, tailExplained = false): void {
  for (const version of ZIPOS_VERSIONS) {
    const reader = `cosmopolitan ${version.name}`;
    compareEnds(reader, view, locateZipos(source, version));
    // Versions that no llamafile has do not find the 64-bit values of archives as they are written since.
    if (!version.inLlamafiles) continue;
    const seen = ziposView(source, version);
    if ('members' in seen) compareMembers(reader, view, seen.members, version.zip64 === 'sizes-swapped');
    else
      throw differs(
        reader,
        view.directoryOffset,
        'well-formed records',
        'crash' in seen ? seen.crash : 'none',
      );
  }
  const weights = locateWeights(source);
  if (weights === undefined && tailExplained) return;
  compareEnds('the loader of weights', view, weights);
  compareWeights(source, view);
}

function compareEnds(reader: string, view: ZipView, end: EndRecord | undefined): void {
  const { eocd, eocdOffset, members, directoryOffset, directoryLength } = view;
  if (end === undefined) throw differs(reader, eocdOffset, 'an archive', 'none');
  const own = { kind: eocd, offset: eocdOffset, records: members.length, directoryOffset, directoryLength };
  // The strict reader has seen that the two say the same where both say something. Info-ZIP writes such pairs.
  const isTwin =
    eocd === 'eocd64' && end.kind === 'eocd32' && end.offset === eocdOffset + EOCD64_LENGTH + LOCATOR_LENGTH;
  const expected = wordsOfEnd(isTwin ? { ...own, kind: end.kind, offset: end.offset } : own);
  const found = wordsOfEnd(end);
  if (expected !== found) throw differs(reader, eocdOffset, expected, found);
}

function wordsOfEnd({ kind, offset, records, directoryOffset, directoryLength }: EndRecord): string {
  return `${kind} at byte ${offset}, ${records} records, ${directoryLength} bytes from byte ${directoryOffset}`;
}

// Releases with cosmopolitan 3.1 to 3.3.2 mistake the 64-bit sizes of compressed members for one another and cannot unpack them.
// zipalign wrote such members all the same: a fault of theirs, and no archive of somebody else's.
function swapped(member: SeenMember): SeenMember {
  return { ...member, size: member.compressedSize, compressedSize: member.size };
}

function compareMembers(reader: string, view: ZipView, seen: readonly SeenMember[], swaps: boolean): void {
  for (const [index, member] of view.members.entries()) {
    const other = seen[index];
    if (other !== undefined && isSame(member, other)) continue;
    if (swaps && other !== undefined && other.method !== 0 && isSame(member, swapped(other))) continue;
    const theirs = other === undefined ? 'nothing' : wordsOf(other);
    throw differs(reader, member.recordOffset, wordsOf(member), theirs, member);
  }
}

function isSame(member: ZipMember, other: SeenMember): boolean {
  return (
    member.recordOffset === other.recordOffset &&
    member.method === other.method &&
    BigInt(member.localOffset) === other.localOffset &&
    BigInt(member.contentOffset) === other.contentOffset &&
    BigInt(member.size) === other.size &&
    BigInt(member.compressedSize) === other.compressedSize
  );
}

function wordsOf(member: ZipMember | SeenMember): string {
  const { recordOffset, localOffset, contentOffset, method, size, compressedSize } = member;
  return `record ${recordOffset}, header ${localOffset}, content ${contentOffset}, method ${method}, ${compressedSize} bytes for ${size}`;
}

function compareWeights(source: ByteSource, view: ZipView): void {
  const counts = new Map<string, number>();
  for (const { name } of view.members) counts.set(name, (counts.get(name) ?? 0) + 1);
  // What readers make of several members of one name is a check of its own.
  const weights = view.members.filter(
    ({ name, method }) => method === 0 && counts.get(name) === 1 && /\.gguf$/i.test(name),
  );
  for (const member of weights.slice(0, OPENED_LIMIT)) {
    for (const era of WEIGHTS_ERAS) {
      const seen = openWeights(source, era, rawName(source, member));
      const own = `content ${member.contentOffset}, ${member.compressedSize} bytes`;
      const theirs = typeof seen === 'string' ? seen : `content ${seen.contentOffset}, ${seen.length} bytes`;
      if (own !== theirs)
        throw differs(`the loader of weights of ${era.name}`, member.recordOffset, own, theirs, member);
    }
  }
}

function rawName(source: ByteSource, { recordOffset }: ZipMember): Buffer {
  const length = source.read(recordOffset, 46).readUInt16LE(28);
  return source.read(recordOffset + 46, length);
}

function differs(reader: string, offset: number, expected: string, found: string, member?: ZipMember) {
  const what = member === undefined ? '' : `: ${escapeText(member.name, 60)}`;
  return malformed(`readers of the runtime see different archives${what}`, {
    check: 'ZIP-001',
    offset,
    expected,
    found: `${found} (${reader})`,
  });
}
