import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasCompiler } from '../gate/harness.ts';

// A fixed few of what `npm run fuzz:gate` does at length; docs/fuzzing.md has its record.
const RUN = join(import.meta.dirname, 'gate/run.js');
const SEED = 20_260_101;

/** Of each refusal one that only a well-formed stream with one wrong value reaches. */
const REFUSALS = [
  'answer: an error number is at most #',
  'allow-bind: an IPv# address has # bytes',
  'hold: the descriptor is not a judged file',
  'memfd: the slot is out of range or taken',
  'place: the slot is empty',
  'seccomp: no-new-privileges must come first',
  'landlock-restrict: no-new-privileges must come first',
  'namespaces: comes after no-new-privileges',
  'exec: a Landlock ruleset is not in force yet',
  'exec: the descriptor is not one for the program',
  'grant: too many',
];

const ENDS = ['continued', 'refused', 'done', 'gone'];

function run(target: string, cases: number): Map<string, number> {
  const result = spawnSync(process.execPath, [RUN, target, '--cases', `${cases}`, '--seed', `${SEED}`], {
    encoding: 'utf8',
  });
  expect(result.stderr).toBe('');
  expect(result.status).toBe(0);
  const lines = result.stdout.split('\n').map((line) => /^(\d+) (.*)$/.exec(line));
  return new Map(lines.flatMap((line) => (line === null ? [] : [[line[2] ?? '', Number(line[1])]])));
}

describe.runIf(process.platform === 'linux' && hasCompiler)(
  "of the gate's own code, under sanitizers",
  () => {
    it('streams of operations are refused, or executed as they stand', { timeout: 120_000 }, () => {
      const results = run('stream', 40_000);
      expect(results.get('accepted')).toBeGreaterThan(10_000);
      expect([...results.keys()]).toEqual(expect.arrayContaining(REFUSALS));
    });

    it('commands are carried out, or ignored, in pieces of any size', { timeout: 120_000 }, () => {
      expect(run('control', 20_000).size).toBe(3);
    });

    it('calls of a hostile program are answered once, and never too well', { timeout: 120_000 }, () => {
      const reached = [...run('notify', 40_000).keys()];
      const open = ENDS.map((end) => `open ${end}`);
      expect(reached).toEqual(
        expect.arrayContaining([...open, 'bind done', 'connect done', 'exec refused', 'map refused']),
      );
    });
  },
);
