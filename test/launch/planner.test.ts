import { describe, expect, it } from 'vitest';
import { NET } from '../../src/launch/landlock.ts';
import type { LaunchInput } from '../../src/launch/launch-input.ts';
import { usesNetwork } from '../../src/launch/network.ts';
import { encodeOperations, OPCODES, type Operation } from '../../src/launch/operations.ts';
import { planLaunch } from '../../src/launch/planner.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import { effective, fakePaths, HOST } from './fixtures.ts';

const DIRECTORIES = { root: '/run/p', home: '/run/p/home', tmp: '/run/p/tmp', work: '/run/p/work' };
const PATHS = fakePaths(
  ['/run/p/home/', '/run/p/tmp/', '/run/p/work/', '/dev/null', '/usr/', '/bin/sh', '/proc/self/'],
  {
    '/bin/sh': '/usr/bin/dash',
  },
);

function plan(more: Partial<LaunchInput> = {}) {
  return planLaunch({
    id: 'id1',
    file: '/home/u/m.llamafile',
    argv0: './m.llamafile',
    effective: effective(),
    host: HOST,
    start: { form: 'ape', loader: new Uint8Array([0x7f, 0x45]), sha256: 'ab' },
    still: { how: 'lease', why: 'of the test' },
    held: [],
    arguments: {
      ...{ args: ['-p', 'hi'], line: [], reads: ['/home/u/prompt'] },
      ...{ network: { mode: 'none' }, warnings: [] },
    },
    environment: { LANG: 'C', SECRET: 'x' },
    home: '/home/u',
    directories: DIRECTORIES,
    own: ['/home/u/.local/state/paddock', '/opt/paddock'],
    streams: 'pipes',
    reopen: [],
    allowDegraded: false,
    cards: [],
    paths: PATHS,
    ...more,
  });
}

const names = (operations: readonly Operation[]): string[] => [...new Set(operations.map((one) => one.op))];
const only = <Name extends Operation['op']>(operations: readonly Operation[], name: Name) =>
  operations.filter((one): one is Extract<Operation, { op: Name }> => one.op === name);

const SERVE: LaunchInput['arguments'] = {
  args: ['--server'],
  line: [],
  reads: [],
  network: {
    mode: 'serve',
    address: '127.0.0.1',
    port: 9000,
    binds: [{ family: 2, bytes: Uint8Array.of(127, 0, 0, 1), loopback: true }],
  },
  warnings: [],
};

describe('what the policy lists to connect to', () => {
  const listed = (connect: readonly string[], more = {}) =>
    plan({ effective: effective({ network: { connect } }), ...more });

  it('is for the gate alone: Landlock opens no port for it', () => {
    for (const more of [{}, { arguments: SERVE }]) {
      const { operations, network } = listed(['10.0.0.5:443', 'localhost:8080'], more);
      expect(only(operations, 'allow-connect')).toEqual([
        { op: 'allow-connect', family: 2, port: 443, address: Uint8Array.of(10, 0, 0, 5) },
        { op: 'allow-connect', family: 2, port: 8080, address: Uint8Array.of(127, 0, 0, 1) },
        { op: 'allow-connect', family: 10, port: 8080, address: Uint8Array.of(...Array(15).fill(0), 1) },
      ]);
      expect(only(operations, 'landlock-port').map(({ access }) => access)).toEqual(
        'arguments' in more ? [NET.bindTcp] : [],
      );
      expect(network.connect).toEqual(['10.0.0.5:443', 'localhost:8080']);
    }
  });

  it('is refused where it could do nothing, or cannot be understood', () => {
    const host = { ...HOST, seccompNotify: false };
    const requires = { network: { connect: ['10.0.0.5:443'] }, require: [] };
    expect(() => plan({ host, effective: effective(requires) })).toThrow(
      expect.objectContaining({ code: 'host-lacks' }),
    );
    for (const connect of [['example.org:443'], Array.from({ length: 65 }, (_, i) => `10.0.0.5:${i + 1}`)])
      expect(() => listed(connect)).toThrow(expect.objectContaining({ code: 'refused' }));
  });

  it('needs the network of the host, as serving does', () => {
    expect(usesNetwork({ mode: 'none' }, { connect: [] })).toBe(false);
    expect(usesNetwork({ mode: 'none' }, { connect: ['10.0.0.5:443'] })).toBe(true);
    expect(usesNetwork({ mode: 'serve' }, { connect: [] })).toBe(true);
  });
});

describe('planLaunch', () => {
  it('raises the fence in the order that the kernel demands', () => {
    expect(names(plan().operations)).toEqual([
      'subreaper',
      'memfd',
      'cgroup',
      'answer',
      'grant',
      'event-rate',
      'fork',
      'death-signal',
      'rlimit',
      'join',
      'chdir',
      'umask',
      'drop-capabilities',
      'no-new-privileges',
      'landlock-create',
      'landlock-path',
      'landlock-descriptor',
      'place',
      'close-from',
      'environment',
      'argument',
      'signals',
      'landlock-restrict',
      'seccomp-notify',
      'exec',
    ]);
  });

  it('can be written for the gate, supervisor operations first', () => {
    for (const form of [
      plan(),
      plan({ start: { form: 'elf' } }),
      plan({ arguments: SERVE, streams: 'terminal' }),
    ]) {
      const codes = form.operations.map((one) => OPCODES[one.op]);
      const fork = codes.indexOf(OPCODES.fork);
      expect(codes.slice(0, fork).every((code) => code < OPCODES.fork)).toBe(true);
      expect(codes.slice(fork + 1).every((code) => code > OPCODES.fork)).toBe(true);
      expect(encodeOperations(form.operations).length).toBeLessThan(1 << 16);
    }
  });

  it('starts an APE through its loader, and an ELF by descriptor', () => {
    const ape = plan();
    expect(only(ape.operations, 'argument').map((one) => one.value)).toEqual([
      './m.llamafile',
      '/proc/self/fd/9',
      '-p',
      'hi',
    ]);
    expect(only(ape.operations, 'exec')).toEqual([{ op: 'exec', program: { slot: 0 } }]);
    expect(only(ape.operations, 'place')).toEqual([{ op: 'place', from: { fd: 6 }, to: 9 }]);
    expect(only(ape.operations, 'landlock-descriptor')).toEqual([
      { op: 'landlock-descriptor', access: 4n, fd: 6 },
    ]);
    expect(ape.loader).toEqual({ sha256: 'ab', size: 2 });

    for (const elf of [
      plan({ start: { form: 'elf' } }),
      plan({ start: { form: 'copy', path: '/run/p/program' } }),
    ]) {
      expect(only(elf.operations, 'argument').map((one) => one.value)).toEqual(['./m.llamafile', '-p', 'hi']);
      expect(only(elf.operations, 'exec')).toEqual([{ op: 'exec', program: { fd: 6 } }]);
      expect(only(elf.operations, 'place')).toEqual([]);
      expect(only(elf.operations, 'landlock-descriptor')).toEqual([
        { op: 'landlock-descriptor', access: 5n, fd: 6 },
      ]);
    }
    expect(plan({ start: { form: 'copy', path: '/run/p/program' } }).copied).toBe(true);
  });

  it('opens exactly one port for a server, and none else', () => {
    const serve = plan({ arguments: SERVE });
    expect(only(serve.operations, 'allow-bind')).toEqual([
      { op: 'allow-bind', family: 2, port: 9000, address: Uint8Array.of(127, 0, 0, 1) },
    ]);
    expect(only(serve.operations, 'landlock-port')).toEqual([
      { op: 'landlock-port', access: 1n, port: 9000 },
    ]);
    expect(only(plan().operations, 'allow-bind')).toEqual([]);
    expect(only(plan().operations, 'allow-connect')).toEqual([]);
    expect(only(plan().operations, 'landlock-port')).toEqual([]);
    expect(serve.network).toEqual({ mode: 'serve', address: '127.0.0.1', port: 9000 });
  });

  it('passes no variable that the policy does not name', () => {
    const entries = only(plan().operations, 'environment').map((one) => one.entry);
    expect(entries).toContain('LANG=C');
    expect(entries.join('\n')).not.toContain('SECRET');
    expect(entries).toContain('HOME=/run/p/home');
  });

  it('grants nothing of the user beside what was named', () => {
    const granted = only(plan().operations, 'grant').map((one) => one.path);
    expect(granted).toContain('/home/u/prompt');
    for (const path of granted) {
      expect(path).toMatch(
        /^\/(proc|sys|dev|run\/p|usr\/share\/zoneinfo|etc\/localtime|home\/u\/(prompt|m\.llamafile)$)/,
      );
    }
    expect(granted).not.toContain('/run/p');
    expect(granted).not.toContain('/home/u');
  });

  it('names both a link and what it leads to, for reports', () => {
    const sh = plan({ effective: effective({ files: { execute: ['/bin/sh'], read: ['~/data/'] } }) });
    const grants = only(sh.operations, 'grant');
    expect(grants).toContainEqual({ op: 'grant', rights: 5, path: '/bin/sh' });
    expect(grants.find((one) => one.path === '/home/u/data')?.rights).toBe(1);
    expect(only(sh.operations, 'environment').map((one) => one.entry)).toContain(
      'PATH=/usr/local/bin:/usr/bin:/bin',
    );
  });

  it('gives a terminal of its own the ioctls that it needs, and only then', () => {
    const terminal = plan({ streams: 'terminal' });
    expect(names(terminal.operations)).toContain('terminal');
    expect(only(terminal.operations, 'landlock-descriptor')).toContainEqual({
      op: 'landlock-descriptor',
      access: 0b1100_0000_0000_0110n,
      fd: 0,
    });
    expect(names(plan().operations)).not.toContain('terminal');
    expect(only(plan({ reopen: [0, 1] }).operations, 'landlock-descriptor').slice(1)).toEqual([
      { op: 'landlock-descriptor', access: 4n, fd: 0 },
      { op: 'landlock-descriptor', access: 0b100_0000_0000_0010n, fd: 1 },
    ]);
  });

  it.each(['/', '/proc', '/proc/self', '/sys', '/sys/fs/cgroup', '/sys/fs/cgroup/x', '/tmp/../sys'])(
    'never grants writing to %s',
    (path) => {
      expect(() => plan({ effective: effective({ files: { write: [path] } }) })).toThrow(
        /kernel is administered/,
      );
    },
  );

  it.each(['/run', '/run/p', '/tmp-link'])(
    'never grants writing around the private folders by %s',
    (path) => {
      const paths = { ...PATHS, real: (one: string) => (one === '/tmp-link' ? '/run' : one) };
      expect(() => plan({ effective: effective({ files: { write: [path] } }), paths })).toThrow(
        /private folders of sessions/,
      );
    },
  );

  it.each<[string, Partial<LaunchInput['effective']['policy']['files']>, string[]]>([
    ['named by the user', { write: ['/w'] }, ['/w/prompt']],
    ['named by the user, through a folder', { write: ['/w'] }, ['/w/folder/key']],
    ['granted for reading', { write: ['/w'], read: ['/w/prompt'] }, []],
    ['granted for writing', { write: ['/w', '/w/prompt'] }, []],
    ['granted for executing', { write: ['/w'], execute: ['/w/prompt'] }, []],
  ])('does not follow a link that a program may have made, %s', (_, files, reads) => {
    const links: Record<string, string> = {
      '/w/prompt': '/home/u/.ssh/key',
      '/w/folder': '/home/u/.ssh',
      '/w/folder/key': '/home/u/.ssh/key',
      '/w/good': '/w/other',
    };
    const paths = { ...PATHS, real: (path: string) => links[path] ?? path };
    const attempt = (more: readonly string[]) =>
      plan({ effective: effective({ files }), arguments: { ...plain, reads: more }, paths });
    const plain = { args: [], line: [], network: { mode: 'none' }, warnings: [] } as const;
    expect(() => attempt(reads)).toThrow(/leads out of it/);
    links['/w/prompt'] = '/w/prompt';
    if (!reads.includes('/w/folder/key')) expect(() => attempt([...reads, '/w/good'])).not.toThrow();
  });

  it.each([
    '/home/u',
    '/home/u/.local/state/paddock/sessions',
    '/opt',
    '/opt/paddock/dist',
    '~',
    '/var/link',
  ])('never grants writing to paddock’s own folders by %s', (path) => {
    const paths = {
      ...PATHS,
      real: (one: string) => (one === '/var/link' ? '/opt/paddock' : PATHS.real(one)),
    };
    expect(() => plan({ paths, effective: effective({ files: { write: [path] } }) })).toThrow(
      /paddock keeps/,
    );
  });

  it('grants writing beside them', () => {
    expect(() =>
      plan({ effective: effective({ files: { write: ['/home/u/out', '/opt/paddocks'] } }) }),
    ).not.toThrow();
  });

  it('demands absolute paths', () => {
    expect(() => plan({ effective: effective({ files: { read: ['data'] } }) })).toThrow(/not absolute/);
  });
});

describe('what the host lacks', () => {
  const without = { ...HOST, landlockAbi: 0, seccompNotify: false };

  it('is a refusal that names each protection and its effect', () => {
    try {
      plan({ host: without });
      expect.unreachable();
    } catch (cause) {
      expect((cause as PaddockError).code).toBe('host-lacks');
      const text = (cause as PaddockError).explain();
      expect(text).toContain('seccomp-notify');
      expect(text).toContain('landlock-files');
      expect(text).toContain('every file that you can');
      expect(text).toContain('--allow-degraded');
    }
  });

  it('is recorded with --allow-degraded, and the filter then denies by itself', () => {
    const degraded = plan({ host: without, allowDegraded: true });
    expect(degraded.missing).toEqual(['seccomp-notify', 'landlock-files', 'landlock-scope']);
    expect(degraded.protections).toEqual(['no-new-privileges', 'seccomp', 'limits-session']);
    const all = names(degraded.operations);
    expect(all).toContain('seccomp');
    for (const name of ['seccomp-notify', 'answer', 'landlock-create', 'landlock-restrict'] as const) {
      expect(all).not.toContain(name);
    }
  });

  it('is no refusal where the policy does not require it', () => {
    const host = { ...HOST, landlockAbi: 4, cgroup: { kind: 'none', parents: {}, controllers: [] } as const };
    const old = plan({ host });
    expect(old.missing).toEqual([]);
    expect(old.protections).not.toContain('landlock-scope');
    expect(old.protections).not.toContain('limits-session');
    const strict = effective({ require: ['landlock-scope', 'limits-session'] });
    expect(() => plan({ host, effective: strict })).toThrow(PaddockError);
  });

  it('holds files at ABI 1 with seccomp only', () => {
    expect(plan({ host: { ...HOST, landlockAbi: 1 } }).protections).toContain('landlock-files');
  });

  it('refuses on a machine whose calls it does not know', () => {
    expect(() => plan({ host: { ...HOST, architecture: 'other' }, allowDegraded: true })).toThrow(
      /kind of machine/,
    );
  });

  it('says when the limit on CPUs is not in force', () => {
    const host = { ...HOST, cgroup: { ...HOST.cgroup, controllers: ['memory', 'pids'] } };
    expect(plan({ host, effective: effective({ limits: { cpus: 2 } }) }).warnings.join()).toMatch(/CPUs/);
  });
});

describe('limits of each process', () => {
  const limit = (operations: readonly Operation[], resource: number) =>
    only(operations, 'rlimit').find((one) => one.resource === resource)?.hard;

  it('are those of the policy, never above the caller’s own', () => {
    const { operations } = plan();
    expect([4, 7, 1, 12, 14].map((resource) => limit(operations, resource))).toEqual([
      1n, // not 0: see limits.ts
      256n,
      1n << 20n,
      0n,
      0n,
    ]);
    expect(limit(plan({ host: { ...HOST, hardLimits: { 7: 100n } } }).operations, 7)).toBe(100n);
  });

  it('stand in for control groups', () => {
    const { operations } = plan();
    expect([limit(operations, 2), limit(operations, 6)]).toEqual([undefined, undefined]);
    const host = { ...HOST, userTasks: 300, cgroup: { kind: 'none', parents: {}, controllers: [] } as const };
    const fallback = plan({ host }).operations;
    expect([limit(fallback, 2), limit(fallback, 6)]).toEqual([1n << 30n, 364n]);
  });
});
