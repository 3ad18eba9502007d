import { type StdioOptions, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { fixture } from '../fixtures/llamafiles.ts';
import { puppet } from '../fixtures/puppet.ts';
import { paddock, scratch } from './paddock.ts';

const PADDOCK = fileURLToPath(new URL('../../bin/paddock.js', import.meta.url));
const home = scratch();
const elf = puppet('elf');

describe('wrong usage', () => {
  it.each<[string[], RegExp]>([
    [['run', '--memory', '1', 'x'], /At least 4\.0 MiB is expected/],
    [['run', '--processes', '1.5', 'x'], /A whole number above 0/],
    [
      ['run', '--polcy', 'x', 'y'],
      /^paddock: unknown option '--polcy'[\s\S]*--policy[\s\S]*`paddock run --help`/,
    ],
    [['verfy'], /^paddock: unknown command 'verfy'[\s\S]*verify[\s\S]*`paddock --help`/],
    [['config', 'lits'], /^paddock: unknown command 'lits'[\s\S]*`paddock config --help`/],
    [['config', 'set', 'quiet', 'maybe'], /expected: true or false\n {2}found: "maybe"/],
  ])('%j', async (args, words) => {
    const { code, stderr, stdout } = await paddock(args, { home });
    expect(stderr).toMatch(words);
    expect(stdout).toBe('');
    expect(code).toBe(125);
  });

  it('help shows no empty defaults', async () => {
    const { stdout, code } = await paddock(['run', '--help'], { home });
    expect(stdout).not.toMatch(/default: \[\]/);
    expect(code).toBe(0);
  });
});

describe('what comes to nothing is told', () => {
  it('a path that is not there, and a variable that is not set', async () => {
    const args = ['run', '--read', 'absent', '--env', 'NOT_SET_HERE', elf, 'exit', '0'];
    const { stderr, code } = await paddock(args, { home });
    expect(stderr).toMatch(/--read absent: there is no such file or folder/);
    expect(stderr).toMatch(/--env NOT_SET_HERE: the variable is not set/);
    expect(code).toBe(0);
  });
});

describe('errors name the file', () => {
  it.each(['run', 'inspect'])('%s', async (command) => {
    const absent = join(home, 'absent');
    const { stderr, code } = await paddock([command, absent], { home });
    expect(stderr).toContain(`at: ${absent}`);
    expect(code).toBe(127);
  });
});

describe('an environment that is not as it should be', () => {
  it.skipIf(!existsSync('/dev/full'))('a full disk behind standard output', () => {
    const stdio: StdioOptions = ['ignore', openSync('/dev/full', 'w'), 'pipe'];
    const result = spawnSync(process.execPath, [PADDOCK, 'verify', fixture('elf')], {
      stdio,
      encoding: 'utf8',
    });
    expect(result.stderr).toMatch(/the output cannot be written[\s\S]*ENOSPC[\s\S]*to do/);
    expect(result.stderr).not.toMatch(/internal error/);
    expect(result.status).toBe(125);
  });

  it('a temporary folder that is not there', async () => {
    const { stderr, code } = await paddock(['demo'], { home, env: { TMPDIR: join(home, 'nowhere') } });
    expect(stderr).toMatch(/the system refused[\s\S]*nowhere[\s\S]*TMPDIR/);
    expect(stderr).not.toMatch(/internal error/);
    expect(code).toBe(125);
  });

  it('a current folder that was removed', async () => {
    const gone = join(home, 'gone');
    mkdirSync(gone);
    const script = `rmdir ../gone && exec "${process.execPath}" "${PADDOCK}" run "${elf}" exit 0`;
    const result = spawnSync('/bin/sh', ['-c', script], { cwd: gone, encoding: 'utf8' });
    expect(result.stderr).toMatch(/the current folder is not there any more/);
    expect(result.status).toBe(125);
  });
});
