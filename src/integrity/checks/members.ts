import type { Anatomy, ZipMember, ZipView } from '../../format/anatomy.ts';
import { archiveHistory } from '../../format/history.ts';
import { escapeText } from '../../lib/text.ts';
import { type CheckId, finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/** Names that mean something to the runtime, in the one spelling that it looks for. */
const MEANINGFUL = [
  '.args',
  '.cosmo',
  '.symtab.amd64',
  '.symtab.arm64',
  ...['cuda', 'rocm', 'vulkan', 'metal'].flatMap((gpu) =>
    ['so', 'dll', 'dylib'].map((type) => `ggml-${gpu}.${type}`),
  ),
];
const SPELLING = new Map(MEANINGFUL.map((name) => [name.toLowerCase(), name]));

const TYPE = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;
const SPECIAL_BITS = 0o7000;
const READ_BITS = 0o444;
/** zip64, NTFS times, Unix times, Info-ZIP owner in two forms, Unicode path (which the reader compares). */
const KNOWN_EXTRAS: ReadonlySet<number> = new Set([0x0001, 0x000a, 0x5455, 0x7875, 0x7855, 0x7075]);
/** What users replace in their own files. */
const USER_DATA = /^\.args$|\.gguf$/i;

/**
 * ZIP: how members stand to one another, what they are marked as, and which took the place of another.
 * @param release the archive of the release that the file was made from: what became of its members is told elsewhere
 */
export function checkMembers(anatomy: Anatomy, release?: ZipView): Finding[] {
  const members = anatomy.zip?.members ?? [];
  return [
    ...filesAndFolders(members),
    ...spellings(members),
    ...members.flatMap((member) => [...attributes(member), ...unknownExtras(member)]),
    ...replacements(anatomy, release),
  ];
}

function filesAndFolders(members: readonly ZipMember[]): Finding[] {
  const files = new Set<string>(members.map(({ name }) => name).filter((name) => !name.endsWith('/')));
  const findings: Finding[] = [];
  for (const member of members) {
    const { name, size, mode } = member;
    const type = mode & TYPE;
    if (name.endsWith('/') && (size > 0 || (type !== 0 && type !== FOLDER))) {
      findings.push(
        at('ZIP-022', member, 'no content, and the mode of a folder', `${size} bytes, mode ${octal(mode)}`),
      );
      continue;
    }
    const parent = parentsOf(name).find((folder) => files.has(folder));
    if (parent !== undefined) {
      findings.push(at('ZIP-022', member, 'a folder above it', `a file: ${escapeText(parent, 60)}`));
    }
  }
  return findings;
}

/** "a/b/c" → "a", "a/b"; "a/" → "a". At most the first 32. */
function parentsOf(name: string): string[] {
  const found: string[] = [];
  for (let cut = name.indexOf('/'); cut >= 0 && found.length < 32; cut = name.indexOf('/', cut + 1)) {
    found.push(name.slice(0, cut));
  }
  return found;
}

function spellings(members: readonly ZipMember[]): Finding[] {
  const seen = new Map<string, ZipMember>();
  const findings: Finding[] = [];
  for (const member of members) {
    const folded = member.name.toLowerCase();
    const other = seen.get(folded);
    const meant = SPELLING.get(folded);
    if (other !== undefined && other.name !== member.name) {
      findings.push(at('ZIP-024', member, 'names that differ in more than case', escapeText(other.name, 60)));
    } else if (meant !== undefined && meant !== member.name) {
      findings.push(at('ZIP-024', member, meant, escapeText(member.name, 60)));
    }
    seen.set(folded, other ?? member);
  }
  return findings;
}

// apelink writes no attributes at all for its symbol tables, and nothing opens these by name.
function attributes(member: ZipMember): Finding[] {
  const { mode, name } = member;
  const type = mode & TYPE;
  if (mode === 0) return [];
  const allowed = type === 0 || type === REGULAR || (type === FOLDER && name.endsWith('/'));
  const unreadable = type === REGULAR && (mode & READ_BITS) === 0;
  if (allowed && (mode & SPECIAL_BITS) === 0 && !unreadable) return [];
  return [at('ZIP-034', member, 'a readable regular file, or a folder', `mode ${octal(mode)}`)];
}

function unknownExtras(member: ZipMember): Finding[] {
  const unknown = member.extras.filter((id) => !KNOWN_EXTRAS.has(id));
  if (unknown.length === 0) return [];
  const found = unknown.slice(0, 8).map((id) => `0x${id.toString(16).padStart(4, '0')}`);
  return [at('ZIP-039', member, 'extra fields of the tools that build llamafiles', found.join(', '))];
}

function replacements(anatomy: Anatomy, release: ZipView | undefined): Finding[] {
  const published = new Set(release?.members.map(({ recordSha256 }) => recordSha256));
  const { zip } = anatomy;
  const current = new Set(zip?.members.map(({ recordOffset }) => recordOffset));
  return archiveHistory(anatomy)
    .flatMap(({ replaced }) => replaced)
    .filter(({ before, after }) => current.has(after.recordOffset) && !published.has(before.recordSha256))
    .filter(({ before }) => !USER_DATA.test(before.name))
    .map(({ before, after }) => at('ZIP-045', after, described(before), described(after)));
}

function described({ size, crc32, contentOffset }: ZipMember): string {
  return `${size} bytes at byte ${contentOffset}, CRC-32 ${crc32.toString(16).padStart(8, '0')}`;
}

function at(id: CheckId, member: ZipMember, expected: string, found: string): Finding {
  const { recordOffset: offset, recordLength: length, name } = member;
  return finding(id, { offset, length, expected, found }, escapeText(name, 60));
}

function octal(mode: number): string {
  return mode.toString(8).padStart(6, '0');
}
