import { describe, expect, it } from 'vitest';
import { CASES } from './cases.ts';

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
