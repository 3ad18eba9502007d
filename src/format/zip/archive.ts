import { escapeText } from '../../lib/text.ts';
import type { ZipMember, ZipView } from '../anatomy.ts';
import { malformed, tooLarge } from '../faults.ts';
import { type Claim, RANK } from '../regions.ts';
import type { ByteSource } from '../source.ts';
import { refuseOtherViews } from './compare.ts';
import { EOCD32_LENGTH, EOCD64_LENGTH, findZipEnd, LOCATOR_LENGTH } from './end.ts';
import { headerSource } from './headers.ts';
import { CENTRAL_LENGTH, readMember } from './member.ts';
import type { EndRecord } from './zipos.ts';

/** Bounds of ours: a release has some hundred members in a directory of 20 KiB. */
export const MEMBERS_LIMIT = 4096;
export const DIRECTORY_LIMIT = 4 * 1024 * 1024;
const CENTRAL = 0x02014b50;

/**
 * The zip archive that the program will see as /zip: end record as zipos searches it, records by their count, and for
 * each member method and sizes from the local header. Absolute offsets only.
 * @param tailExplained see `findZipEnd`
 * @returns undefined if zipos would find no archive.
 * @throws PaddockError `malformed` where records contradict each other or the file, so that two readers could see two
 * archives; `too-large` above 4,096 members or a directory of 4 MiB.
 */
export function readZip(file: ByteSource, tailExplained = false): ZipView | undefined {
  const source = headerSource(file);
  const end = findZipEnd(source, tailExplained);
  if (end === undefined) return undefined;
  const { records, directoryOffset, directoryLength } = end;
  if (records > MEMBERS_LIMIT || directoryLength > DIRECTORY_LIMIT) {
    throw tooLarge(
      'the zip directory is too large to be judged',
      directoryOffset,
      `at most ${MEMBERS_LIMIT} members in ${DIRECTORY_LIMIT} bytes`,
      `${records} members in ${directoryLength} bytes`,
      'ZIP-007',
    );
  }
  const members = readDirectory(source, end);
  refuseSharedBytes(members, directoryOffset);
  const view: ZipView = {
    eocd: end.kind,
    eocdOffset: end.offset,
    directoryOffset,
    directoryLength,
    members,
  };
  refuseOtherViews(source, view, tailExplained);
  return view;
}

/** What the archive explains of the file. `generation` as in `Region`. */
export function zipClaims(view: ZipView, members = view.members): Claim[] {
  const claims: Claim[] = [];
  const rank = RANK.zip;
  for (const { name, localOffset, contentOffset, compressedSize } of members) {
    const label = escapeText(name, 80);
    const length = contentOffset - localOffset;
    claims.push({ kind: 'zip-local-header', offset: localOffset, length, label, member: name, rank });
    claims.push({
      kind: 'zip-content',
      offset: contentOffset,
      length: compressedSize,
      label,
      member: name,
      rank,
    });
  }
  const add = (kind: Claim['kind'], offset: number, length: number, label: string) =>
    claims.push({ kind, offset, length, label, rank });
  add('zip-directory', view.directoryOffset, view.directoryLength, `${view.members.length} records`);
  let at = view.eocdOffset;
  if (view.eocd === 'eocd64') {
    add('zip-eocd64', at, EOCD64_LENGTH, '64-bit end record');
    at += EOCD64_LENGTH;
    add('zip-eocd64-locator', at, LOCATOR_LENGTH, 'locator of the 64-bit end record');
    at += LOCATOR_LENGTH;
  }
  add('zip-eocd', at, EOCD32_LENGTH, 'end record');
  return claims;
}

/** First byte after the archive. */
export function zipEnd(view: ZipView): number {
  return view.eocdOffset + EOCD32_LENGTH + (view.eocd === 'eocd64' ? EOCD64_LENGTH + LOCATOR_LENGTH : 0);
}

function readDirectory(source: ByteSource, end: EndRecord): ZipMember[] {
  const directory = source.read(end.directoryOffset, end.directoryLength);
  const members: ZipMember[] = [];
  let at = 0;
  for (let index = 0; index < end.records; index++) {
    const length = recordLength(directory, at, end.directoryOffset);
    members.push(readMember(source, directory.subarray(at, at + length), end.directoryOffset + at, end));
    at += length;
  }
  if (at !== directory.length) {
    throw malformed('the zip directory holds more than its records', {
      check: 'ZIP-011',
      offset: end.directoryOffset + at,
      expected: `${end.records} records in ${directory.length} bytes`,
      found: `${end.records} records in ${at} bytes`,
    });
  }
  return members;
}

function recordLength(directory: Buffer, at: number, base: number): number {
  const whole = at + CENTRAL_LENGTH <= directory.length;
  if (!whole || directory.readUInt32LE(at) !== CENTRAL) {
    throw malformed('the zip directory has a record without its signature', {
      check: 'ZIP-011',
      offset: base + at,
      expected: '50 4b 01 02',
      found: directory.subarray(at, at + 4).toString('hex') || 'the end of the directory',
    });
  }
  const variable = [28, 30, 32].reduce((sum, field) => sum + directory.readUInt16LE(at + field), 0);
  if (at + CENTRAL_LENGTH + variable <= directory.length) return CENTRAL_LENGTH + variable;
  throw malformed('a zip record is longer than the directory', {
    check: 'ZIP-011',
    offset: base + at,
    expected: `at most ${directory.length - at} bytes`,
    found: `${CENTRAL_LENGTH + variable} bytes`,
  });
}

function refuseSharedBytes(members: readonly ZipMember[], directoryOffset: number): void {
  const sorted = [...members].sort((a, b) => a.localOffset - b.localOffset);
  for (const [index, member] of sorted.entries()) {
    const end = member.contentOffset + member.compressedSize;
    const next = sorted[index + 1]?.localOffset ?? directoryOffset;
    if (end <= next) continue;
    throw malformed('two zip members share bytes', {
      check: 'ZIP-040',
      offset: next,
      expected: `${escapeText(member.name, 80)} to end by byte ${next}`,
      found: `byte ${end}`,
    });
  }
}
