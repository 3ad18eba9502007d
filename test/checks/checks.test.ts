import { describe, expect, it } from 'vitest';
import { CATALOGUE } from '../../src/integrity/catalogue.ts';
import { CASES } from './cases.ts';

it('every check has cases, and every case is one of a check', () => {
  const complete = Object.entries(CASES).filter(
    ([, { triggers, almost }]) => triggers.length * almost.length > 0,
  );
  expect(complete.map(([id]) => id).sort()).toEqual(Object.keys(CATALOGUE).sort());
});

// Every check with a file that triggers it, and with one that almost does.
describe.each(Object.entries(CASES))('%s', (id, { triggers, almost }) => {
  it.each(triggers)('$is', async ({ judged }) => {
    expect((await judged()).ids).toContain(id);
  });

  it.each(almost)('but not: $is', async ({ judged }) => {
    const outcome = await judged();
    expect(outcome.error?.explain()).toBeUndefined();
    expect(outcome.ids).not.toContain(id);
  });
});
