import type { Anatomy, ZipMember, ZipView } from '../../format/anatomy.ts';
import { type ByteSource, prefixSource } from '../../format/source.ts';
import { locateWeights } from '../../format/zip/weights.ts';
import { locateZipos } from '../../format/zip/zipos.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import { ordinaryView } from '../ordinary-reader.ts';
import type { Finding } from '../verdict.ts';

/** ZIP: whether an ordinary zip library sees the archive that the runtime sees, and what only some readers look at. */
export async function checkReaders(anatomy: Anatomy, source: ByteSource): Promise<Finding[]> {
  const { zip, ape } = anatomy;
  if (zip === undefined) return [];
  return [
    // A program that was linked together with its archive may go on behind it, which no library expects.
    ...(ape?.monolithic === true ? [] : await otherView(zip, source)),
    ...hiddenEnds(anatomy, source),
    ...hiddenMembers(anatomy, source),
    // The linker of cosmopolitan 2 wrote comments of its own into its programs.
    ...zip.members
      .filter(({ commentLength, disk }) => (commentLength > 0 && ape?.monolithic !== true) || disk > 0)
      .map(oddRecord),
  ];
}

async function otherView(zip: ZipView, source: ByteSource): Promise<Finding[]> {
  const seen = await ordinaryView(source);
  if (typeof seen === 'string') {
    const evidence = { offset: zip.eocdOffset, expected: `${zip.members.length} members`, found: seen };
    return [finding('ZIP-008', evidence)];
  }
  const words = (each: {
    name: string;
    localOffset: number;
    method: number;
    size: number;
    compressedSize: number;
  }) =>
    `${escapeText(each.name, 60)} at byte ${each.localOffset}, method ${each.method}, ${each.compressedSize} bytes for ${each.size}`;
  for (const [index, member] of zip.members.entries()) {
    const other = seen[index];
    const expected = words(member);
    const found = other === undefined ? 'nothing' : words(other);
    if (found !== expected) return [finding('ZIP-008', { offset: member.recordOffset, expected, found })];
  }
  return [];
}

const LOCAL = Buffer.from('504b0304', 'hex');
/** Of bytes that nothing explains, so much is searched in each place. */
const SEARCHED_BYTES = 4 * 1024 * 1024;

/** The first local header in each of the larger places that nothing explains. */
function hiddenMembers({ regions }: Anatomy, source: ByteSource): Finding[] {
  return regions
    .filter(({ kind }) => kind === 'unaccounted')
    .slice(0, TRIES)
    .flatMap(({ offset, length }) => {
      const bytes = source.read(offset, Math.min(length, SEARCHED_BYTES));
      const at = bytes.indexOf(LOCAL);
      return at < 0 ? [] : [finding('ZIP-043', { offset: offset + at, length: length - at })];
    });
}

const END_WINDOW = 69_633;
const EOCD32 = Buffer.from('504b0506', 'hex');
const EOCD32_LENGTH = 22;
/** Places that are tried; more of them is a finding already. */
const TRIES = 32;

/** End records in bytes that nothing explains: each is tried as if the file ended behind it. */
function hiddenEnds({ regions, size }: Anatomy, source: ByteSource): Finding[] {
  const findings: Finding[] = [];
  let tries = 0;
  for (const { kind, offset, length } of regions) {
    if (kind !== 'unaccounted' || offset + length <= size - END_WINDOW) continue;
    const start = Math.max(offset, size - END_WINDOW);
    const bytes = source.read(start, offset + length - start);
    for (let at = bytes.indexOf(EOCD32); at >= 0 && tries < TRIES; at = bytes.indexOf(EOCD32, at + 1)) {
      if (at + EOCD32_LENGTH > bytes.length) break;
      tries++;
      const prefix = prefixSource(source, start + at + EOCD32_LENGTH + bytes.readUInt16LE(at + 20));
      const taken = [locateZipos(prefix), locateWeights(prefix)].some((end) => end?.offset === start + at);
      if (taken) findings.push(finding('ZIP-003', { offset: start + at, length: EOCD32_LENGTH }));
    }
  }
  return findings;
}

function oddRecord({ name, recordOffset, recordLength, commentLength, disk }: ZipMember): Finding {
  return finding(
    'ZIP-038',
    {
      offset: recordOffset,
      length: recordLength,
      expected: 'no comment, disk 0',
      found: `a comment of ${commentLength} bytes, disk ${disk}`,
    },
    escapeText(name, 60),
  );
}
