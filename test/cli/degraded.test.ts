import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { puppet } from '../fixtures/puppet.ts';
import { scratch } from './paddock.ts';

const PADDOCK = fileURLToPath(new URL('../../bin/paddock.js', import.meta.url));
const home = scratch();
const without = join(home, 'without');
execFileSync('cc', [
  '-std=c11',
  '-D_GNU_SOURCE',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-o',
  without,
  fileURLToPath(new URL('../fixtures/without.c', import.meta.url)),
]);

function onHostWithout(what: string, args: string[], state: string) {
  return spawnSync(without, [what, process.execPath, PADDOCK, ...args], {
    env: { PATH: process.env.PATH, HOME: home, XDG_STATE_HOME: join(home, state) },
    encoding: 'utf8',
    timeout: 20_000,
  });
}

const CASES: [what: string, protection: RegExp][] = [
  ['landlock', /landlock-files/],
  ['seccomp', /seccomp/],
  ['notify', /seccomp-notify/],
];

describe.each(CASES)('a host without %s', (what, protection) => {
  it('is a refusal that names what is missing and how to go on', () => {
    const { status, stdout, stderr } = onHostWithout(what, ['run', puppet('elf'), 'args', 'x'], what);
    expect(stderr).toMatch(protection);
    expect(stderr).toMatch(/--allow-degraded/);
    expect(status).toBe(126);
    expect(stdout).toBe('');
  });

  it('runs with --allow-degraded, and the record keeps what was missing', () => {
    const state = `${what}-degraded`;
    const { status, stdout, stderr } = onHostWithout(
      what,
      ['run', '--allow-degraded', puppet('elf'), 'args', 'x'],
      state,
    );
    expect(stdout, stderr).toBe('[x]\n');
    expect(status).toBe(0);
    expect(stderr).toMatch(protection);
    const sessions = join(home, state, 'paddock', 'sessions');
    const [id = ''] = readdirSync(sessions);
    const { plan } = JSON.parse(readFileSync(join(sessions, id, 'session.json'), 'utf8'));
    expect(plan.missing.join(' ')).toMatch(protection);
    expect(plan.protections.join(' ')).not.toMatch(
      new RegExp(`(^| )${what === 'notify' ? 'seccomp-notify' : what}`),
    );
  });

  it('is told by doctor, with its effect and a fix', () => {
    const { stdout } = onHostWithout(what, ['doctor'], what);
    expect(stdout).toMatch(/(MISSING|DEGRADED)[\s\S]*so: [\s\S]*fix: /);
  });
});

it('what is left of the fence still holds', () => {
  const noLandlock = onHostWithout(
    'landlock',
    ['run', '-q', '--allow-degraded', puppet('elf'), 'ids'],
    'left',
  );
  expect(noLandlock.status).toBe(0);
  // Without Landlock files are open, which is why it takes the user's word to go on.
  const noNotify = onHostWithout(
    'notify',
    ['run', '-q', '--allow-degraded', puppet('elf'), 'write', '/etc/paddock-test'],
    'left',
  );
  expect(noNotify.stdout).toMatch(/Permission denied/);
});
