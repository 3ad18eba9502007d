import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { extractLibraries } from '../../src/cli/extract-libraries.ts';
import { runFenced } from '../../src/cli/own-program.ts';
import type { Card } from '../../src/launch/devices.ts';
import { CUDA, gpuRelease, withJudged } from '../fixtures/gpu-release.ts';
import { distPath } from '../fixtures/llamafiles.ts';
import { capture } from './capture.ts';
import { scratch } from './paddock.ts';

const folder = scratch();
const FLAGS = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O1'];

function compiled(name: string, ...more: readonly string[]): string {
  const path = join(folder, name);
  const source = fileURLToPath(new URL(`../fixtures/${name}.c`, import.meta.url));
  execFileSync('cc', [...FLAGS, '-static', ...more, '-o', path, source]);
  return path;
}

/** A stand-in: that a card is within reach is all that closes the app folders. */
const CARD: Card = { kind: 'nvidia', number: 0, nodes: ['/dev/null'] };

interface Inside {
  readonly program: string;
  readonly args: readonly string[];
  readonly cards: readonly Card[];
  readonly modes?: 'sealed' | 'open';
  readonly cuda?: Buffer;
}

/** What a program prints inside the fence, beside a library that was extracted for it. */
async function inside({ program, args, cards, modes = 'sealed', cuda = CUDA }: Inside): Promise<string> {
  const { bytes, baseline } = await gpuRelease('0.9.3', cuda);
  const env = { TMPDIR: folder, PATH: process.env.PATH ?? '' };
  const context = { ...capture(folder), env, now: () => new Date() };
  let kept: Buffer | undefined;
  const { stdout, stderr } = await runFenced(context, {
    ...{ program, args, cards, kind: 'nvidia' },
    fill: (directories) =>
      withJudged(folder, bytes, [baseline], async (judged) => {
        const libraries = await extractLibraries({
          ...{ judged, directories, kinds: ['nvidia'], dryRun: false, nowMs: Date.now() },
          helper: distPath('dlopen-helper'),
          baselines: async () => [],
        });
        const path = libraries?.files.find((file) => basename(file.path) === 'ggml-cuda.so')?.path ?? '';
        kept = readFileSync(path);
        if (modes === 'open') execFileSync('chmod', ['-R', 'u+rwX', directories.home, directories.tmp]);
      }),
  });
  expect(kept?.equals(cuda)).toBe(true);
  return stdout === '' ? stderr : stdout;
}

const attacker = compiled('app-folder-attacker');

/** What it could do to the library: errno by attempt. */
async function attacked(cards: readonly Card[], modes: 'sealed' | 'open'): Promise<Record<string, number>> {
  const told = await inside({ program: attacker, args: ['.llamafile/v/0.9.3'], cards, modes });
  const lines = told.trim().split('\n');
  expect(lines.length, told).toBeGreaterThan(10);
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

  it.runIf(process.arch === 'x64')(
    'loads it with the system’s linker, as a static llamafile does',
    async () => {
      const source = join(folder, 'answer.c');
      writeFileSync(source, 'int answer(void) { return 42; }\n');
      const library = join(folder, 'answer.so');
      execFileSync('cc', ['-shared', '-fPIC', '-o', library, source]);
      const program = compiled('library-loader', '-fno-stack-protector');
      const args = ['.llamafile/v/0.9.3/ggml-cuda.so'];
      expect(await inside({ program, args, cards: [CARD], cuda: readFileSync(library) })).toBe('answer 42\n');
    },
  );
});
