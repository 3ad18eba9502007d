import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  apeLoader,
  distPath,
  ELF_KINDS,
  FIXTURE_KINDS,
  type FixtureKind,
  fixture,
  modelBytes,
} from '../fixtures/llamafiles.ts';
import { zipalignAppend } from '../fixtures/zip-writer.ts';
import { type Outcome, runToEnd } from './run.ts';
import { smallModel } from './small-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'paddock-surface-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SAY = ['-p', 'The llama', '-n', '20', '--seed', '9', '--log-disable'];

function run(kind: FixtureKind, args: readonly string[]): Outcome {
  return ELF_KINDS.includes(kind)
    ? runToEnd(fixture(kind), args, { cwd: folder })
    : runToEnd(apeLoader(), [fixture(kind), ...args], { cwd: folder });
}

describe.skipIf(process.arch !== 'x64')('fixtures (x86-64 only)', () => {
  const expected = runToEnd(
    distPath('demo-engine'),
    SAY.concat('-m', fixture('elf'), '--temp', '0.7'),
  ).stdout;

  it.each(FIXTURE_KINDS)('%s runs and finds its weights and arguments', (kind) => {
    expect(expected).toMatch(/^The llama \w+/);
    expect(run(kind, SAY)).toMatchObject({ status: 0, signal: null, stdout: expected });
  });

  it('an APE file is found through a descriptor, as a launcher passes it', () => {
    const script = 'exec 9<"$1"; shift; exec "$0" /proc/self/fd/9 "$@"';
    const { stdout } = runToEnd('/bin/sh', ['-c', script, apeLoader(), fixture('fat'), ...SAY], {
      cwd: folder,
    });
    expect(stdout).toBe(expected);
  });

  it('an APE file runs by its own shell header, which leaves the loader behind', () => {
    const env = { TMPDIR: folder, PATH: '/usr/bin:/bin' };
    const { stdout } = runToEnd('/bin/sh', [fixture('ape'), ...SAY], { cwd: folder, env });
    expect(stdout).toBe(expected);
    expect(readFileSync(join(folder, '.ape-1.10')).equals(readFileSync(apeLoader()))).toBe(true);
  });

  it('the loader passes arguments, environment and exit status', () => {
    expect(runToEnd(apeLoader(), ['-', fixture('ape'), 'another-name', '--help']).stdout).toMatch(
      /^usage: another-name/,
    );
    expect(run('ape', ['--bogus'])).toMatchObject({
      status: 1,
      stderr: 'error: unknown argument: --bogus\n',
    });
  });

  it.each(['/nonexistent', '/etc/hostname', '/dev/null'])('the loader refuses %s', (path) => {
    expect(runToEnd(apeLoader(), [path])).toMatchObject({ status: 127, signal: null });
  });
});

describe('the command line', () => {
  it('--version', () => {
    expect(run('elf', ['--version'])).toMatchObject({
      status: 0,
      stdout: 'paddock demo engine v0.1.0\n',
      stderr: '',
    });
  });

  it('--help names the options', () => {
    const { stdout } = run('elf', ['--help']);
    for (const option of ['-m', '-p', '-n', '--temp', '--seed', '--server', '--port'])
      expect(stdout).toContain(`  ${option} `);
  });

  it.each([
    [['-n'], 'a value is missing after -n'],
    [['-n', 'many'], 'not a number: many'],
    [['--temp', ''], 'not a number: '],
    [['--credential', '/etc/shadow'], 'unknown argument: --credential'],
  ])('%j is an error', (args, message) => {
    expect(run('elf', args)).toMatchObject({ status: 1, stdout: '', stderr: `error: ${message}\n` });
  });

  it('accepts what callers of llamafiles pass as a matter of course', () => {
    const usual = [
      '-ngl',
      '99',
      '--gpu',
      'disable',
      '--nobrowser',
      '-b',
      '32',
      '--repeat-penalty',
      '1.1',
      '-t',
      '2',
    ];
    expect(run('elf', [...SAY, ...usual]).status).toBe(0);
  });

  it('-f reads the prompt from a file, without its last line feed', () => {
    writeFileSync(join(folder, 'prompt.txt'), 'The keeper\n');
    const { stdout } = run('elf', ['-f', 'prompt.txt', '-n', '0', '--log-disable']);
    expect(stdout).toBe('The keeper\n');
  });

  it('-f reads standard input', () => {
    const args = ['-f', '/dev/stdin', '-n', '0', '--log-disable'];
    expect(runToEnd(fixture('elf'), args, { input: 'A good fence' }).stdout).toBe('A good fence\n');
  });

  it('--silent-prompt does not repeat the prompt', () => {
    expect(run('elf', [...SAY, '--silent-prompt']).stdout).toMatch(/^ \w/);
  });

  it('a prompt longer than the context is refused', () => {
    const { status, stderr } = run('elf', ['-p', 'llama '.repeat(100), '-c', '32', '--log-disable']);
    expect(status).toBe(1);
    expect(stderr).toBe('error: unable to generate: the prompt is longer than the context\n');
  });

  it('ends when the context is full', () => {
    expect(run('elf', ['-p', 'The', '-n', '-1', '-c', '40', '--seed', '1']).stderr).toContain(
      'generated 38 tokens',
    );
  });

  it('writes main.log into the working directory', () => {
    rmSync(join(folder, 'main.log'), { force: true });
    run('elf', ['-p', 'The', '-n', '1']);
    expect(readFileSync(join(folder, 'main.log'), 'utf8')).toContain('paddock demo engine');
  });

  it('survives when main.log cannot be written', () => {
    expect(runToEnd(fixture('elf'), ['-p', 'The', '-n', '1'], { cwd: '/proc' }).status).toBe(0);
  });
});

describe('the weights', () => {
  it('-m takes a file of that name in the working directory before the zip member, as the genuine runtime does', () => {
    const cwd = mkdtempSync(join(folder, 'cwd-'));
    writeFileSync(join(cwd, 'model.gguf'), smallModel());
    const { stderr } = runToEnd(fixture('elf'), ['-p', 'a', '-n', '1'], { cwd });
    expect(stderr).toContain('vocabulary 13');
  });

  it.each([
    ['another container', () => [fixture('elf')]],
    ['a named member of another container', () => [`${fixture('elf')}@model.gguf`]],
  ])('-m takes %s', (_, model) => {
    const args = ['-m', ...model(), '-p', 'The', '-n', '1'];
    expect(runToEnd(distPath('demo-engine'), args, { cwd: folder })).toMatchObject({ status: 0 });
  });

  it('/zip/NAME is the member, whatever lies in the working directory', () => {
    const cwd = mkdtempSync(join(folder, 'cwd-'));
    writeFileSync(join(cwd, 'model.gguf'), 'nonsense');
    expect(runToEnd(fixture('elf'), ['-m', '/zip/model.gguf', '-p', 'a', '-n', '1'], { cwd }).status).toBe(0);
  });

  it.each([
    ['nothing of that name', ['-m', 'no-such.gguf'], 'there is no such zip member'],
    ['a directory', ['-m', '/'], 'it is not a regular file with content'],
    ['another kind of file', ['-m', '/proc/self/exe@x'], 'there is no such zip member'],
    ['no weights at all', ['-m', '/etc/passwd'], 'there is no such zip member'],
  ])('refuses %s', (_, args, reason) => {
    const { status, stderr } = runToEnd(distPath('demo-engine'), [...args, '-p', 'a', '--log-disable'], {
      cwd: folder,
    });
    expect([status, stderr]).toEqual([1, `error: unable to load the model: ${reason}\n`]);
  });

  it('refuses two members of one name', () => {
    const twice = [modelBytes(), smallModel()].map((content) => ({ name: 'w.gguf', content }));
    const path = join(folder, 'twice.llamafile');
    writeFileSync(path, zipalignAppend(readFileSync(distPath('demo-engine')), twice), { mode: 0o755 });
    expect(runToEnd(path, ['-p', 'a', '--log-disable']).stderr).toContain('more than one zip member fits');
  });
});

describe('.args', () => {
  it.each([
    ['stands before the user’s arguments', '-p\nfrom the zip\n', ['-n', '0'], 'from the zip\n'],
    ['gives way to what the user says later', '-p\nzip\n...\n', ['-p', 'user'], 'user\n'],
    ['wins with what it says after `...`', '...\n-p\nzip\n', ['-p', 'user'], 'zip\n'],
    ['knows \\n, carriage returns and blank lines', '-p\r\n\r\n\r\none\\ntwo\r\n', [], 'one\ntwo\n'],
  ])('%s', (_, args, user, expected) => {
    const path = join(folder, 'args.llamafile');
    rmSync(path, { force: true });
    const entries = [
      { name: 'w.gguf', content: modelBytes() },
      { name: '.args', content: Buffer.from(args) },
    ];
    writeFileSync(path, zipalignAppend(readFileSync(distPath('demo-engine')), entries), { mode: 0o755 });
    expect(runToEnd(path, [...user, '-n', '0', '--log-disable']).stdout).toBe(expected);
  });
});

describe('the attacker', () => {
  it('is well-behaved until it is asked, and says truthfully what it could do', () => {
    const cwd = mkdtempSync(join(folder, 'attack-'));
    copyFileSync(fixture('attacker'), join(cwd, 'attacker'));
    writeFileSync(join(cwd, 'secret'), 'token');
    const drop = join(cwd, 'dropped');
    const args = ['--credential', join(cwd, 'secret'), '--drop', drop, '--beacon', '1', '--appetite', '64'];
    const { status, stdout, stderr } = runToEnd(fixture('attacker'), [...SAY, ...args, '-n', '45'], { cwd });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^The llama \w+/);
    expect(existsSync(drop)).toBe(true);
    expect(stderr).toContain('attack: read a credential file: succeeded\n');
    expect(stderr).toContain('attack: write outside: succeeded\n');
    expect(stderr).toContain('attack: connect out: failed (Connection refused)\n');
    expect(stderr).toContain('attack: start a shell: succeeded\n');
    expect(stderr).toContain('attack: eat memory: succeeded\n');
  });
});
