import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Check, type DoctorFacts, diagnose } from '../../src/host/doctor.ts';
import { gatherFacts } from '../../src/host/facts.ts';
import { HOST } from '../launch/fixtures.ts';

const FACTS: DoctorFacts = {
  platform: 'linux',
  nodeVersion: '20.20.2',
  host: HOST,
  gate: '/x/dist/paddock-gate',
  compiler: '/usr/bin/cc',
  nodePty: true,
  yama: '1\n',
  legacyTiocsti: '1\n',
  lsm: 'lockdown,capability,landlock,yama',
  apparmorUserns: undefined,
  usernsClone: undefined,
  maxUserNamespaces: undefined,
  apeFormats: [],
  systemdUser: true,
  container: false,
};

const check = (facts: Partial<DoctorFacts>, name: string): Check => {
  const found = diagnose({ ...FACTS, ...facts }).find((one) => one.name === name);
  if (found === undefined) throw new Error(`no check ${name}`);
  return found;
};

describe('diagnose', () => {
  it('is content with a good host', () => {
    const checks = diagnose(FACTS);
    expect(checks.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual([
      'paddock-gate',
      'landlock',
      'seccomp',
      'seccomp notification',
      'control groups',
      'namespaces',
      'C compiler',
      'node-pty',
      'Node.js',
      'kernel',
      'yama',
      'terminal',
      'binfmt_misc',
    ]);
  });

  it.each<[string, Partial<DoctorFacts>, string, Check['state'], RegExp]>([
    ['no Landlock', { host: { ...HOST, landlockAbi: 0 } }, 'landlock', 'missing', /6\.12/],
    [
      'Landlock off',
      { host: { ...HOST, landlockAbi: 0 }, lsm: 'yama,bpf' },
      'landlock',
      'missing',
      /lsm=landlock,yama,bpf/,
    ],
    ['Debian 12', { host: { ...HOST, landlockAbi: 2 } }, 'landlock', 'degraded', /backports/],
    ['Ubuntu 24.04', { host: { ...HOST, landlockAbi: 4 } }, 'landlock', 'degraded', /hwe-24\.04/],
    [
      'no seccomp',
      { host: { ...HOST, seccompFilter: false, seccompNotify: false } },
      'seccomp',
      'missing',
      /CONFIG_SECCOMP_FILTER/,
    ],
    ['no listener', { host: { ...HOST, seccompNotify: false } }, 'seccomp notification', 'degraded', /5\.6/],
    [
      'no cgroup',
      { host: { ...HOST, cgroup: { kind: 'none', parents: {}, controllers: [] } } },
      'control groups',
      'degraded',
      /systemd-run --user/,
    ],
    [
      'no cpu',
      { host: { ...HOST, cgroup: { ...HOST.cgroup, controllers: ['memory', 'pids'] } } },
      'control groups',
      'degraded',
      /delegate\.conf/,
    ],
    [
      'no gate',
      { gate: undefined, host: undefined, gateProblem: 'no cc' } as unknown as Partial<DoctorFacts>,
      'paddock-gate',
      'missing',
      /npm rebuild/,
    ],
    ['no cc', { compiler: undefined }, 'C compiler', 'degraded', /apt install gcc/],
    ['no pty', { nodePty: false }, 'node-pty', 'degraded', /npm rebuild node-pty/],
    ['old Node', { nodeVersion: '20.11.1' }, 'Node.js', 'missing', /20\.12/],
    ['yama 2', { yama: '2\n' }, 'yama', 'degraded', /ptrace_scope=1/],
    ['binfmt', { apeFormats: ['APE'] }, 'binfmt_misc', 'degraded', /binfmt_misc\/APE/],
    ['another machine', { host: { ...HOST, architecture: 'other' } }, 'kernel', 'missing', /one of these/],
    ['macOS', { platform: 'darwin' }, 'platform', 'missing', /Linux/],
  ])('%s', (_, facts, name, state, fix) => {
    const found = check(facts, name);
    expect(found.state).toBe(state);
    expect(found.fix).toMatch(fix);
    expect(found.effect).not.toBe('');
  });

  it('does not call missing namespaces a fault: the fence needs none', () => {
    for (const facts of [
      { apparmorUserns: '1\n' },
      { usernsClone: '0\n' },
      { maxUserNamespaces: '0\n' },
      {},
    ]) {
      expect(check({ ...facts, host: { ...HOST, namespaces: { works: false } } }, 'namespaces').state).toBe(
        'ok',
      );
    }
    expect(check({ apparmorUserns: '1\n' }, 'namespaces').detail).toMatch(/AppArmor/);
  });

  it('names an effect and a fix for whatever is not well, and only then', () => {
    for (const facts of [
      {},
      { host: { ...HOST, landlockAbi: 1, uid: 0 }, container: true, nodePty: false },
    ]) {
      for (const one of diagnose({ ...FACTS, ...facts })) {
        expect(one.state === 'ok').toBe(one.effect === '');
        expect(one.state === 'ok').toBe(one.fix === '');
      }
    }
  });
});

it('gathers facts on this machine without failing', async () => {
  const facts = await gatherFacts({
    env: process.env,
    uid: process.getuid?.() ?? 0,
    cache: mkdtempSync(join(tmpdir(), 'paddock-doctor-')),
    say: () => {},
  });
  expect(facts.platform).toBe(process.platform);
  expect(diagnose(facts).length).toBeGreaterThan(0);
});
