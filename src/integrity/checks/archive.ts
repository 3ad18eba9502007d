import type { Anatomy, ZipMember, ZipView } from '../../format/anatomy.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/**
 * ZIP: names and methods of the members that the program sees.
 * @param release the archive of the published release that the file was made from: its members are as they were published
 */
export function checkArchive({ zip }: Anatomy, release?: ZipView): Finding[] {
  if (zip === undefined) return [];
  const published = new Set(release?.members.map(({ recordSha256 }) => recordSha256));
  const others = zip.members.filter(({ recordSha256 }) => !published.has(recordSha256));
  return [
    ...duplicates(zip.members, published),
    ...others.flatMap((member) => [...names(member), ...methods(member)]),
  ];
}

function duplicates(members: readonly ZipMember[], published: ReadonlySet<string>): Finding[] {
  const seen = new Map<string, ZipMember>();
  const findings: Finding[] = [];
  for (const member of members) {
    const first = seen.get(member.name);
    seen.set(member.name, first ?? member);
    if (first === undefined) continue;
    const isOfRelease = [first, member].every(({ recordSha256 }) => published.has(recordSha256));
    if (isOfRelease && first.recordSha256 !== member.recordSha256) continue;
    findings.push(
      finding(
        'ZIP-020',
        {
          offset: member.recordOffset,
          length: member.recordLength,
          found: `also at byte ${first.recordOffset}`,
        },
        escapeText(member.name, 60),
      ),
    );
  }
  return findings;
}

function names(member: ZipMember): Finding[] {
  const { name } = member;
  const evidence = { offset: member.recordOffset, length: member.recordLength };
  const shown = escapeText(name, 60);
  const findings: Finding[] = [];
  if (name === '' || escapeText(name, name.length) !== name || !member.isUtf8 || /[\\:]/.test(name))
    findings.push(finding('ZIP-021', evidence, shown));
  // A folder's entry ends in one slash.
  const parts = name.replace(/\/$/, '').split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    findings.push(finding('ZIP-023', evidence, shown));
  }
  return findings;
}

function methods({ name, method, localOffset: offset }: ZipMember): Finding[] {
  const isWeights = /\.gguf$/i.test(name);
  if (method === 0 || (method === 8 && !isWeights)) return [];
  const expected = isWeights ? 'method 0 (stored)' : 'method 0 (stored) or 8 (deflated)';
  return [finding('ZIP-031', { offset, expected, found: `method ${method}` }, escapeText(name, 60))];
}
