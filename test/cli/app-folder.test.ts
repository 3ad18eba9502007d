import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { extractLibraries } from '../../src/cli/extract-libraries.ts';
import { runFenced } from '../../src/cli/own-program.ts';
import type { Card } from '../../src/launch/devices.ts';
import { CUDA, gpuRelease, withJudged } from '../fixtures/gpu-release.ts';
import { capture } from './capture.ts';
import { scratch } from './paddock.ts';

const folder = scratch();
const program = join(folder, 'attacker');
const source = fileURLToPath(new URL('../fixtures/app-folder-attacker.c', import.meta.url));
execFileSync('cc', [
  '-std=c11',
  '-D_GNU_SOURCE',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-static',
  '-o',
  program,
  source,
]);

/** A stand-in: that a card is within reach is all that closes the app folders. */
const CARD: Card = { kind: 'nvidia', number: 0, nodes: ['/dev/null'] };

/** What a program inside the fence could do to a library that was extracted for it: errno by attempt. */
async function attacked(cards: readonly Card[], modes: 'sealed' | 'open'): Promise<Record<string, number>> {
  const { bytes, baseline } = await gpuRelease('0.9.3');
  const context = {
    ...capture(folder),
    env: { TMPDIR: folder, PATH: process.env.PATH ?? '' },
    now: () => new Date(),
  };
  let kept: Buffer | undefined;
  const { stdout, stderr } = await runFenced(context, {
    program,
    args: ['.llamafile/v/0.9.3'],
    kind: 'nvidia',
    cards,
    fill: (directories) =>
      withJudged(folder, bytes, [baseline], async (judged) => {
        const libraries = await extractLibraries({
          ...{ judged, directories, kinds: ['nvidia'], dryRun: false, helper: program, nowMs: Date.now() },
          baselines: async () => [],
        });
        const path = libraries?.files.find((file) => basename(file.path) === 'ggml-cuda.so')?.path ?? '';
        kept = readFileSync(path);
        if (modes === 'open') execFileSync('chmod', ['-R', 'u+rwX', directories.home, directories.tmp]);
      }),
  });
  expect(kept?.equals(CUDA)).toBe(true);
  const lines = stdout.trim().split('\n');
  expect(lines.length, stderr).toBeGreaterThan(10);
  return Object.fromEntries(
    lines.map((line) => line.split(' ')).map(([name = '', errno]) => [name, Number(errno)]),
  );
}

describe('a program with a card within reach', () => {
  it.each(['sealed', 'open'] as const)(
    'maps the library that was extracted, and cannot change, replace or add to what it would load: modes %s',
    async (modes) => {
      const { map, own, ...attempts } = await attacked([CARD], modes);
      expect({ map, own }).toEqual({ map: 0, own: 0 });
      const { EACCES, EXDEV } = constants.errno;
      for (const [name, errno] of Object.entries(attempts)) {
        // Between folders of different rights the kernel says that they are different file systems.
        expect([EACCES, EXDEV], name).toContain(errno);
      }
      expect(Object.keys(attempts)).toHaveLength(16);
    },
  );

  it('could, were the home granted as it is without one', async () => {
    const control = await attacked([], 'open');
    expect(Object.entries(control).filter(([, errno]) => errno !== 0)).toEqual([]);
  });
});
