import type { ZipMember } from '../../format/anatomy.ts';
import type { ByteSource } from '../../format/source.ts';
import { type BaselineMember, classOf, isUserData, type MemberClass } from './baseline.ts';
import { contentDigest } from './content.ts';

/** How an archive compares with that of a release: by name and content, wherever the members lie. */
export interface MemberComparison {
  readonly differing: readonly MemberDifference[];
  /** Members that the release has not; weights and arguments are not among them. */
  readonly added: readonly ZipMember[];
}

export interface MemberDifference {
  readonly name: string;
  readonly class: MemberClass;
  /** SHA-256 (hex) of the release's content. */
  readonly expected: string;
  /** Absent if there is no member of that name. */
  readonly found?: { readonly member: ZipMember; readonly digest: string };
}

/** What is said of a member without a digest, in place of one. */
const UNREADABLE = 'content that cannot be unpacked';
/** Content of another length is hashed up to this, only to show the digest. */
const SHOWN_BYTES = 64 * 1024 * 1024;
/** Of one file, unpacked for digests: a release has less than 1 GB, and a few kilobytes of zeros unpack to as many megabytes. */
const UNPACKED_BUDGET = 2 * 1024 ** 3;
const unpacked = new WeakMap<ByteSource, number>();

/**
 * Compares the members that the program sees with those of a release.
 * @throws PaddockError of the source, for instance `changed`
 */
export async function compareMembers(
  source: ByteSource,
  members: readonly ZipMember[],
  release: readonly BaselineMember[],
): Promise<MemberComparison> {
  const now = byName(members);
  const differing: MemberDifference[] = [];
  for (const [name, expected] of byName(release)) {
    const difference = await compareOne(source, expected, now.get(name) ?? []);
    if (difference !== undefined) differing.push(difference);
  }
  const names = new Set(release.map(({ name }) => name));
  const added = members.filter(({ name }) => !names.has(name) && !isUserData(name));
  return { differing, added };
}

/** Digest of a member, or in words why there is none. `length` is that of the content that it is compared with. */
export async function shownDigest(source: ByteSource, member: ZipMember, length: number): Promise<string> {
  if (member.size !== length && member.size > SHOWN_BYTES) return `${member.size} bytes`;
  if (member.method !== 0) {
    const spent = (unpacked.get(source) ?? 0) + member.size;
    if (spent > UNPACKED_BUDGET) return `${member.size} bytes, not unpacked: too much in all`;
    unpacked.set(source, spent);
  }
  return (await contentDigest(source, member)) ?? UNREADABLE;
}

// A name can occur several times in a release: then all of its contents must be there, and no other.
async function compareOne(
  source: ByteSource,
  expected: readonly BaselineMember[],
  present: readonly ZipMember[],
): Promise<MemberDifference | undefined> {
  const missing = [...expected];
  let odd: MemberDifference['found'];
  for (const member of present) {
    const digest = await shownDigest(source, member, expected[0]?.size ?? 0);
    const index = missing.findIndex(({ sha256 }) => sha256 === digest);
    if (index >= 0) missing.splice(index, 1);
    else odd ??= { member, digest };
  }
  const [first] = missing.length > 0 ? missing : expected;
  if (first === undefined || (missing.length === 0 && odd === undefined)) return undefined;
  const { name, sha256 } = first;
  return { name, class: classOf(name), expected: sha256, ...(odd === undefined ? {} : { found: odd }) };
}

function byName<T extends { readonly name: string }>(members: readonly T[]): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const member of members) {
    const same = found.get(member.name);
    if (same === undefined) found.set(member.name, [member]);
    else same.push(member);
  }
  return found;
}
