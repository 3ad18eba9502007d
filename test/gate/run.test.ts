import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeOperations, type Operation } from '../../src/launch/operations.ts';
import {
  gateProgram,
  hasCompiler,
  isAlive,
  isNamespaced,
  plan,
  program,
  type RunningGate,
  runGate,
  scratchDirectory,
  shell,
  until,
} from './harness.ts';

const onLinux = process.platform === 'linux' && hasCompiler;

describe.runIf(onLinux)('paddock-gate runs a program', () => {
  it('with its streams, arguments, environment and exit code', async () => {
    const run = await runGate({
      operations: plan({
        argv: ['sh', '-c', 'read line; echo "$line|$1|$A|$B"; echo err >&2; exit 7', 'sh', 'a b'],
        env: ['A=1 2', 'B=ö'],
      }),
      input: 'in\n',
    });
    expect(run.stdout).toBe('in|a b|1 2|\xc3\xb6\n');
    expect(run.stderr).toBe('err\n');
    expect(run.code).toBe(0);
    expect(run.events.map(({ event }) => event)).toEqual(['started', 'exited', 'finished']);
    expect(run.exit).toBe(7);
  });

  it('and refuses a stream that could send to any address', () => {
    const folder = scratchDirectory();
    writeFileSync(join(folder, 'operations'), encodeOperations(shell('echo ran >&2')));
    const descriptors = '3<operations 4>events 5</dev/null 6</bin/sh';
    // Port 9 discards; nobody need be there for a socket to be connected to it.
    for (const streams of ['>/dev/udp/127.0.0.1/9', '</dev/udp/127.0.0.1/9']) {
      const run = spawnSync('bash', ['-c', `exec "$0" ${descriptors} ${streams}`, gateProgram()], {
        cwd: folder,
        encoding: 'utf8',
      });
      expect(run.error).toBeUndefined();
      expect(run.stderr).toBe('');
      expect(run.status).toBe(125);
      expect(readFileSync(join(folder, 'events'), 'utf8')).toContain('socket that can send to any address');
    }
  });

  it('and says by which signal it ended', async () => {
    const run = await runGate({ operations: shell('kill -SEGV $$') });
    expect(run.events).toContainEqual(expect.objectContaining({ event: 'exited', signal: 11 }));
  });

  it('in its directory, with its mask and its limits', async () => {
    const directory = scratchDirectory();
    const child: Operation[] = [
      { op: 'chdir', path: directory },
      { op: 'umask', mask: 0o27 },
      { op: 'rlimit', resource: 7, soft: 33n, hard: 44n },
      { op: 'rlimit', resource: 4, soft: 0n, hard: 0n },
    ];
    const run = await runGate({
      operations: shell('pwd; umask; ulimit -n; ulimit -Hn; ulimit -c', { child }),
    });
    expect(run.stdout).toBe(`${directory}\n0027\n33\n44\n0\n`);
  });

  it('with no descriptor of its own left over', async () => {
    const run = await runGate({
      operations: shell('exec ls -l /proc/self/fd | sed "s/.* \\([0-9]* ->\\)/\\1/"'),
    });
    // ls itself holds 3: the directory.
    expect(run.stdout.match(/^\d+ ->/gm)).toEqual(['0 ->', '1 ->', '2 ->', '3 ->']);
    expect(run.stdout).toMatch(/^3 -> \/proc\/\d+\/fd$/m);
  });

  it('with descriptors placed anywhere, also onto each other', async () => {
    const child: Operation[] = [
      { op: 'place', from: { fd: 1 }, to: 2 },
      { op: 'place', from: { fd: 2 }, to: 1 },
      { op: 'place', from: { fd: 6 }, to: 5 },
      { op: 'place', from: { fd: 6 }, to: 6 },
    ];
    const run = await runGate({
      operations: shell('echo out; echo err >&2; (ls /proc/$$/fd >&2)', { child }),
    });

    expect(run.stdout.startsWith('err\n')).toBe(true);
    expect(run.stderr).toBe('out\n');
    expect(run.stdout).toBe('err\n0\n1\n2\n5\n6\n');
  });

  it('from a sealed copy in memory', async () => {
    const content = readFileSync('/bin/cat');
    const run = await runGate({
      operations: [
        { op: 'memfd', slot: 3, name: 'loader', content },
        { op: 'fork' },
        { op: 'place', from: { slot: 3 }, to: 9 },
        { op: 'argument', value: 'cat' },
        { op: 'argument', value: '/proc/self/maps' },
        { op: 'exec', program: { slot: 3 } },
      ],
    });
    expect(run.stdout).toContain('/memfd:loader (deleted)');
    expect(run.exit).toBe(0);
  });

  it('and nobody can write to that copy', async () => {
    const file = program(`
      #include <fcntl.h>
      #include <stdio.h>
      #include <unistd.h>
      int main(void) {
        printf("%d ", fcntl(9, F_GET_SEALS) & 15);
        printf("%d ", (int)write(9, "x", 1));
        printf("%d\\n", open("/proc/self/fd/9", O_WRONLY) >= 0 ? (int)write(open("/proc/self/fd/9", O_WRONLY), "x", 1) : -1);
      }`);
    const run = await runGate({
      file,
      operations: plan({
        supervisor: [{ op: 'memfd', slot: 0, name: 'm', content: Buffer.from('abc') }],
        child: [{ op: 'place', from: { slot: 0 }, to: 9 }],
      }),
    });
    expect(run.stdout).toBe('15 -1 -1\n');
  });

  it('with default signals and an empty mask', async () => {
    const run = await runGate({ operations: shell('grep -E "^Sig(Blk|Ign)" /proc/self/status') });
    expect(run.stdout).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
  });

  it('without any capability', async () => {
    const child: Operation[] = [{ op: 'drop-capabilities' }, { op: 'no-new-privileges' }];
    const run = await runGate({
      operations: shell('grep -E "^Cap(Inh|Prm|Eff|Amb)|NoNew" /proc/self/status', { child }),
    });
    expect(run.stdout.match(/0{16}/g)).toHaveLength(4);
    expect(run.stdout).toContain('NoNewPrivs:\t1');
  });

  it.runIf(process.getuid?.() === 0)('and with an empty bounding set, as root', async () => {
    const child: Operation[] = [{ op: 'drop-capabilities' }];
    const run = await runGate({ operations: shell('grep CapBnd /proc/self/status', { child }) });
    expect(run.stdout).toBe('CapBnd:\t0000000000000000\n');
  });
});

describe.runIf(onLinux)('paddock-gate starts nothing', () => {
  it.each<[string, Operation, number, string]>([
    ['chdir', { op: 'chdir', path: '/no/such/place' }, 2, '/no/such/place'],
    ['join', { op: 'join', path: '/no/such/cgroup.procs' }, 2, '/no/such/cgroup.procs'],
    ['rlimit', { op: 'rlimit', resource: 99, soft: 0n, hard: 0n }, 22, ''],
  ])('when %s fails', async (operation, failing, errno, detail) => {
    const run = await runGate({ operations: shell('echo ran', { child: [failing] }) });
    expect(run.events.map(({ event }) => event)).toEqual(['failed', 'finished']);
    expect(run.events[0]).toMatchObject({ operation, errno, detail });
    expect(run.code).toBe(125);
    expect(run.stdout).toBe('');
  });

  it('when the file is not executable', async () => {
    const run = await runGate({ file: '/etc/passwd', operations: plan() });
    expect(run.events[0]).toMatchObject({ event: 'failed', operation: 'exec', errno: 13 });
  });

  it('when the child is killed before its exec', async () => {
    // A filter that kills on execveat: what the kernel does to a child in the middle of its set-up.
    const kill = Buffer.from(
      '2000000000000000' + '1500000142010000' + '0600000000000080' + '060000000000ff7f',
      'hex',
    );
    const child: Operation[] = [{ op: 'no-new-privileges' }, { op: 'seccomp', program: kill }];
    const run = await runGate({ operations: shell('echo ran', { child }) });
    expect(run.events[0]).toMatchObject({ event: 'failed', operation: 'exec', errno: 125 });
    expect(run.stdout).toBe('');
  });

  it('without the descriptors that it needs', async () => {
    const { spawnSync } = await import('node:child_process');
    const { gateProgram } = await import('./harness.ts');
    const bare = spawnSync(gateProgram(), [], { encoding: 'utf8' });
    expect(bare.status).toBe(2);
    expect(bare.stderr).toContain('usage:');
    expect(spawnSync(gateProgram(), ['--what']).status).toBe(2);
  });
});

describe.runIf(onLinux)('paddock-gate ends the whole tree', () => {
  // It tells process numbers, which are others inside.
  it.skipIf(isNamespaced())(
    'when the main program ends: double fork, setsid and a stopped process',
    async () => {
      const directory = scratchDirectory();
      const run = await runGate({
        operations: shell(
          `cd ${directory}
         (setsid sh -c 'echo $$ > a; trap "" TERM HUP; sleep 1000' &) &
         (sh -c 'echo $$ > b; kill -STOP $$' &) &
         while [ ! -s a ] || [ ! -s b ]; do :; done; exit 3`,
        ),
      });
      expect(run.exit).toBe(3);
      const last = run.events.at(-1);
      expect(last).toMatchObject({ event: 'finished' });
      expect(last?.event === 'finished' && last.killed >= 2).toBe(true);
      for (const name of ['a', 'b'])
        expect(isAlive(Number(readFileSync(join(directory, name), 'latin1')))).toBe(false);
    },
  );

  it('at the command, and when the control pipe closes', async () => {
    for (const end of ['kill', 'leave'] as const) {
      const run = await runGate({
        operations: shell('sleep 1000 & sleep 1000'),
        onEvent: (event, gate) => {
          if (event.event === 'started') end === 'kill' ? gate.send('kill') : gate.leave();
        },
      });
      expect(run.events.at(-2)).toMatchObject({ event: 'exited', signal: 9 });
      expect(run.code).toBe(0);
    }
  });

  it('before it began, when the launcher is gone', async () => {
    const run = await runGate({ operations: shell('echo ran; sleep 1000'), onStart: (gate) => gate.leave() });
    expect(run.code === 125 || run.events.some(({ event }) => event === 'started')).toBe(true);
    expect(run.events.at(-1)).toMatchObject({ event: 'finished' });
  });

  it('and the main program dies with a killed gate', async () => {
    const directory = scratchDirectory();
    const file = join(directory, 'pid');
    let child = 0;
    const run = await runGate({
      operations: shell(`echo $$ > ${file}; exec sleep 1000`, {
        child: [{ op: 'drop-capabilities' }, { op: 'no-new-privileges' }], // neither clears the death signal
      }),
      stdio: ['ignore', 'ignore', 'ignore'],
      onEvent: (event, gate) => {
        if (event.event !== 'started') return;
        child = event.child;
        process.kill(gate.pid, 'SIGKILL');
      },
    });
    expect(run.signal).toBe('SIGKILL');
    expect(await until(() => !isAlive(child))).toBe(true);
  });

  it('against a process that forks as fast as it can', async () => {
    const file = program(`
      #include <signal.h>
      #include <unistd.h>
      int main(void) {
        signal(SIGCHLD, SIG_IGN);
        for (int i = 0; i < 4; i++) if (fork() == 0) for (;;) { pid_t child = fork(); if (child > 0) _exit(0); }
        usleep(50000);
        return 9;
      }`);
    const run = await runGate({ file, operations: plan() });
    expect(run.exit).toBe(9);
    expect(run.events.at(-1)).toMatchObject({ event: 'finished' });
    expect(run.events.find(({ event }) => event === 'failed')).toBeUndefined();
  });

  describe.each([
    ['v2', '/sys/fs/cgroup', 'cgroup.kill'],
    ['v2', '/sys/fs/cgroup/unified', 'cgroup.kill'],
    ['v1-freezer', '/sys/fs/cgroup/freezer', 'freezer.state'],
  ] as const)('through a cgroup of kind %s in %s', (kind, parent, file) => {
    const path = join(parent, `gate-test-${process.pid}`);
    const usable = canMakeCgroup(path, file);
    const options = {
      supervisor: [{ op: 'cgroup', kind, path }],
      child: [{ op: 'join', path: join(path, 'cgroup.procs') }],
    } as const;

    it.runIf(usable)('also while it is frozen, and removes the directory', async () => {
      const directory = scratchDirectory();
      const counter = join(directory, 'n');
      mkdirSync(path);
      let frozen: string | undefined;
      const run = await runGate({
        operations: shell(
          `(setsid sleep 1000 &) & (sleep 1000 &) & while :; do i=$((i+1)); echo $i > ${counter}; done`,
          options,
        ),
        onEvent: (event, gate) => {
          if (event.event === 'started') void freeze(gate);
          if (event.event === 'exited') {
            expect(statSync(path).isDirectory()).toBe(true); // still there for a last look
            gate.send('drained');
          }
        },
      });
      async function freeze(gate: RunningGate): Promise<void> {
        await until(() => existsSync(counter));
        gate.send('freeze');
        const state = kind === 'v2' ? 'cgroup.events' : 'freezer.state';
        const readState = (): string => {
          frozen = readFileSync(join(path, state), 'latin1');
          return frozen;
        };
        await until(() => /frozen 1|FROZEN/.test(readState()));
        gate.send('kill');
      }
      expect(frozen).toMatch(/frozen 1|FROZEN/);
      expect(run.events.at(-2)).toMatchObject({ event: 'exited', signal: 9 });
      expect(run.events.at(-1)).toMatchObject({ event: 'finished' });
      expect(run.code).toBe(0);
      expect(existsSync(path)).toBe(false);
    });
  });
});

/** False where there is no such hierarchy, or this user may not write to it. */
function canMakeCgroup(path: string, file: string): boolean {
  try {
    mkdirSync(path);
  } catch {
    return false; // ENOENT, EROFS, EACCES: the test is skipped, and says so
  }
  const usable = existsSync(join(path, file)); // on a hybrid host /sys/fs/cgroup is an ordinary directory
  rmdirSync(path);
  return usable;
}
