import type { Anatomy, ZipMember } from '../../format/anatomy.ts';
import type { ByteSource } from '../../format/source.ts';
import { escapeText } from '../../lib/text.ts';
import { classOf, type MemberClass } from '../baselines/baseline.ts';
import { shownDigest } from '../baselines/members.ts';
import { finding } from '../catalogue.ts';
import type { ReleaseMatch } from '../prefix.ts';
import type { ComponentDifference, Finding } from '../verdict.ts';

/** Something about a release that is not as it was published. */
export interface Difference {
  readonly finding: Finding;
  /** Absent for what is odd, but no part of the program. */
  readonly component?: ComponentDifference;
}

/** What a user adds to a release: arguments, weights, and the older kinds of weights. */
const USER_DATA = /^(\.args|[^/]*\.(gguf|mmproj|bin)|LICENSE[^/]*|README[^/]*)$/i;
/** Members with such names are compiled, loaded, executed, or run in the user's browser. */
const CODE =
  /\.(so|dll|dylib|cu|cuh|c|cc|cpp|h|hpp|m|metal|sh|ps1|bat|cmd|exe|js|mjs|html?|xhtml?|xht|svg|xml|css|wasm|sql|pem)$|^(llama\.cpp|llamafile|www|usr|third_party)\/|^\.(symtab|cosmo|ape)/i;

/**
 * A digest over the prefix says nothing about the last directory, which is what the program reads: every record of the
 * release must reappear in it unchanged, and nothing but user data may be added.
 * @throws PaddockError of the source, for instance `changed`
 */
export async function checkAgainstRelease(
  anatomy: Anatomy,
  source: ByteSource,
  match: ReleaseMatch,
): Promise<Difference[]> {
  const members = anatomy.zip?.members ?? [];
  const now = new Set(members.map(({ recordSha256 }) => recordSha256));
  const base = new Set(match.view.members.map(({ recordSha256 }) => recordSha256));
  const kept = new Map(
    match.view.members.filter(({ recordSha256 }) => now.has(recordSha256)).map((each) => [each.name, each]),
  );
  const found: Difference[] = [];
  for (const member of match.view.members) {
    if (!now.has(member.recordSha256)) found.push(await replaced(source, member, members));
  }
  const gone = new Set(match.view.members.flatMap(({ name }) => (kept.has(name) ? [] : [name as string])));
  for (const member of members) {
    if (base.has(member.recordSha256) || gone.has(member.name)) continue;
    const rival = kept.get(member.name);
    found.push(...(rival === undefined ? addedMember(member) : [shadowed(member, rival)]));
  }
  return found;
}

/** A member of the release that is missing, or has other content. Digests are SHA-256 in hex, or words. */
export function changedMember(
  name: string,
  kind: MemberClass,
  evidence: { readonly offset?: number; readonly expected: string; readonly found: string },
): Difference {
  const id = kind === 'web' || kind === 'sql' || kind === 'trust' ? 'ZIP-054' : 'ZIP-050';
  const shown = escapeText(name, 60);
  return { finding: finding(id, evidence, shown), component: { component: `member ${shown}`, ...evidence } };
}

/** A member that the release has not. */
export function addedMember(member: ZipMember): Difference[] {
  const { name } = member;
  const shown = escapeText(name, 60);
  const evidence = { offset: member.localOffset, length: member.compressedSize };
  if (CODE.test(name)) {
    const told = { ...evidence, expected: 'no such member', found: `${member.size} bytes` };
    return [
      { finding: finding('ZIP-051', evidence, shown), component: { component: `member ${shown}`, ...told } },
    ];
  }
  return USER_DATA.test(name) ? [] : [{ finding: finding('ZIP-052', evidence, shown) }];
}

async function replaced(
  source: ByteSource,
  gone: ZipMember,
  members: readonly ZipMember[],
): Promise<Difference> {
  const instead = members.find(({ name }) => name === gone.name);
  const was = await shownDigest(source, gone, gone.size);
  const now = instead === undefined ? undefined : await shownDigest(source, instead, gone.size);
  const evidence =
    was === now
      ? record(gone, instead)
      : {
          expected: digestText(was),
          found: now === undefined ? 'no member of that name' : digestText(now),
        };
  return changedMember(gone.name, classOf(gone.name), {
    offset: instead?.recordOffset ?? gone.recordOffset,
    ...evidence,
  });
}

// The content is the release's, and yet somebody wrote another record for it: with another mode it cannot be read.
function record(gone: ZipMember, instead: ZipMember | undefined): { expected: string; found: string } {
  return {
    expected: `the release’s record (SHA-256 ${gone.recordSha256})`,
    found: `SHA-256 ${instead?.recordSha256}`,
  };
}

/** "SHA-256 …" for a digest; words stay as they are. */
export function digestText(digest: string): string {
  return /^[0-9a-f]{64}$/.test(digest) ? `SHA-256 ${digest}` : digest;
}

// Both records are there, and which of them a reader takes is its own affair.
function shadowed(member: ZipMember, rival: ZipMember): Difference {
  const shown = escapeText(member.name, 60);
  const evidence = {
    offset: member.recordOffset,
    length: member.recordLength,
    expected: `only the release’s record, at byte ${rival.recordOffset} of its directory`,
    found: `a second one, SHA-256 ${member.recordSha256.slice(0, 16)}…`,
  };
  return {
    finding: finding('ZIP-050', evidence, shown),
    component: { component: `member ${shown}`, ...evidence },
  };
}
