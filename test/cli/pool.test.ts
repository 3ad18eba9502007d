import { expect, it } from 'vitest';
import { judgeAll } from '../../src/cli/verify/pool.ts';

const paths = Array.from({ length: 7 }, (_, index) => `/nowhere/${index}`);

it('judges every path, in order, and counts', async () => {
  const counts: number[] = [];
  const progress = (count: number): void => void counts.push(count);
  const judgements = await judgeAll({ paths, jobs: 1, wanted: 'verdict', progress });
  expect(judgements.map(({ path }) => path)).toEqual(paths);
  expect(counts).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

// Beside this source there is no bundle, so that every thread ends at once.
it('a thread that ends leaves its file not judged, and goes on with the next', async () => {
  const judgements = await judgeAll({ paths, jobs: 3, wanted: 'verdict', progress: () => {} });
  expect(judgements.map(({ path }) => path)).toEqual(paths);
  for (const judgement of judgements) {
    expect(judgement).toMatchObject({
      failure: { code: 'internal', detail: { remedy: expect.any(String) } },
    });
  }
});
