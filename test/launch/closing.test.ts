import { describe, expect, it } from 'vitest';
import { CLOSING_BITS, closingBits, planClosing } from '../../src/launch/closing.ts';
import type { Closing } from '../../src/policy/policy.ts';
import { effective, HOST } from './fixtures.ts';

const policy = (ready: Closing[], execute: string[] = []) =>
  effective({ phases: { ready }, files: { execute } }).policy;

describe('what is closed when the program is ready', () => {
  it('is what the policy says', () => {
    expect(planClosing(policy([]), HOST)).toEqual({ closing: [], warnings: [] });
    const all: Closing[] = ['exec', 'write', 'listen', 'map'];
    expect(planClosing(policy(all, ['/bin']), HOST)).toEqual({ closing: all, warnings: [] });
  });

  it('leaves mappings open for programs that may still be started, with a word', () => {
    const { closing, warnings } = planClosing(policy(['listen', 'map'], ['/bin']), HOST);
    expect(closing).toEqual(['listen']);
    expect(warnings.join()).toMatch(/map without exec/);
    expect(planClosing(policy(['listen', 'map']), HOST).closing).toEqual(['listen', 'map']);
  });

  it('is nothing without a supervisor, with a word', () => {
    const { closing, warnings } = planClosing(policy(['map']), { ...HOST, seccompNotify: false });
    expect(closing).toEqual([]);
    expect(warnings.join()).toMatch(/no seccomp notification/);
  });

  it('has a bit for each', () => {
    expect(closingBits([])).toBe(0);
    expect(closingBits(['map', 'exec', 'map'])).toBe(9);
    expect(Object.values(CLOSING_BITS).reduce((sum, bit) => sum + bit, 0)).toBe(15);
  });
});
