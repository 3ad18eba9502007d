import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureGate, packageRoot } from '../../src/host/native.ts';
import { PaddockError } from '../../src/lib/errors.ts';

const uid = process.getuid?.() ?? 0;
const hasCompiler = spawnSync('cc', ['--version']).status === 0;
let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'paddock-test-'));
  mkdirSync(join(base, 'src', 'gate'), { recursive: true });
  writeFileSync(join(base, 'package.json'), '{}');
  writeFileSync(join(base, 'src', 'gate', 'main.c'), '#include "a.h"\nint main(void) { return CODE; }\n');
  writeFileSync(join(base, 'src', 'gate', 'a.h'), '#define CODE 7\n');
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

function ensure(said: string[] = [], searchPath: string | undefined = process.env.PATH): Promise<string> {
  return ensureGate({ cache: join(base, 'cache'), uid, searchPath, say: (line) => said.push(line) }, base);
}

describe('ensureGate', () => {
  it('takes what was built at install', async () => {
    mkdirSync(join(base, 'dist'));
    writeFileSync(join(base, 'dist', 'paddock-gate'), '', { mode: 0o755 });
    expect(await ensure()).toBe(join(base, 'dist', 'paddock-gate'));
  });

  it.skipIf(!hasCompiler)(
    'builds it once, with one line, and again when the sources change (skipped without cc)',
    async () => {
      const said: string[] = [];
      const first = await ensure(said);
      expect(spawnSync(first).status).toBe(7);
      expect(said).toHaveLength(1);
      expect(statSync(join(base, 'cache', 'gate')).mode & 0o777).toBe(0o700);
      expect(await ensure(said)).toBe(first);
      expect(said).toHaveLength(1);
      writeFileSync(join(base, 'src', 'gate', 'a.h'), '#define CODE 8\n');
      expect(spawnSync(await ensure(said)).status).toBe(8);
      expect(readdirSync(join(base, 'cache', 'gate')).filter((name) => name.startsWith('build-'))).toEqual(
        [],
      );
    },
  );

  it.skipIf(!hasCompiler)('executes nothing that others can write (skipped without cc)', async () => {
    const first = await ensure();
    chmodSync(first, 0o777);
    const said: string[] = [];
    const second = await ensure(said);
    expect(said).toHaveLength(1); // built again over it
    expect(statSync(second).mode & 0o022).toBe(0);
    rmSync(second);
    symlinkSync('/bin/true', second);
    expect(spawnSync(await ensure(said)).status).toBe(7);
    chmodSync(join(base, 'cache', 'gate'), 0o755);
    await expect(ensure()).rejects.toThrow(/not private/);
  });

  it('says what is needed without a compiler, and what was wrong with one', async () => {
    const failure = (searchPath?: string): Promise<unknown> => ensure([], searchPath).catch((cause) => cause);
    const missing = await failure('/nonexistent');
    expect(missing).toBeInstanceOf(PaddockError);
    expect(missing).toMatchObject({ code: 'gate-missing', detail: { remedy: expect.stringMatching(/gcc/) } });
    if (!hasCompiler) return;
    writeFileSync(join(base, 'src', 'gate', 'main.c'), 'int main(void) { return nothing; }\n');
    expect(await failure(process.env.PATH)).toMatchObject({
      detail: { found: expect.stringMatching(/main\.c:1.*error/) },
    });
  });
});

it('finds the package from its sources', () => {
  expect(packageRoot(join(base, 'dist', 'cli'))).toBe(base);
  expect(() => packageRoot('/')).toThrow(PaddockError);
  expect(packageRoot()).toMatch(/./);
});
