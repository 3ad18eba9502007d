import type { Anatomy, Region, ZipMember, ZipView } from '../../format/anatomy.ts';
import { scanPrintf } from '../../format/printf.ts';
import type { ByteSource } from '../../format/source.ts';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import {
  type Baseline,
  type BaselineMember,
  type BaselinePart,
  classOf,
  isUserData,
  START_BYTES,
} from './baseline.ts';
import { contentDigest } from './content.ts';
import { digestPart, digestRange } from './digests.ts';

/** Bounds of ours: a release has 30 to 800 MB, some dozen parts and some hundred members. */
export const LIMITS = {
  prefixBytes: 1024 ** 3,
  fileBytes: 2 * 1024 ** 3,
  parts: 512,
  members: 4096,
} as const;
const HEAD_BYTES = 8192;

/**
 * Learns a release from a file that is known to be good: the bare release, or a llamafile made from it, whose weights
 * and arguments are left out.
 * @throws PaddockError `refused` for a file that no release can be learned from, `too-large` at a bound of ours.
 */
export async function describeBaseline(
  anatomy: Anatomy,
  source: ByteSource,
  name: string,
  version?: string,
): Promise<Baseline> {
  if (anatomy.form === 'elf' && anatomy.loaders.length > 0) {
    throw notLearnable(
      'a release as it was published',
      'one that was assimilated: its first bytes were replaced',
    );
  }
  const { view, end } = releaseIn(anatomy);
  const length = Math.min(...view.members.map(({ localOffset }) => localOffset));
  const parts = partsOf(anatomy, source, length);
  const members: BaselineMember[] = [];
  for (const member of view.members) {
    if (!isUserData(member.name)) members.push(await describeMember(source, member));
  }
  bound(members.length, LIMITS.members, 'members');
  return {
    name,
    ...(version === undefined ? {} : { version }),
    form: anatomy.form,
    ...(end === undefined ? {} : { file: { size: end, sha256: digestRange(source, 0, end) } }),
    prefix: { length, sha256: digestRange(source, 0, length) },
    start: source.read(0, START_BYTES).toString('hex'),
    headers: headersOf(anatomy, source),
    parts,
    loaders: anatomy.loaders.map(({ kind, architecture, sha256 }) => ({ kind, architecture, sha256 })),
    members,
  };
}

/** The archive of the release: the newest generation to which nobody has added weights or arguments yet. */
function releaseIn(anatomy: Anatomy): { view: ZipView; end?: number } {
  const { zip, generations, size } = anatomy;
  if (zip === undefined) throw notLearnable('an archive', 'none');
  const all = [{ view: zip, end: size }, ...[...generations].reverse()];
  const bare = all.find(({ view }) => view.members.every(({ name }) => !isUserData(name)));
  if (bare === undefined) {
    if (zip.members.every(({ name }) => isUserData(name))) {
      throw notLearnable('members of a release', 'weights and arguments only');
    }
    return { view: zip };
  }
  bound(bare.end, LIMITS.fileBytes, 'bytes');
  return bare;
}

function partsOf(anatomy: Anatomy, source: ByteSource, length: number): BaselinePart[] {
  bound(length, LIMITS.prefixBytes, 'bytes in front of its archive');
  const behind = anatomy.programs
    .flatMap(({ segments }) => segments)
    .find(({ type, offset, fileSize }) => type === 1 && fileSize > 0 && offset + fileSize > length);
  if (behind !== undefined) {
    throw notLearnable('a program that ends before its archive begins', `a segment at byte ${behind.offset}`);
  }
  const regions = anatomy.regions.filter(({ offset }) => offset < length);
  bound(regions.length, LIMITS.parts, 'parts');
  return regions.map((region) => describePart(anatomy, source, region, length));
}

function describePart(anatomy: Anatomy, source: ByteSource, region: Region, end: number): BaselinePart {
  const { kind, label, offset } = region;
  const length = Math.min(region.length, end - offset);
  const executable = anatomy.programs
    .flatMap(({ segments }) => segments)
    .some(
      (each) =>
        each.type === 1 &&
        (each.flags & 1) !== 0 &&
        each.offset <= offset &&
        offset < each.offset + each.fileSize,
    );
  return { kind, label, offset, length, executable, ...digestPart(source, offset, length) };
}

async function describeMember(source: ByteSource, member: ZipMember): Promise<BaselineMember> {
  const { name, method, size, crc32 } = member;
  const sha256 = await contentDigest(source, member);
  if (sha256 !== undefined) return { name, method, size, crc32, sha256, class: classOf(name) };
  throw notLearnable('members that can be unpacked', escapeText(name, 60));
}

/** The headers that `printf` lines hold. A plain ELF has none: there is nothing to assimilate. */
function headersOf({ form, programs }: Anatomy, source: ByteSource): Baseline['headers'] {
  if (form === 'elf') return [];
  const attempts = scanPrintf(source.read(0, Math.min(source.size, HEAD_BYTES)));
  return programs.flatMap(({ architecture, headerOffset }) => {
    const attempt = attempts.find(({ offset }) => offset === headerOffset);
    return attempt === undefined ? [] : [{ architecture, bytes: attempt.header.toString('hex') }];
  });
}

function bound(found: number, limit: number, what: string): void {
  if (found <= limit) return;
  throw new PaddockError('too-large', 'the file is too large to learn a release from', {
    expected: `at most ${limit} ${what}`,
    found: `${found}`,
  });
}

function notLearnable(expected: string, found: string): PaddockError {
  return new PaddockError('refused', 'no release can be learned from this file', {
    expected,
    found,
    remedy: 'name the release’s own executable, as its publisher offers it',
  });
}
