import {
  chmodSync,
  copyFileSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { syntheticElf } from '../../src/demo/ape-writer.ts';
import { appendBaseZip } from '../../src/demo/zip-writer.ts';
import { ELF_KINDS, FIXTURE_KINDS, fixture } from '../fixtures/llamafiles.ts';
import { paddock, scratch } from './paddock.ts';
import { denied } from './verify-files.ts';

const home = scratch();
const verify = (...args: string[]) => paddock(['verify', ...args], { home });

describe('exit codes', () => {
  it('0: the policy accepts it', async () => {
    const { code, stdout } = await verify(fixture('elf'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/PASS/);
    expect(stdout).toMatch(/every byte accounted for/);
  });

  it('1: the policy refuses it', async () => {
    const { code, stdout } = await verify('--preset', 'strict', fixture('elf'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/REFUSED[\s\S]*strict\.yaml/);
  });

  it('1: nobody knows its loader, and then `run` refuses it, too', async () => {
    const { code, stdout } = await verify(fixture('ape'));
    expect(code).toBe(1);
    expect(stdout).toMatch(/trust\.loaders/);
  });

  it('2: it is no llamafile, or not there', async () => {
    expect((await verify('/bin/sh')).code).toBe(2);
    expect((await verify(join(home, 'absent'))).code).toBe(2);
  });

  it('3: it is malformed', async () => {
    const path = join(home, 'cut.llamafile');
    writeFileSync(path, "MZqFpD='\n\n");
    const { code, stdout } = await verify(path);
    expect(code).toBe(3);
    expect(stdout).toMatch(/expected {2}a line/);
    expect(stdout).toMatch(/found {5}a file of 10 bytes/);
  });

  it('the worst of several files', async () => {
    expect((await verify(fixture('elf'), '/bin/sh', fixture('zip32'))).code).toBe(2);
  });
});

describe('for a person', () => {
  it.each(ELF_KINDS)('a clean file takes under 40 lines, of under 100 columns: %s', async (kind) => {
    const { stdout, code } = await verify(fixture(kind));
    expect(code).toBe(0);
    expect(stdout.trimEnd().split('\n').length).toBeLessThan(40);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(100);
  });

  it('of many findings, the first of each check are told, and the others counted', async () => {
    const path = join(home, 'many.llamafile');
    const names = Array.from({ length: 500 }, (_, index) => `../out/${index}`);
    const entries = names.map((name) => ({ name, content: Buffer.from('x') }));
    writeFileSync(path, appendBaseZip(syntheticElf(), entries));
    const { stdout } = await verify(path);
    expect(stdout.split('\n').length).toBeLessThan(80);
    expect(stdout).toMatch(/also {6}497 more of ZIP-023; 97 of them/);
  });

  it('worst first: what is wrong, where, why it matters, what to do', async () => {
    const path = join(home, 'denied.llamafile');
    writeFileSync(path, denied());
    const { stdout } = await verify(path);
    const ranks = [...stdout.matchAll(/^(DENY|WARN|INFO) /gm)].map(([, word = '']) =>
      ['DENY', 'WARN', 'INFO'].indexOf(word),
    );
    expect(ranks).toEqual([...ranks].sort());
    const [, first = ''] = stdout.split(/\n\n/);
    expect(first).toMatch(/^DENY {2}[A-Z]+-\d{3} {2}[\s\S]*\n {6}why {7}\S[\s\S]*\n {6}to do {5}\S/);
  });

  it('no colour in a pipe, whatever NO_COLOR says', async () => {
    const { stdout } = await paddock(['verify', fixture('elf')], { home, env: { NO_COLOR: '' } });
    expect(stdout).not.toContain('\x1b');
  });
});

describe('--output', () => {
  it('writes the report whole, and says nothing else', async () => {
    const path = join(home, 'report.json');
    writeFileSync(path, 'an older one');
    const { stdout, code } = await verify('--json', '--output', path, fixture('elf'));
    expect(stdout).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(path, 'utf8')).exit).toBe(0);
    expect(readdirSync(home).filter((name) => name.startsWith('.paddock-'))).toEqual([]);
  });

  it('never over a file that was judged, also not by another name', async () => {
    const path = join(home, 'precious.llamafile');
    copyFileSync(fixture('elf'), path);
    symlinkSync(path, join(home, 'alias'));
    for (const name of [path, join(home, 'alias')]) {
      const { code, stderr } = await verify('-o', name, path);
      expect(code).toBe(125);
      expect(stderr).toMatch(/would overwrite/);
    }
    expect(readFileSync(path).equals(readFileSync(fixture('elf')))).toBe(true);
  });

  it.each(['/dev/null', '.'])('only over a regular file, not over %s', async (name) => {
    const { code, stderr } = await verify('-o', name, fixture('elf'));
    expect(code).toBe(125);
    expect(stderr).toMatch(/regular file/);
  });

  it('behind a link: the file is replaced, and the link stays', async () => {
    symlinkSync('target.txt', join(home, 'link.txt'));
    writeFileSync(join(home, 'target.txt'), 'old');
    await verify('-o', join(home, 'link.txt'), fixture('elf'));
    expect(lstatSync(join(home, 'link.txt')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(home, 'target.txt'), 'utf8')).toMatch(/PASS/);
  });
});

it('one format at a time', async () => {
  const { code, stderr } = await verify('--json', '--sarif', fixture('elf'));
  expect(code).toBe(125);
  expect(stderr).toMatch(/'--json' cannot be used with option '--sarif'/);
});

it('--json gives verdict, decision and anatomy of every file', async () => {
  const { stdout, code } = await verify('--json', ...FIXTURE_KINDS.map((kind) => fixture(kind)), '/bin/sh');
  expect(code).toBe(2);
  const { schema, files } = JSON.parse(stdout);
  expect(schema).toBe('paddock/verify/v1');
  expect(files).toHaveLength(FIXTURE_KINDS.length + 1);
  for (const file of files.slice(0, -1)) {
    expect(file.verdict).toMatchObject({ standing: 'unknown', tier: 'C' });
    expect(file.anatomy.unaccountedBytes).toBe(0);
  }
  expect(files.at(-1).error.code).toBe('not-llamafile');
});

it('names from the file cannot reach the terminal', async () => {
  const path = join(home, 'escape.llamafile');
  writeFileSync(
    path,
    appendBaseZip(syntheticElf(), [{ name: 'a\x1b]0;evil\x07\x1b[2J\u202e', content: Buffer.from('x') }]),
  );
  chmodSync(path, 0o755);
  for (const command of ['verify', 'inspect', 'run']) {
    const { stdout, stderr } = await paddock([command, path], { home });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters it is about
    expect(stdout + stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f\u202e]/);
    expect(stdout + stderr).toMatch(/\\x1b/);
  }
});

describe('inspect', () => {
  it('shows every region, program, member and the model', async () => {
    const { stdout, code } = await paddock(['inspect', fixture('fat')], { home });
    expect(code).toBe(0);
    for (const word of [
      'ape-header',
      'shell-script',
      'segment',
      'loader',
      'zip-directory',
      'gguf-header',
      'model.gguf',
      'general.architecture',
      'aarch64',
      'however .args is read',
      'your arguments',
    ]) {
      expect(stdout).toContain(word);
    }
  });

  it('--json gives regions that tile the file', async () => {
    const { stdout } = await paddock(['inspect', '--json', fixture('three-generations')], { home });
    const { size, regions } = JSON.parse(stdout) as {
      size: number;
      regions: { offset: number; length: number }[];
    };
    let end = 0;
    for (const { offset, length } of regions) {
      expect(offset).toBe(end);
      end += length;
    }
    expect(end).toBe(size);
  });
});
