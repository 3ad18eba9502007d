import { expect, it } from 'vitest';
import { caseBytes, runCase } from './targets.ts';

// A fixed few of what `npm run fuzz` does at length; docs/fuzzing.md has its record.
const CASES = 2500;
const SEED = 20_260_101;

it(`${CASES} mutated files give a verdict or a PaddockError`, async () => {
  const results = new Map<string, number>();
  for (let number = 0; number < CASES; number++) {
    const result = await runCase(caseBytes(SEED, number)).catch((cause: unknown) => {
      throw new Error(`case ${number} of seed ${SEED}`, { cause });
    });
    results.set(result, (results.get(result) ?? 0) + 1);
  }
  // Mutations that always end at the first check would test nothing behind it.
  expect([...results.keys()]).toEqual(expect.arrayContaining(['malformed', 'unknown', 'denied']));
  expect(results.get('unknown')).toBeGreaterThan(CASES / 50);
}, 120_000);

it('a case is the same whenever it is made', () => {
  expect(caseBytes(7, 11).equals(caseBytes(7, 11))).toBe(true);
  expect(caseBytes(7, 11).equals(caseBytes(7, 12))).toBe(false);
});
