import { describe, expect, it } from 'vitest';
import type { LaunchInput } from '../../src/launch/launch-input.ts';
import { namespaceKinds } from '../../src/launch/namespaces.ts';
import type { Operation } from '../../src/launch/operations.ts';
import { planLaunch } from '../../src/launch/planner.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import { effective, fakePaths, HOST } from './fixtures.ts';

const ABLE = { ...HOST, namespaces: { works: true } };
const FOLDER = '/run/p';
const SERVE: LaunchInput['arguments'] = {
  args: ['--server'],
  reads: [],
  network: {
    mode: 'serve',
    address: '127.0.0.1',
    port: 9000,
    binds: [{ family: 2, bytes: Uint8Array.of(127, 0, 0, 1), loopback: true }],
  },
  warnings: [],
  line: [],
};

function plan(namespaces: 'auto' | 'require' | 'off', more: Partial<LaunchInput> = {}) {
  return planLaunch({
    id: 'id1',
    file: '/home/u/m.llamafile',
    argv0: './m.llamafile',
    effective: effective({ isolation: { namespaces } }),
    host: ABLE,
    start: { form: 'elf' },
    still: { how: 'lease', why: 'of the test' },
    held: [],
    arguments: { args: [], reads: [], network: { mode: 'none' }, warnings: [], line: [] },
    environment: {},
    home: '/home/u',
    directories: { root: FOLDER, home: `${FOLDER}/home`, tmp: `${FOLDER}/tmp`, work: `${FOLDER}/work` },
    own: [],
    streams: 'pipes',
    reopen: [],
    allowDegraded: false,
    cards: [],
    paths: fakePaths([`${FOLDER}/home/`, `${FOLDER}/tmp/`, `${FOLDER}/work/`, '/proc/self/']),
    ...more,
  });
}

const kindsOf = (operations: readonly Operation[]): readonly string[] | undefined =>
  operations.find((one) => one.op === 'namespaces')?.kinds;

describe('namespaces of the program’s own', () => {
  it('are all kinds that there are, and the network’s where nothing is served', () => {
    const five = ['user', 'mount', 'process', 'ipc', 'name'];
    expect(namespaceKinds('auto', ABLE, true)).toEqual([...five, 'network']);
    expect(namespaceKinds('auto', ABLE, false)).toEqual(five);
    expect(kindsOf(plan('auto').operations)).toContain('network');
    expect(kindsOf(plan('auto', { arguments: SERVE }).operations)).toEqual(five);
    const network = { connect: ['10.0.0.5:443'] };
    const reaching = effective({ isolation: { namespaces: 'auto' }, network });
    expect(kindsOf(plan('auto', { effective: reaching }).operations)).toEqual(five);
  });

  it('come before the capabilities are dropped and after the limits, and are in the record', () => {
    const { operations, protections, missing } = plan('auto');
    const names = operations.map(({ op }) => op);
    const at = names.indexOf('namespaces');
    expect(at).toBeGreaterThan(names.lastIndexOf('rlimit'));
    expect(at).toBeLessThan(names.indexOf('join'));
    expect(at).toBeLessThan(names.indexOf('drop-capabilities'));
    expect(at).toBeLessThan(names.indexOf('landlock-create'));
    expect(protections).toContain('namespaces');
    expect(missing).toEqual([]);
  });

  it('are left out where the policy says so, or the host has none: then everything else is the same', () => {
    const off = plan('off');
    const none = plan('auto', { host: HOST });
    for (const { operations, protections } of [off, none]) {
      expect(kindsOf(operations)).toBeUndefined();
      expect(protections).not.toContain('namespaces');
    }
    const rest = plan('auto').operations.filter(({ op }) => op !== 'namespaces');
    expect(rest).toEqual(off.operations);
    expect(none.operations).toEqual(off.operations);
  });

  it('are a reason to refuse where they are required and not there', () => {
    expect(plan('require').protections).toContain('namespaces');
    expect(() => plan('require', { host: HOST })).toThrow(PaddockError);
    const listed = effective({ isolation: { namespaces: 'auto' }, require: ['namespaces'] });
    expect(() => plan('auto', { host: HOST, effective: listed })).toThrow(/lacks/);
    expect(plan('require', { host: HOST, allowDegraded: true }).missing).toEqual(['namespaces']);
  });

  it('hold signals where neither Landlock nor a supervisor does', () => {
    const poor = { landlockAbi: 5, seccompNotify: false };
    const effectivePolicy = effective({ isolation: { namespaces: 'auto' }, require: [] });
    expect(() => plan('auto', { host: { ...HOST, ...poor }, effective: effectivePolicy })).toThrow(/lacks/);
    expect(plan('auto', { host: { ...ABLE, ...poor }, effective: effectivePolicy }).missing).toEqual([]);
  });
});
