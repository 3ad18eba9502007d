import type { Closing, Policy } from '../policy/policy.ts';
import type { HostAbilities } from './plan.ts';

/** What is closed once the program is ready, and what of the policy comes to nothing; a line each. */
export interface ClosingPlan {
  readonly closing: readonly Closing[];
  readonly warnings: readonly string[];
}

/** Wire bits of the gate's command `close` (enum closing of src/gate/protocol.h). */
export const CLOSING_BITS: Readonly<Record<Closing, number>> = { exec: 1, write: 2, listen: 4, map: 8 };

/**
 * `phases.ready` of the policy, for this host. A program that may still be started brings executable mappings of its own, so
 * that these stay open where programs are granted and starting them is not closed.
 */
export function planClosing(
  policy: Policy,
  host: Pick<HostAbilities, 'seccompFilter' | 'seccompNotify'>,
): ClosingPlan {
  const asked = policy.phases.ready;
  if (asked.length === 0) return { closing: [], warnings: [] };
  if (!host.seccompFilter || !host.seccompNotify) {
    const warning =
      'nothing is closed when the program is ready: this host has no seccomp notification (phases.ready)';
    return { closing: [], warnings: [warning] };
  }
  const starts = policy.files.execute.length > 0 && !asked.includes('exec');
  if (!starts || !asked.includes('map')) return { closing: asked, warnings: [] };
  return {
    closing: asked.filter((one) => one !== 'map'),
    warnings: [
      'executable mappings stay open when the program is ready, as programs may still be started (phases.ready: map without exec)',
    ],
  };
}

/** The argument of the gate's command `close`; 0: nothing. */
export function closingBits(closing: readonly Closing[]): number {
  return closing.reduce((bits, one) => bits | CLOSING_BITS[one], 0);
}
