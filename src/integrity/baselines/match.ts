import type { Anatomy } from '../../format/anatomy.ts';
import type { ByteSource } from '../../format/source.ts';
import type { Baseline } from './baseline.ts';
import { compareMembers, type MemberComparison } from './members.ts';
import { compareProgram, type ProgramComparison } from './program.ts';

/** The baseline that a file was made from, and where it differs from it. */
export interface BaselineMatch {
  readonly baseline: Baseline;
  readonly program: ProgramComparison;
  readonly members: MemberComparison;
}

/**
 * The baseline that fits best: one whose program is in the file byte for byte before one from which the program was
 * made, and of several the one with the fewest differences. A file with another program matches no baseline, whatever
 * members they have in common.
 * @returns undefined if the file was made from none of `baselines`
 * @throws PaddockError of the source, for instance `changed`
 */
export async function matchBaselines(
  anatomy: Anatomy,
  source: ByteSource,
  baselines: readonly Baseline[],
): Promise<BaselineMatch | undefined> {
  let best: BaselineMatch | undefined;
  for (const baseline of baselines) {
    if (best?.program.outcome === 'equal' && countOf(best) === 0) break;
    const program = compareProgram(anatomy, source, baseline);
    if (program.outcome === 'other') continue;
    const members = await compareMembers(source, anatomy.zip?.members ?? [], baseline.members);
    const match = { baseline, program, members };
    if (best === undefined || isBetter(match, best)) best = match;
  }
  return best;
}

function isBetter(one: BaselineMatch, other: BaselineMatch): boolean {
  if (one.program.outcome !== other.program.outcome) return one.program.outcome === 'equal';
  return countOf(one) < countOf(other);
}

function countOf({ program, members }: BaselineMatch): number {
  return program.differing.length + members.differing.length + members.added.length;
}
