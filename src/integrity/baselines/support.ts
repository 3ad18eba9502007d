import type { Anatomy, ZipMember, ZipView } from '../../format/anatomy.ts';
import type { ByteSource } from '../../format/source.ts';
import { escapeText } from '../../lib/text.ts';
import type { MemberClass } from './baseline.ts';
import { contentDigest } from './content.ts';
import { type MemberDifference, shownDigest } from './members.ts';

/** What releases pack into their archives, as far as it is public: see data/support-files.tsv. */
export interface SupportTable {
  /** Oldest first: "0.1" … "0.9.3". */
  readonly releases: readonly string[];
  readonly files: readonly SupportFile[];
}

export interface SupportFile {
  /** Indices of the first and the last release with this content. */
  readonly first: number;
  readonly last: number;
  readonly name: string;
  readonly size: number;
  readonly crc32: number;
  readonly sha256: string;
  readonly class: MemberClass;
  /** Whether it is in the main program; else in another one of the release only. */
  readonly main: boolean;
}

/** The releases whose support files an archive has most of. Several if they have the same ones. */
export interface Resemblance {
  readonly releases: readonly string[];
  readonly equal: number;
  readonly total: number;
  /** Names of those that are missing or have other content. */
  readonly differing: readonly string[];
}

/** What became of a file that once had all support files of a release. */
export interface SupportHistory {
  readonly releases: readonly string[];
  readonly differing: readonly MemberDifference[];
  /** Code that was added in the folders of the support files. */
  readonly added: readonly ZipMember[];
}

const FOLDERS = /^(llama\.cpp|llamafile|www|third_party)\//;
/** Fewer files in common than this are no resemblance. */
const LEAST_FILES = 3;

/** Whether an archive has members that the table could know. */
export function hasSupportFiles({ zip }: Anatomy): boolean {
  return zip?.members.some(({ name }) => FOLDERS.test(name)) ?? false;
}

/** The release of which the archive has most support files; undefined if it has less than half of any. */
export async function findResemblance(
  view: ZipView,
  source: ByteSource,
  table: SupportTable,
): Promise<Resemblance | undefined> {
  const equal = await equalFiles(view, source, table);
  let best: { release: number; equal: number; files: readonly SupportFile[] }[] = [];
  for (const release of table.releases.keys()) {
    const files = filesOf(table, release);
    const count = files.filter((file) => equal.has(file)).length;
    const [leader] = best;
    if (leader !== undefined && count < leader.equal) continue;
    const tie = leader !== undefined && count === leader.equal && files.length >= leader.files.length;
    if (tie && files.length > leader.files.length) continue;
    best = [...(tie ? best : []), { release, equal: count, files }];
  }
  const [first] = best;
  if (first === undefined || first.equal < LEAST_FILES || first.equal * 2 < first.files.length)
    return undefined;
  return {
    releases: best.map(({ release }) => table.releases[release] ?? ''),
    equal: first.equal,
    total: first.files.length,
    differing: first.files.filter((file) => !equal.has(file)).map(({ name }) => escapeText(name, 60)),
  };
}

/**
 * Looks whether an earlier generation of the file had every support file of a release, and the program does not see them
 * all any more, or sees more code in their folders: the file itself then tells that it was changed after it was built.
 */
export async function findReplacedSupport(
  anatomy: Anatomy,
  source: ByteSource,
  table: SupportTable,
): Promise<SupportHistory | undefined> {
  const { zip, generations } = anatomy;
  if (zip === undefined) return undefined;
  for (const { view } of generations) {
    const once = await findResemblance(view, source, table);
    if (once === undefined || once.equal !== once.total) continue;
    const release = table.releases.indexOf(once.releases[0] ?? '');
    const differing = await changedFiles(zip, source, filesOf(table, release));
    const before = new Set(view.members.map(({ name }) => name));
    const added = zip.members.filter(({ name }) => FOLDERS.test(name) && !before.has(name));
    if (differing.length + added.length > 0) return { releases: once.releases, differing, added };
  }
  return undefined;
}

function filesOf({ files }: SupportTable, release: number): SupportFile[] {
  return files.filter(({ first, last, main }) => main && first <= release && release <= last);
}

/** Checksum and size decide what is worth a digest; only the digest counts. */
async function equalFiles(
  { members }: ZipView,
  source: ByteSource,
  { files }: SupportTable,
): Promise<ReadonlySet<SupportFile>> {
  const present = new Map(members.map((member) => [member.name as string, member]));
  const digests = new Map<ZipMember, string | undefined>();
  const equal = new Set<SupportFile>();
  for (const file of files) {
    const member = present.get(file.name);
    if (member === undefined || member.size !== file.size || member.crc32 !== file.crc32) continue;
    if (!digests.has(member)) digests.set(member, await contentDigest(source, member));
    if (digests.get(member) === file.sha256) equal.add(file);
  }
  return equal;
}

async function changedFiles(
  { members }: ZipView,
  source: ByteSource,
  files: readonly SupportFile[],
): Promise<MemberDifference[]> {
  const differing: MemberDifference[] = [];
  for (const { name, size, sha256, class: kind } of files) {
    const same = members.filter((member) => member.name === name);
    const [member] = same;
    const digest = member === undefined ? undefined : await shownDigest(source, member, size);
    if (digest === sha256 && same.length === 1) continue;
    const found = member === undefined || digest === undefined ? {} : { found: { member, digest } };
    differing.push({ name, class: kind, expected: sha256, ...found });
  }
  return differing;
}
