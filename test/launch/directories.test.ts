import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { below, makeDirectories, removeDirectories } from '../../src/launch/directories.ts';

const uid = process.getuid?.() ?? 0;
let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'paddock-test-'));
});
afterEach(() => {
  rmSync(base, { recursive: true, force: true });
});

describe('makeDirectories', () => {
  it('makes private folders in the runtime folder', () => {
    chmodSync(base, 0o700);
    const made = makeDirectories({ XDG_RUNTIME_DIR: base }, uid);
    expect(made.root.startsWith(`${base}/paddock-`)).toBe(true);
    for (const path of Object.values(made)) expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(makeDirectories({ XDG_RUNTIME_DIR: base }, uid).root).not.toBe(made.root);
  });

  it('does not trust a runtime folder that others may enter', () => {
    chmodSync(base, 0o755);
    const other = join(base, 'tmp');
    mkdirSync(other);
    expect(makeDirectories({ XDG_RUNTIME_DIR: base, TMPDIR: other }, uid).root.startsWith(other)).toBe(true);
  });
});

describe('removeDirectories', () => {
  it('removes whatever a program leaves, and nothing outside', () => {
    const outside = join(base, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'keep'), 'kept');
    const root = join(base, 'session');
    const directories = below(root);
    for (const path of Object.values(directories)) mkdirSync(path, { recursive: true });
    symlinkSync(outside, join(directories.work, 'link'));
    symlinkSync('/', join(directories.home, 'root'));
    writeFileSync(join(directories.tmp, '.sweep-0'), 'a name of ours');
    mkdirSync(join(directories.work, 'locked', 'inner'), { recursive: true });
    writeFileSync(join(directories.work, 'locked', 'inner', 'file'), '');
    chmodSync(join(directories.work, 'locked', 'inner'), 0);
    chmodSync(join(directories.work, 'locked'), 0);
    writeFileSync(Buffer.concat([Buffer.from(`${directories.work}/`), Buffer.from([0xff, 0xfe, 0x0a])]), '');
    expect(removeDirectories(directories)).toBe(0);
    expect(existsSync(root)).toBe(false);
    expect(readFileSync(join(outside, 'keep'), 'utf8')).toBe('kept');
  });

  it('follows no link, not even in place of the folder itself', () => {
    const outside = join(base, 'outside');
    mkdirSync(join(outside, 'sub'), { recursive: true });
    chmodSync(outside, 0o755);
    writeFileSync(join(outside, 'sub', 'keep'), 'kept');
    // A program that may write to the folder around the private ones can put what it likes in their place.
    symlinkSync(outside, join(base, 'session'));
    expect(removeDirectories(below(join(base, 'session')))).toBeGreaterThan(0);
    expect(readFileSync(join(outside, 'sub', 'keep'), 'utf8')).toBe('kept');
    expect(statSync(outside).mode & 0o777).toBe(0o755);
  });

  it('removes a tree deeper than any path may be long', () => {
    const directories = below(join(base, 'deep'));
    for (const path of Object.values(directories)) mkdirSync(path, { recursive: true });
    const script = `i=0; while [ $i -lt 100 ]; do mkdir ${'d'.repeat(200)} && cd ${'d'.repeat(200)} || exit 1; i=$((i+1)); done`;
    // `cd -P .` would need the whole path; the shell's own cd into a relative name does not.
    const made = spawnSync('sh', ['-c', `cd "$1" && ${script}`, 'sh', directories.work]);
    expect(made.signal).toBeNull();
    expect(removeDirectories(directories)).toBe(0);
    expect(existsSync(directories.root)).toBe(false);
  });

  it('removes names that look like its own', () => {
    const directories = below(join(base, 'own'));
    for (const path of Object.values(directories)) mkdirSync(path, { recursive: true });
    for (let i = 0; i < 5; i++)
      mkdirSync(join(directories.work, 'a', `.sweep-${i}`, 'b', `.sweep-${i}`), { recursive: true });
    expect(removeDirectories(directories)).toBe(0);
    expect(existsSync(directories.root)).toBe(false);
  });
});
