import type { Anatomy, ZipMember, ZipView } from './anatomy.ts';

/** Who wrote a generation of the archive, by the marks that each leaves in its records. */
export type ArchiveTool = 'apelink' | 'the linker' | 'zipalign' | 'Info-ZIP' | 'another tool';

/** A member that took the place of another of its name, be it with the same content. */
export interface Replacement {
  readonly before: ZipMember;
  readonly after: ZipMember;
}

/** What one generation of the archive changed. */
export interface GenerationChanges {
  /** First byte behind it: the length of the file at that time. */
  readonly end: number;
  readonly tool: ArchiveTool;
  readonly members: number;
  readonly added: readonly ZipMember[];
  readonly replaced: readonly Replacement[];
  readonly removed: readonly ZipMember[];
}

const UNIX = 3 << 8;
const ZIP64 = 1;
const NTFS = 0x000a;
const MADE_BY_45 = UNIX | 45;
const MADE_BY_INFOZIP = UNIX | 30;
/** Of the symbol tables, by apelink of cosmopolitan 3.0: DOS, version 2.0. */
const MADE_BY_FIRST_APELINK = 20;

/**
 * Whether two members have the same content as far as their headers tell. Anybody can make bytes of a given CRC-32: it tells
 * what is different, and never that something is the same.
 */
export function isAlike(one: ZipMember, other: ZipMember): boolean {
  return one.crc32 === other.crc32 && one.size === other.size;
}

/**
 * The history of the archive as the file still shows it, oldest generation first, the present one last. Where a generation
 * has two members of one name, the last one counts. Empty for a file without an archive.
 */
export function archiveHistory(anatomy: Anatomy): GenerationChanges[] {
  if (anatomy.zip === undefined) return [];
  const views = [...anatomy.generations, { end: anatomy.size, view: anatomy.zip }];
  let before = new Map<string, ZipMember>();
  return views.map(({ end, view }) => {
    const now = new Map(view.members.map((member) => [member.name as string, member]));
    const changes = changesBetween(before, now);
    before = now;
    return {
      end,
      tool: toolOf(anatomy, view, changes.added, changes.replaced),
      members: view.members.length,
      ...changes,
    };
  });
}

function changesBetween(
  before: ReadonlyMap<string, ZipMember>,
  now: ReadonlyMap<string, ZipMember>,
): Pick<GenerationChanges, 'added' | 'replaced' | 'removed'> {
  const added: ZipMember[] = [];
  const replaced: Replacement[] = [];
  for (const [name, after] of now) {
    const old = before.get(name);
    if (old === undefined) added.push(after);
    else if (old.contentOffset !== after.contentOffset) replaced.push({ before: old, after });
  }
  return {
    added,
    replaced,
    removed: [...before].filter(([name]) => !now.has(name)).map(([, member]) => member),
  };
}

function toolOf(
  { ape }: Anatomy,
  view: ZipView,
  added: readonly ZipMember[],
  replaced: readonly Replacement[],
): ArchiveTool {
  const news = [...added, ...replaced.map(({ after }) => after)];
  const is = (test: (member: ZipMember) => boolean) => news.length > 0 && news.every(test);
  if (news.some(({ madeBy }) => madeBy === MADE_BY_INFOZIP)) return 'Info-ZIP';
  if (view.eocd === 'eocd64' && is(({ madeBy, extras }) => madeBy === MADE_BY_45 && extras.includes(ZIP64))) {
    return 'zipalign';
  }
  const own = ({ madeBy, extras, name }: ZipMember) =>
    (madeBy === MADE_BY_45 && extras.every((id) => id === NTFS)) ||
    (madeBy === MADE_BY_FIRST_APELINK && extras.length === 0 && name.startsWith('.symtab.'));
  if (view.eocd !== 'eocd32' || !is(own)) return 'another tool';
  return ape?.monolithic === true ? 'the linker' : 'apelink';
}
