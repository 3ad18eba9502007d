import { caseBytes, runCase } from './targets.ts';

// One process of `npm run fuzz`: cases FROM, FROM+STEP … below TO, and a line for each hundred, so that the parent sees it live.
const [seed = 1, from = 0, to = 1000, step = 1] = process.argv.slice(2).map(Number);
const results = new Map<string, number>();
const LIMIT_BYTES = 200 * 1024 * 1024;

for (let number = from; number < to; number += step) {
  process.send?.({ started: number });
  try {
    const result = await runCase(caseBytes(seed, number));
    results.set(result, (results.get(result) ?? 0) + 1);
  } catch (error) {
    process.send?.({
      failed: number,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.send?.({ results: Object.fromEntries(results), peakBytes, tooLarge: peakBytes > LIMIT_BYTES });
