import type { Check } from '../integrity/catalogue/check.ts';
import { CATALOGUE, type CheckId } from '../integrity/catalogue.ts';
import type { Severity } from '../integrity/verdict.ts';
import type { Grades } from './policy.ts';

/** The severity of a check's findings by a policy, or by the catalogue where it says nothing. */
export function severityOf(id: CheckId, grades: Grades): Severity {
  return grades[id]?.severity ?? CATALOGUE[id].severity;
}

/**
 * Whether a policy may let its findings count for less. Not those of the reader, which could not read the file, and not
 * those that tell of a bound of paddock's own: what lies behind it was not judged.
 */
export function canBeLowered(id: CheckId): boolean {
  const { stage, incomplete }: Check = CATALOGUE[id];
  return stage === 'judging' && incomplete !== true;
}
