import type { Anatomy, ZipMember } from '../../format/anatomy.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/** ZIP: names and methods of the members that the program sees. */
export function checkArchive({ zip }: Anatomy): Finding[] {
  if (zip === undefined) return [];
  return [
    ...duplicates(zip.members),
    ...zip.members.flatMap((member) => [...names(member), ...weights(member)]),
  ];
}

function duplicates(members: readonly ZipMember[]): Finding[] {
  const seen = new Map<string, ZipMember>();
  const findings: Finding[] = [];
  for (const member of members) {
    const first = seen.get(member.name);
    seen.set(member.name, first ?? member);
    if (first === undefined) continue;
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
  if (name === '' || shown !== name || /[\\:]/.test(name)) findings.push(finding('ZIP-021', evidence, shown));
  // A folder's entry ends in one slash.
  const parts = name.replace(/\/$/, '').split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    findings.push(finding('ZIP-023', evidence, shown));
  }
  return findings;
}

function weights(member: ZipMember): Finding[] {
  if (member.method === 0 || !/\.gguf$/i.test(member.name)) return [];
  const evidence = {
    offset: member.localOffset,
    expected: 'method 0 (stored)',
    found: `method ${member.method}`,
  };
  return [finding('ZIP-031', evidence, escapeText(member.name, 60))];
}
