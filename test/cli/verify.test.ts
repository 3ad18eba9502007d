import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { syntheticElf } from '../../src/demo/ape-writer.ts';
import { appendBaseZip } from '../../src/demo/zip-writer.ts';
import { FIXTURE_KINDS, fixture } from '../fixtures/llamafiles.ts';
import { paddock, scratch } from './paddock.ts';

const home = scratch();
const verify = (...args: string[]) => paddock(['verify', ...args], { home });

describe('exit codes', () => {
  it('0: the policy accepts it', async () => {
    const { code, stdout } = await verify(fixture('elf'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/PASS/);
    expect(stdout).toMatch(/every byte accounted for/);
    expect(stdout.split('\n').length).toBeLessThan(40);
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
    expect(stdout).toMatch(/expected:/);
    expect(stdout).toMatch(/found:/);
  });

  it('the worst of several files', async () => {
    expect((await verify(fixture('elf'), '/bin/sh', fixture('zip32'))).code).toBe(2);
  });
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
