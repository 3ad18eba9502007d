import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { walk } from '../../src/cli/verify/walk.ts';
import { FIXTURE_KINDS, fixture } from '../fixtures/llamafiles.ts';
import { paddock, scratch } from './paddock.ts';
import { everyOutcome, tree } from './verify-files.ts';

const home = scratch();
const outcomes = join(home, 'outcomes');
mkdirSync(outcomes);
everyOutcome(outcomes);
const folder = join(home, 'tree');
mkdirSync(folder);
tree(folder);
const verify = (cwd: string, ...args: string[]) => paddock(['verify', ...args], { home, cwd });

describe('a folder', () => {
  it('gives a table, worst first, what its ids mean, and the worst exit code', async () => {
    const { stdout, code } = await verify(outcomes, '.');
    expect(code).toBe(3);
    const words = [...stdout.matchAll(/^(FAIL|NOT JUDGED|REFUSED|PASS) .* (\S+)$/gm)].map(([, word]) => word);
    expect(words).toEqual(['FAIL', 'NOT JUDGED', 'NOT JUDGED', 'REFUSED', 'REFUSED', 'PASS']);
    expect(stdout).toMatch(/^ZIP-0\d\d +[a-z]/m);
    expect(stdout).toMatch(/^6 files: 1 FAIL, 2 NOT JUDGED, 2 REFUSED, 1 PASS$/m);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(100);
  });

  it('is searched by content and by name, and links are not followed', async () => {
    const { stdout, code } = await verify(folder, '.');
    expect(code).toBe(2);
    expect(stdout).toMatch(/a\/photo\.jpg$/m);
    expect(stdout).toMatch(/a\/b\/x\.llamafile$/m);
    expect(stdout).toMatch(/^NOT JUDGED +FILE-003 +a\/b\/bad\.LLAMAFILE$/m);
    expect(stdout).toMatch(/^\.: 3 llamafiles, 3 other files passed over, 3 symbolic links not followed$/m);
    expect(stdout).not.toMatch(/again|round|out\//);
  });

  it('may be named by a link', async () => {
    const { stdout } = await verify(folder, 'a/round/a/b');
    expect(stdout).toMatch(/a\/round\/a\/b: 2 llamafiles$/m);
  });

  it('without a llamafile is never a pass', async () => {
    const { stdout, code } = await verify(folder, 'empty');
    expect(stdout).toBe('empty: no llamafile in it\n');
    expect(code).toBe(2);
  });

  it('--details: everything about every file, and the table', async () => {
    const { stdout } = await verify(outcomes, '--details', '.');
    expect(stdout).toMatch(/REFUSED {2}tier C/);
    expect(stdout).toMatch(/why {7}/);
    expect(stdout).toMatch(/^6 files/m);
  });

  it.skipIf(process.getuid?.() === 0)('that may not be read is told, and the others are judged', async () => {
    const closed = join(home, 'closed');
    mkdirSync(join(closed, 'inner'), { recursive: true });
    tree(closed);
    chmodSync(join(closed, 'inner'), 0);
    const { stdout, code } = await verify(closed, '.');
    chmodSync(join(closed, 'inner'), 0o755);
    expect(code).toBe(2);
    expect(stdout).toMatch(/NOT JUDGED +unreadable +inner/);
    expect(stdout).toMatch(/PASS.*x\.llamafile/);
  });
});

describe('several files', () => {
  it('are told one after the other, and then as a table', async () => {
    const { stdout } = await verify(outcomes, 'pass.llamafile', 'denied.llamafile');
    expect(stdout).toMatch(
      /^pass\.llamafile\nPASS[\s\S]*^denied\.llamafile\nREFUSED[\s\S]*^2 files: 1 REFUSED, 1 PASS\n$/m,
    );
  });

  it('paths that lead nowhere in odd ways do not keep the others from being judged', async () => {
    symlinkSync('loop', join(home, 'loop'));
    const odd = ['loop', 'x'.repeat(5000), 'outcomes/pass.llamafile/within', ''].map(
      (name) => name && join(home, name),
    );
    const { stdout, code } = await verify(outcomes, ...odd, 'pass.llamafile', '-o', join(home, 'odd.txt'));
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(readFileSync(join(home, 'odd.txt'), 'utf8')).toMatch(/^5 files: 4 NOT JUDGED, 1 PASS$/m);
  });

  it.each(['1', '2', '7'])('--jobs %s changes nothing but the time', async (jobs) => {
    const one = await verify(outcomes, '--details', '.', '../tree');
    const many = await verify(outcomes, '--jobs', jobs, '--details', '.', '../tree');
    expect(many.stdout).toBe(one.stdout);
    expect(many.code).toBe(one.code);
    expect(many.stderr).toBe('');
  });
});

it('llamafiles of every shape are known by their content', () => {
  const shapes = join(home, 'shapes');
  mkdirSync(shapes);
  for (const kind of FIXTURE_KINDS) copyFileSync(fixture(kind), join(shapes, kind));
  expect(walk(shapes).files).toEqual([...FIXTURE_KINDS].sort().map((kind) => join(shapes, kind)));
});

describe('bounds', () => {
  const deep = join(home, 'deep');
  mkdirSync(join(deep, 'a/b/c/d'), { recursive: true });
  for (let index = 0; index < 20; index++) writeFileSync(join(deep, `${index}.llamafile`), '');

  it.each([
    [{ depth: 3, entries: 1000, files: 1000 }, 20, true],
    [{ depth: 4, entries: 1000, files: 1000 }, 20, false],
    [{ depth: 40, entries: 1000, files: 7 }, 7, true],
  ])('%j', (bounds, files, cut) => {
    const walked = walk(deep, bounds);
    expect(walked.files).toHaveLength(files);
    expect(walked.cut).toBe(cut);
  });

  it('of entries', () => {
    const walked = walk(deep, { depth: 40, entries: 5, files: 1000 });
    expect(walked.files.length).toBeLessThanOrEqual(5);
    expect(walked.cut).toBe(true);
  });

  it.skipIf(process.platform !== 'linux')('a pipe is not waited for', () => {
    const odd = join(home, 'odd');
    mkdirSync(odd);
    execFileSync('mkfifo', [join(odd, 'pipe.llamafile')]);
    expect(walk(odd)).toMatchObject({ files: [], special: 1, problems: [] });
  });
});
