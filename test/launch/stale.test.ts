import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { makeDirectories } from '../../src/launch/directories.ts';
import { markOwner, sweepStale } from '../../src/launch/stale.ts';

const base = mkdtempSync(join(tmpdir(), 'stale-test-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const uid = process.getuid?.() ?? 0;
const env = { XDG_RUNTIME_DIR: base };

it('removes what a dead launcher left, and nothing else', () => {
  const [dead, alive, unmarked] = [0, 1, 2].map(() => makeDirectories(env, uid));
  if (dead === undefined || alive === undefined || unmarked === undefined) throw new Error('no folders');
  markOwner(dead, { pid: 11, startTime: 1 });
  markOwner(alive, { pid: 22, startTime: 2 });
  writeFileSync(join(dead.tmp, 'left.txt'), 'x');
  const other = join(base, 'paddock-abcdef');
  mkdirSync(other, { mode: 0o755 });
  writeFileSync(join(other, 'owner'), '{"pid":11,"startTime":1}');
  symlinkSync(other, join(base, 'paddock-ghijkl'));

  sweepStale(env, uid, ({ pid }) => pid === 22);
  expect(existsSync(dead.root)).toBe(false);
  for (const path of [alive.root, unmarked.root, other, join(base, 'paddock-ghijkl')])
    expect(existsSync(path)).toBe(true);
});

it.each(['', '{', '[]', '{"pid":"1"}', 'null'])('an owner file of %j is none', (text) => {
  const made = makeDirectories(env, uid);
  writeFileSync(join(made.root, 'owner'), text);
  sweepStale(env, uid, () => false);
  expect(existsSync(made.root)).toBe(true);
});
