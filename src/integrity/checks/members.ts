import type { Anatomy, ZipMember } from '../../format/anatomy.ts';
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
const SPELLING = new Map(MEANINGFUL.map((name) => [folded(name), name]));

const TYPE = 0o170000;
const REGULAR = 0o100000;
const FOLDER = 0o040000;
const SPECIAL_BITS = 0o7000;
const READ_BITS = 0o444;
const DOS_VOLUME = 8;
const DOS_FOLDER = 16;
/** "Made by", upper byte. For any other host the runtime takes the mode from the attributes of DOS, which are always readable. */
const UNIX = 3;
/** apelink writes no attributes at all for its symbol tables, and nothing opens these by name. */
const SYMBOLS = /^\.symtab(\.amd64|\.arm64)?$/;
/** zip64, NTFS times, Unix times, Info-ZIP owner in two forms, Unicode path (which the reader compares). */
const KNOWN_EXTRAS: ReadonlySet<number> = new Set([0x0001, 0x000a, 0x5455, 0x7875, 0x7855, 0x7075]);

/** ZIP: how members stand to one another, and what they are marked as. */
export function checkMembers({ zip }: Anatomy): Finding[] {
  const members = zip?.members ?? [];
  return [
    ...folders(members),
    ...belowFiles(members),
    ...spellings(members),
    ...members.flatMap((member) => [...attributes(member), ...unknownExtras(member)]),
  ];
}

/** Members that are a folder by their name and a file by what else is said of them, or the other way round. */
function folders(members: readonly ZipMember[]): Finding[] {
  return members.flatMap((member) => {
    const { name, size, mode, dosAttributes } = member;
    const type = mode & TYPE;
    if (name.endsWith('/')) {
      if (size === 0 && (type === 0 || type === FOLDER)) return [];
      const found = `${size} bytes, mode ${octal(mode)}`;
      return [at('ZIP-022', member, 'no content, and the mode of a folder', found)];
    }
    if ((dosAttributes & DOS_FOLDER) === 0) return [];
    return [
      at('ZIP-022', member, 'a name that ends in a slash', `attributes 0x${dosAttributes.toString(16)}`),
    ];
  });
}

/** Members that lie below a file. In the order of their names, all that is below a file follows it directly. */
function belowFiles(members: readonly ZipMember[]): Finding[] {
  const sorted = members
    .map((member) => ({ member, path: member.name.endsWith('/') ? member.name : `${member.name}/` }))
    .sort((a, b) => order(a.path, b.path) || a.member.name.length - b.member.name.length);
  const findings: Finding[] = [];
  let file: (typeof sorted)[number] | undefined;
  for (const each of sorted) {
    if (file === undefined || !each.path.startsWith(file.path)) {
      file = each.member.name.endsWith('/') ? undefined : each;
    } else if (each.member.name !== file.member.name) {
      const found = `a file: ${escapeText(file.member.name, 60)}`;
      findings.push(at('ZIP-022', each.member, 'a folder above it', found));
    }
  }
  return findings;
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function spellings(members: readonly ZipMember[]): Finding[] {
  const seen = new Map<string, ZipMember>();
  const findings: Finding[] = [];
  for (const member of members) {
    const key = folded(member.name);
    const other = seen.get(key);
    const meant = SPELLING.get(key);
    if (other !== undefined && other.name !== member.name) {
      findings.push(at('ZIP-024', member, 'names that differ in more than case', escapeText(other.name, 60)));
    } else if (meant !== undefined && meant !== member.name) {
      findings.push(at('ZIP-024', member, meant, escapeText(member.name, 60)));
    }
    seen.set(key, other ?? member);
  }
  return findings;
}

// Capitals first: some letters have no lower case of their own and share their capital with another one (ſ and s).
function folded(name: string): string {
  return name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
}

function attributes(member: ZipMember): Finding[] {
  const { mode, name, madeBy, dosAttributes } = member;
  const type = mode & TYPE;
  const isFolder = name.endsWith('/');
  const isPlain = type === 0 || type === REGULAR || (type === FOLDER && isFolder);
  const isClosed = madeBy >> 8 === UNIX && (mode & READ_BITS) === 0 && !isFolder && !SYMBOLS.test(name);
  if (isPlain && !isClosed && (mode & SPECIAL_BITS) === 0 && (dosAttributes & DOS_VOLUME) === 0) return [];
  const found = `mode ${octal(mode)}, attributes 0x${dosAttributes.toString(16)}`;
  return [at('ZIP-034', member, 'a readable regular file, or a folder', found)];
}

function unknownExtras(member: ZipMember): Finding[] {
  const unknown = member.extras.filter((id) => !KNOWN_EXTRAS.has(id));
  if (unknown.length === 0) return [];
  const found = unknown.slice(0, 8).map((id) => `0x${id.toString(16).padStart(4, '0')}`);
  return [at('ZIP-039', member, 'extra fields of the tools that build llamafiles', found.join(', '))];
}

function at(id: CheckId, member: ZipMember, expected: string, found: string): Finding {
  const { recordOffset: offset, recordLength: length, name } = member;
  return finding(id, { offset, length, expected, found }, escapeText(name, 60));
}

function octal(mode: number): string {
  return mode.toString(8).padStart(6, '0');
}
