import { escapeText } from '../../lib/text.ts';
import type { BaselineMatch } from '../baselines/match.ts';
import type { MemberDifference } from '../baselines/members.ts';
import type { PartDifference } from '../baselines/program.ts';
import { finding } from '../catalogue.ts';
import { addedMember, changedMember, type Difference, digestText } from './release.ts';

/** Parts of a program that are named one by one; a file with more of them is changed all over. */
const SHOWN_PARTS = 8;

/** What of a baseline a file has otherwise: parts of the program, members of the archive. */
export function checkAgainstBaseline({ program, members }: BaselineMatch): Difference[] {
  const more = program.differing.length - SHOWN_PARTS;
  return [
    ...program.differing.slice(0, SHOWN_PARTS).map((each, index) => {
      const last = index === SHOWN_PARTS - 1 && more > 0;
      return changedPart(each, last ? `, and ${more} more parts` : '');
    }),
    ...members.differing.map(changed),
    ...members.added.flatMap(addedMember),
  ];
}

function changedPart(difference: PartDifference, more: string): Difference {
  const { part, offset, length, found, pieces } = difference;
  const evidence = {
    offset,
    length,
    expected: digestText(part.sha256),
    found: found === undefined ? 'the end of the file' : digestText(found),
  };
  const extent = pieces.total > 1 ? `, in ${pieces.differing} of ${pieces.total} pieces` : '';
  const label = escapeText(part.label, 60);
  return {
    finding: finding('APE-010b', evidence, `${label}${extent}${more}`),
    component: { component: label, ...evidence },
  };
}

function changed({ name, class: kind, expected, found }: MemberDifference): Difference {
  return changedMember(name, kind, {
    ...(found === undefined ? {} : { offset: found.member.localOffset }),
    expected: digestText(expected),
    found: found === undefined ? 'no member of that name' : digestText(found.digest),
  });
}
