import type { Anatomy, ZipMember, ZipView } from '../../format/anatomy.ts';
import { isAlike } from '../../format/history.ts';
import type { ByteSource } from '../../format/source.ts';
import { escapeText } from '../../lib/text.ts';
import { contentDigest } from '../baselines/content.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/** What users replace in their own files. */
const USER_DATA = /^\.args$|\.gguf$/i;
/** Digests are computed of members up to this, and of so much in all: what a start may cost. */
const DIGEST_LIMIT = 16 * 1024 * 1024;
const BUDGET = 64 * 1024 * 1024;

/**
 * ZIP-045: members of earlier generations whose name now belongs to something else. Every generation is compared with the
 * present one, so that no generation in between makes an exchange look like two harmless steps.
 * @param release the archive of the release that the file was made from: what became of its members is told elsewhere, and
 * what it replaced itself was its publisher
 * @throws PaddockError of the source, for instance `changed`
 */
export async function checkReplacements(
  anatomy: Anatomy,
  source: ByteSource,
  release?: ZipView,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const digestOf = digester(source);
  for (const { before, after } of pairs(anatomy, release)) {
    const [old, now] = [await digestOf(before), await digestOf(after)];
    // Without digests nothing shows that they are the same: a checksum can be chosen.
    if (old !== undefined && old === now) continue;
    const evidence = {
      offset: after.recordOffset,
      length: after.recordLength,
      expected: described(before, old),
      found: described(after, now),
    };
    const detail = isAlike(before, after)
      ? `${escapeText(after.name, 60)} (the checksum is the same)`
      : escapeText(after.name, 60);
    findings.push(finding('ZIP-045', evidence, detail));
  }
  return findings;
}

interface Pair {
  readonly before: ZipMember;
  readonly after: ZipMember;
}

/** Each content that a name had once and has no more, oldest first. */
function pairs({ zip, generations }: Anatomy, release: ZipView | undefined): Pair[] {
  const published = new Set(release?.members.map(({ recordSha256 }) => recordSha256));
  const now = new Map((zip?.members ?? []).map((member) => [member.name as string, member]));
  const seen = new Set<string>();
  const found: Pair[] = [];
  for (const before of generations.flatMap(({ view }) => view.members)) {
    const after = now.get(before.name);
    if (after === undefined || after.contentOffset === before.contentOffset) continue;
    const isOfRelease = [before, after].some(({ recordSha256 }) => published.has(recordSha256));
    if (isOfRelease || USER_DATA.test(before.name)) continue;
    const key = `${before.contentOffset} ${before.name}`;
    if (!seen.has(key)) found.push({ before, after });
    seen.add(key);
  }
  return found;
}

/** SHA-256 (hex) of members, each computed once; undefined for what is too large, too much in all, or cannot be unpacked. */
function digester(source: ByteSource): (member: ZipMember) => Promise<string | undefined> {
  const known = new Map<number, string | undefined>();
  let budget = BUDGET;
  return async (member) => {
    const { contentOffset, size, compressedSize } = member;
    const bytes = Math.max(size, compressedSize);
    if (!known.has(contentOffset)) {
      const fits = bytes <= DIGEST_LIMIT && bytes <= budget;
      if (fits) budget -= bytes;
      known.set(contentOffset, fits ? await contentDigest(source, member) : undefined);
    }
    return known.get(contentOffset);
  };
}

function described({ size, crc32, contentOffset }: ZipMember, digest: string | undefined): string {
  const by = digest === undefined ? `CRC-32 ${crc32.toString(16).padStart(8, '0')}` : `SHA-256 ${digest}`;
  return `${size} bytes at byte ${contentOffset}, ${by}`;
}
