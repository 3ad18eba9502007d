import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FIXTURE_KINDS, fixture } from '../fixtures/llamafiles.ts';
import { paddock, scratch } from './paddock.ts';
import { expectValid, own } from './schemas.ts';
import { everyOutcome, tree } from './verify-files.ts';

const home = scratch();
const outcomes = join(home, 'outcomes');
mkdirSync(outcomes);
const expected = everyOutcome(outcomes);
const names = Object.keys(expected);
const SCHEMAS = [own('verify-v1.schema.json'), own('verify-v1.schema.json', { closed: true })];

it('every kind of outcome is as the published schema says, and has nothing that it does not tell of', async () => {
  const paths = [...names, 'absent', '/dev/null'];
  const { stdout, code } = await paddock(['verify', '--json', ...paths], { home, cwd: outcomes });
  const report = JSON.parse(stdout);
  for (const schema of SCHEMAS) expectValid(schema, report);
  expect(code).toBe(3);
  expect(report.exit).toBe(3);
  expect(report.files.map(({ path }: { path: string }) => path)).toEqual(paths);
  expect(report.files.map(({ exit }: { exit: number }) => exit)).toEqual([...Object.values(expected), 2, 2]);
});

it('so are well-formed files of every shape', async () => {
  const { stdout } = await paddock(['verify', '--json', ...FIXTURE_KINDS.map((kind) => fixture(kind))], {
    home,
  });
  for (const schema of SCHEMAS) expectValid(schema, JSON.parse(stdout));
});

it('so are folders', async () => {
  const folder = join(home, 'tree');
  mkdirSync(folder);
  tree(folder);
  const { stdout } = await paddock(['verify', '--json', '.', 'empty'], { home, cwd: folder });
  const report = JSON.parse(stdout);
  for (const schema of SCHEMAS) expectValid(schema, report);
  expect(report.folders).toEqual([
    { path: '.', llamafiles: 3, others: 3, links: 3, special: 0, cut: false },
    { path: 'empty', llamafiles: 0, others: 0, links: 0, special: 0, cut: false },
  ]);
});

it('nothing in it acts in a terminal', async () => {
  const { stdout } = await paddock(['verify', '--json', 'denied.llamafile'], { home, cwd: outcomes });
  const shown = await paddock(['inspect', '--json', 'denied.llamafile'], { home, cwd: outcomes });
  for (const text of [stdout, shown.stdout]) expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(JSON.parse(shown.stdout).zip.members.at(-1).name).toContain('\x1b[2J\u202e');
});

it('inspect: every shape is as its schema says', async () => {
  const validate = own('inspect-v1.schema.json');
  for (const kind of FIXTURE_KINDS) {
    const { stdout } = await paddock(['inspect', '--json', fixture(kind)], { home });
    expectValid(validate, JSON.parse(stdout));
  }
});
