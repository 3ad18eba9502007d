import type { Anatomy, ZipMember } from '../../format/anatomy.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { ReleaseMatch } from '../prefix.ts';
import type { Finding } from '../verdict.ts';

/** What a user adds to a release: arguments, weights, and the older kinds of weights. */
const USER_DATA = /^(\.args|[^/]*\.(gguf|mmproj|bin)|LICENSE[^/]*|README[^/]*)$/i;
/** Members with such names are compiled, loaded, executed, or run in the user's browser. */
const CODE =
  /\.(so|dll|dylib|cu|cuh|c|cc|cpp|h|hpp|m|metal|sh|ps1|bat|cmd|exe|js|mjs|html?|sql|pem)$|^(llama\.cpp|llamafile|www|usr|third_party)\/|^\.(symtab|cosmo|ape)/i;

/**
 * A digest over the prefix says nothing about the last directory, which is what the program reads: every record of the
 * release must reappear in it unchanged, and nothing but user data may be added.
 */
export function checkAgainstRelease(anatomy: Anatomy, match: ReleaseMatch): Finding[] {
  const members = anatomy.zip?.members ?? [];
  const now = new Set(members.map(({ recordSha256 }) => recordSha256));
  const base = new Set(match.view.members.map(({ recordSha256 }) => recordSha256));
  const kept = new Map(
    match.view.members.filter(({ recordSha256 }) => now.has(recordSha256)).map((each) => [each.name, each]),
  );
  return [
    ...match.view.members
      .filter(({ recordSha256 }) => !now.has(recordSha256))
      .map((gone) => replaced(gone, members)),
    ...members
      .filter(({ recordSha256 }) => !base.has(recordSha256))
      .flatMap((member) => {
        const rival = kept.get(member.name);
        return rival === undefined ? added(member) : [shadowed(member, rival)];
      }),
  ];
}

function replaced(gone: ZipMember, members: readonly ZipMember[]): Finding {
  const instead = members.find(({ name }) => name === gone.name);
  return finding(
    'ZIP-050',
    {
      offset: instead?.recordOffset ?? gone.recordOffset,
      expected: `the release’s record (SHA-256 ${gone.recordSha256.slice(0, 16)}…)`,
      found:
        instead === undefined ? 'no record of that name' : `SHA-256 ${instead.recordSha256.slice(0, 16)}…`,
    },
    escapeText(gone.name, 60),
  );
}

// Both records are there, and which of them a reader takes is its own affair.
function shadowed(member: ZipMember, rival: ZipMember): Finding {
  return finding(
    'ZIP-050',
    {
      offset: member.recordOffset,
      length: member.recordLength,
      expected: `only the release’s record, at byte ${rival.recordOffset} of its directory`,
      found: `a second one, SHA-256 ${member.recordSha256.slice(0, 16)}…`,
    },
    escapeText(member.name, 60),
  );
}

function added(member: ZipMember): Finding[] {
  const { name } = member;
  const evidence = { offset: member.localOffset, length: member.compressedSize };
  if (CODE.test(name)) return [finding('ZIP-051', evidence, escapeText(name, 60))];
  return USER_DATA.test(name) ? [] : [finding('ZIP-052', evidence, escapeText(name, 60))];
}
