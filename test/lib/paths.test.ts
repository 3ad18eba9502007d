import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolders, userPaths } from '../../src/lib/paths.ts';

const base = mkdtempSync(join(tmpdir(), 'paths-test-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe('userPaths', () => {
  it('follows the XDG variables, and leaves relative ones out', () => {
    expect(userPaths({ XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: 'relative' }, '/home/u')).toEqual({
      config: '/home/u/.config/paddock',
      state: '/s/paddock',
      cache: '/home/u/.cache/paddock',
      data: '/home/u/.local/share/paddock',
      home: '/home/u',
    });
  });
});

describe('makeFolders', () => {
  it('makes what is missing, private, and is content with what is there', () => {
    const path = join(base, 'a', 'b', 'c');
    makeFolders(path, 0o700);
    makeFolders(path, 0o700);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(base, 'a')).mode & 0o777).toBe(0o700);
  });

  it('comes back with an error where nothing can be made', () => {
    expect(() => makeFolders('/proc/paddock/x', 0o700)).toThrow(/ENOENT|EACCES|EPERM/);
    writeFileSync(join(base, 'file'), '');
    expect(() => makeFolders(join(base, 'file', 'x'), 0o700)).toThrow(/ENOTDIR/);
  });
});
