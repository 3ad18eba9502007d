import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Attack } from './attack.ts';
import { type Bench, buildBench } from './build.ts';
import { runByShell, runFenced } from './harness.ts';
import { type Listeners, openListeners } from './listeners.ts';
import { makeWorld, type World } from './world.ts';

/** Where the shell header of an APE file looks for a loader, and runs what it finds there. */
const PLACES = [
  { where: 'an `ape` in PATH', path: (world: World) => join(world.root, 'bin/ape') },
  { where: '$TMPDIR/.ape-1.10', path: (world: World) => join(world.tmp, '.ape-1.10') },
  { where: '~/.ape-1.10', path: (world: World) => join(world.home, '.ape-1.10'), noTemporaryFolder: true },
] as const;

const HARMLESS: Attack = {
  name: 'run as APE',
  attempt: 'find-variable',
  parameters: () => ({ variable: 'NOT_THERE' }),
  form: 'ape',
  control: 'always',
  seen: { nothing: 'it is the launch that is attacked' },
};

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('a planted loader', () => {
  let bench: Bench;
  let listeners: Listeners;
  beforeAll(async () => {
    bench = buildBench({ sanitized: false });
    listeners = await openListeners(bench.folder, bench.program);
  });
  afterAll(async () => {
    await listeners.close();
    bench.remove();
  });

  test.each(PLACES)('$where is run by a shell, and not by paddock', async ({ path, ...place }) => {
    if (bench.ape === undefined) throw new Error('dist/ape-loader is not built');
    const uid = process.getuid?.() ?? -1;
    for (const fenced of [false, true]) {
      const world = makeWorld(bench.ape.path, uid);
      const marker = join(world.outside, 'planted-ran');
      plant(path(world), marker);
      const environment: Record<string, string> = {
        PATH: `${join(world.root, 'bin')}:${process.env.PATH}`,
        ...('noTemporaryFolder' in place ? { TMPDIR: '' } : {}),
      };
      const attack = { ...HARMLESS, environment };
      const at = { world, listeners, port: 0, other: 0 };
      const outcome = fenced
        ? await runFenced(bench, attack, at, uid, 'off')
        : await runByShell(attack, at, uid);
      expect(existsSync(marker), JSON.stringify(outcome)).toBe(!fenced);
      if (fenced) expect(outcome.verdict, JSON.stringify(outcome)).toBe('FAILED getenv not-set');
      world.remove();
    }
  });
});

function plant(path: string, marker: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho ran > '${marker}'\n`);
  chmodSync(path, 0o755);
}
