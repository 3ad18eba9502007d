import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeOperations, type NamespaceKind, type Operation } from '../../src/launch/operations.ts';
import {
  gateProgram,
  hasCompiler,
  isRoot,
  notified,
  type PlanOptions,
  plan,
  processesWith,
  program,
  type RunOptions,
  runGate,
  scratchDirectory,
  shell,
  until,
} from './harness.ts';

const ALL: readonly NamespaceKind[] = ['user', 'mount', 'process', 'ipc', 'name', 'network'];
const { namespaces: possible } =
  process.platform === 'linux' && hasCompiler
    ? (JSON.parse(spawnSync(gateProgram(), ['--probe'], { encoding: 'utf8' }).stdout) as {
        namespaces: boolean;
      })
    : { namespaces: false };

const enter = (kinds: readonly NamespaceKind[] = ALL): Operation[] => [
  { op: 'namespaces', kinds },
  { op: 'drop-capabilities' },
];
const inside = (options: PlanOptions = {}): PlanOptions => ({
  ...options,
  child: [...enter(), ...(options.child ?? [])],
});
/** A number that no other process on the machine waits for. */
const marker = (name: string): string => `7${process.pid}.${name.length}${name.charCodeAt(0)}`;

/** As the own user, and as a plain one where the own one is root. */
const users: readonly (readonly [string, Pick<RunOptions, 'uid'>])[] = [
  ['the own user', {}],
  ...(isRoot ? [['a plain user', { uid: 65534 }] as const] : []),
];

describe.runIf(possible).each(users)('in namespaces of its own a program of %s', (_, as) => {
  it('is who it was, and not the first process', async () => {
    const who = 'id -u; id -g; pwd; umask; ulimit -n; echo $$; readlink /proc/self/exe >/dev/null; exit 7';
    const child: Operation[] = [{ op: 'rlimit', resource: 7, soft: 33n, hard: 44n }];
    const bare = await runGate({ ...as, operations: shell(who, { child }) });
    const fenced = await runGate({ ...as, operations: shell(who, { child: [...child, ...enter()] }) });
    const lines = (text: string): string[] => text.split('\n').slice(0, 5);
    expect(lines(fenced.stdout)).toEqual(lines(bare.stdout));
    expect(fenced.stdout.split('\n')[5]).toBe('2');
    expect(fenced.stderr).toBe('');
    expect(fenced.exit).toBe(7);
    expect(fenced.events.map(({ event }) => event)).toEqual(['started', 'exited', 'finished']);
    expect(fenced.events.at(-1)).toMatchObject({ killed: 0 });
  });

  it('has no capability, and sees its own processes and no network', async () => {
    const script =
      'grep -E "^Cap" /proc/self/status; echo /proc/[0-9]*; tail -n +3 /proc/net/dev | cut -d: -f1; cat /proc/self/uid_map /proc/self/setgroups; ls -l /proc/self/fd | wc -l';
    const run = await runGate({ ...as, operations: shell(script, inside()) });
    expect(run.stdout.match(/^Cap\w+:\t0{16}$/gm)).toHaveLength(5);
    expect(run.stdout).toMatch(/^\/proc\/1 \/proc\/2$/m);
    const uid = as.uid ?? process.getuid?.() ?? 0;
    expect(run.stdout).toMatch(new RegExp(`^ +lo\\n +${uid} +${uid} +1\\ndeny\\n5$`, 'm'));
  });

  it('does not reach a listener on the loopback, nor an abstract socket', async () => {
    const file = program(`
      #include <arpa/inet.h>
      #include <errno.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include <sys/socket.h>
      #include <sys/un.h>
      int main(int argc, char **argv) {
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        inet_pton(AF_INET, "127.0.0.1", &four.sin_addr);
        int length = snprintf(name.sun_path + 1, 90, "%s", argv[2]);
        int tcp = connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&four, sizeof four), why = errno;
        /* Node pads the name with zeros, or does not: it depends on its version. */
        int unix = connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof(sa_family_t) + 1 + length);
        if (unix < 0) unix = connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, sizeof name);
        printf("%d %d %d %d\\n", tcp, tcp < 0 ? why : 0, unix, unix < 0 ? errno : 0);
        return argc - 3;
      }`);
    const name = `gate-test-${process.pid}`;
    const servers = [createServer(), createServer()] as const;
    await new Promise<void>((resolve) => servers[0].listen(0, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => servers[1].listen({ path: `\0${name}` }, resolve));
    const address = servers[0].address();
    const argv = ['x', String(typeof address === 'object' ? address?.port : 0), name];
    const bare = await runGate({ ...as, file, operations: plan({ argv }) });
    const fenced = await runGate({ ...as, file, operations: plan(inside({ argv })) });
    for (const server of servers) server.close();
    expect(bare.stdout).toBe('0 0 0 0\n');
    expect(fenced.stdout).toBe('-1 101 -1 111\n'); // ENETUNREACH, ECONNREFUSED
  });

  it('cannot end or stop its init, whatever signal it sends', async () => {
    const script =
      'i=1; while [ $i -le 64 ]; do kill -$i 1; i=$((i+1)); done 2>/dev/null; (exit 0) & wait; exit 4';
    const run = await runGate({ ...as, operations: shell(script, inside()) });
    expect(run.exit).toBe(4);
    expect(run.events.map(({ event }) => event)).toEqual(['started', 'exited', 'finished']);
  });

  it('gets no hand on its init, nor through it out of the namespace', async () => {
    const script =
      'for f in root cwd exe fd/0 environ maps mem ns/pid ns/user; do (cat /proc/1/$f || readlink /proc/1/$f) >/dev/null 2>&1 && echo $f; done; echo done';
    const run = await runGate({ ...as, operations: shell(script, inside()) });
    expect(run.stdout).toBe('done\n');
  });

  it.each([
    ['a signal with no handler', 'echo ready; exec sleep 1000', 'signal 2', { event: 'exited', signal: 2 }],
    [
      'a signal with one',
      'trap "exit 5" TERM; echo ready; while :; do sleep 0.01; done',
      'signal 15',
      { event: 'exited', code: 5 },
    ],
    ['the end', 'echo ready; sleep 1000', 'kill', { event: 'exited', signal: 9 }],
  ] as const)('gets %s', async (_, script, command, end) => {
    const run = await runGate({
      ...as,
      operations: shell(script, inside()),
      onStart: (gate) => void until(() => gate.stdout().includes('ready')).then(() => gate.send(command)),
    });
    expect(run.events.at(-2)).toMatchObject(end);
  });

  it('is told of when it ends at once, many times side by side', async () => {
    const runs = Array.from({ length: 24 }, () =>
      runGate({ ...as, operations: shell('kill -11 $$', inside()) }),
    );
    for (const run of await Promise.all(runs))
      expect(run.events.map(({ event }) => event)).toEqual(['started', 'exited', 'finished']);
  });

  it('aborts, faults and stops like any other', async () => {
    for (const signal of [6, 11, 3]) {
      const run = await runGate({ ...as, operations: shell(`kill -${signal} $$`, inside()) });
      expect(run.events.at(-2)).toMatchObject({ event: 'exited', signal });
    }
    const run = await runGate({
      ...as,
      operations: shell('kill -STOP $$; exit 4', inside()),
      onEvent: (event, gate) => event.event === 'stopped' && gate.send('continue'),
    });
    // An end right behind it takes the place of the word that it goes on.
    const events = run.events.map(({ event }) => event).filter((event) => event !== 'continued');
    expect(events).toEqual(['started', 'stopped', 'exited', 'finished']);
    expect(run.exit).toBe(4);
  });
});

describe.runIf(possible)('the namespace ends as a whole', () => {
  it('with the main program: double fork, setsid and a stopped process', async () => {
    const time = marker('daemons');
    const run = await runGate({
      operations: shell(
        `(setsid sh -c 'trap "" TERM HUP; sleep ${time}' &) & (sh -c 'kill -STOP $$' x${time} &) &
         while ! grep -qs ${time} /proc/*/cmdline || ! grep -qs "^State:.T" /proc/*/status; do :; done; exit 3`,
        inside(),
      ),
    });
    expect(run.exit).toBe(3);
    const last = run.events.at(-1);
    expect(last?.event === 'finished' && last.killed >= 2).toBe(true);
    expect(processesWith(time)).toEqual([]);
  });

  it('when a thousand orphans fork on and on', async () => {
    const file = program(`
      #include <signal.h>
      #include <unistd.h>
      int main(void) {
        signal(SIGCHLD, SIG_IGN);
        for (int i = 0; i < 16; i++) if (fork() == 0) for (;;) { pid_t child = fork(); if (child > 0) _exit(0); }
        usleep(50000);
        return 9;
      }`);
    const run = await runGate({ file, operations: plan(inside({ argv: ['storm', marker('storm')] })) });
    expect(run.exit).toBe(9);
    const last = run.events.at(-1);
    expect(last?.event === 'finished' && last.killed >= 1).toBe(true);
    expect(run.events.find(({ event }) => event === 'failed')).toBeUndefined();
    expect(processesWith(marker('storm'))).toEqual([]);
  });

  it('with a process that is always a younger one, and counts it', async () => {
    const file = program(`
      #include <unistd.h>
      int main(void) {
        if (fork() == 0) for (int i = 0; i < 3000; i++) { if (fork() > 0) _exit(0); usleep(1000); }
        usleep(20000);
      }`);
    const run = await runGate({ file, operations: plan(inside()) });
    const last = run.events.at(-1);
    expect(last?.event === 'finished' && last.killed >= 1).toBe(true);
  });

  it('with a killed gate, daemons too', async () => {
    const time = marker('gate');
    const run = await runGate({
      operations: shell(
        `(setsid sleep ${time} &) & sleep ${time} & while :; do sleep ${time}; done`,
        inside(),
      ),
      stdio: ['ignore', 'ignore', 'ignore'],
      onEvent: (event, gate) => {
        if (event.event !== 'started') return;
        void until(() => processesWith(`sleep\0${time}`).length === 3).then(() =>
          process.kill(gate.pid, 'SIGKILL'),
        );
      },
    });
    expect(run.signal).toBe('SIGKILL');
    expect(await until(() => processesWith(time).length === 0)).toBe(true);
  });

  it('with its init, when somebody outside kills that', async () => {
    const time = marker('init');
    const run = await runGate({
      operations: shell(`(setsid sleep ${time} &) & sleep ${time}`, inside()),
      onEvent: (event, gate) => {
        if (event.event !== 'started') return;
        const children = readFileSync(`/proc/${gate.pid}/task/${gate.pid}/children`, 'latin1');
        const init = children
          .split(' ')
          .map(Number)
          .find((pid) => pid > 0 && pid !== event.child);
        expect(readFileSync(`/proc/${init}/comm`, 'latin1')).toBe('paddock-init\n');
        if (init !== undefined) process.kill(init, 'SIGKILL');
      },
    });
    expect(run.events.at(-2)).toMatchObject({ event: 'exited', signal: 9 });
    expect(processesWith(time)).toEqual([]);
  });

  it('and the host’s mounts are what they were', async () => {
    const before = readFileSync('/proc/self/mountinfo', 'latin1');
    await runGate({ operations: shell('true', inside()) });
    expect(readFileSync('/proc/self/mountinfo', 'latin1')).toBe(before);
  });
});

describe.runIf(possible && process.arch === 'x64')('the supervisor, from outside', () => {
  const call = (nr: number) => [{ nr, answer: 'process', errno: 1, label: 'signal' } as const];

  it('knows processes by their numbers inside, tells them by those of the host', async () => {
    const file = program(`
      #include <errno.h>
      #include <signal.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <unistd.h>
      static void try(int pid) { int r = kill(pid, 0); printf("%d %d\\n", r, r < 0 ? errno : 0); }
      int main(int argc, char **argv) {
        pid_t child = fork();
        if (child == 0) for (;;) pause();
        try(child); try(getpid()); try(1); try(atoi(argv[1])); try(4194303);
        return argc - 2;
      }`);
    const { supervisor, child } = notified(call(62));
    const argv = ['x', String(process.pid)];
    const run = await runGate({ file, operations: plan(inside({ supervisor, child, argv })) });
    expect(run.stdout).toBe('0 0\n0 0\n-1 1\n-1 3\n-1 3\n');
    expect(run.calls.map(({ answer, errno }) => [answer, errno])).toEqual([
      ['denied', 1],
      ['denied', 3],
    ]);
    const started = run.events.find((event) => event.event === 'started');
    expect(started?.event === 'started' && run.calls.every(({ pid }) => pid === started.child)).toBe(true);
  });

  it('understands the program’s own paths below /proc', async () => {
    const file = program(`
      #include <fcntl.h>
      #include <stdio.h>
      #include <unistd.h>
      int main(void) {
        char own[64], other[64];
        snprintf(own, sizeof own, "/proc/%d/status", (int)getpid());
        snprintf(other, sizeof other, "/proc/%d/status", (int)getppid() + 1);
        int fd = open(own, O_RDONLY);
        open("/proc/self/maps", O_RDONLY);
        open("/proc/thread-self/stat", O_RDONLY);
        open("/dev/fd/0", O_RDONLY);
        open(other, O_RDONLY);
        chdir("/proc/self");
        open("stat", O_RDONLY);
        return fd < 0;
      }`);
    const { supervisor, child } = notified(
      [{ nr: 257, answer: 'open', errno: 13, label: 'open' }],
      [{ op: 'grant', rights: 1, path: '/proc/self' }],
    );
    const run = await runGate({ file, operations: plan(inside({ supervisor, child })) });
    expect(run.exit).toBe(0);
    expect(run.calls.map(({ target, granted }) => [target, granted])).toEqual([['/proc/1/status', false]]);
  });
});

describe.runIf(process.platform === 'linux' && hasCompiler)('namespaces are not entered', () => {
  const failure = async (operations: readonly Operation[]) => {
    const run = await runGate({ operations });
    expect(run.stdout).toBe('');
    expect(run.code).toBe(125);
    return run.events.find(({ event }) => event === 'failed');
  };

  it('by halves, twice, late, or with their capabilities left', async () => {
    const ask = (child: Operation[]) => failure(shell('echo ran', { child }));
    const wrong = { event: 'failed', operation: 'namespaces', errno: 71 };
    expect(await ask(enter(['mount', 'process']))).toMatchObject(wrong);
    expect(await ask(enter(['user', 'network']))).toMatchObject(wrong);
    expect(await ask([...enter(), ...enter()])).toMatchObject(wrong);
    expect(await ask([{ op: 'no-new-privileges' }, ...enter()])).toMatchObject(wrong);
    expect(await ask([{ op: 'drop-capabilities' }, { op: 'namespaces', kinds: ALL }])).toMatchObject({
      ...wrong,
      operation: 'exec',
    });
  });

  it('where the kernel gives none: nothing is started, and the step is told', () => {
    const folder = scratchDirectory();
    writeFileSync(join(folder, 'operations'), encodeOperations(shell('echo ran >&2', inside())));
    const events = openSync(join(folder, 'events'), 'w');
    const script = `echo 0 > /proc/sys/user/max_net_namespaces; exec "$0" 3<operations 4>events 5</dev/zero 6</bin/sh`;
    const run = spawnSync('unshare', ['-Ur', 'bash', '-c', script, gateProgram()], {
      cwd: folder,
      encoding: 'utf8',
    });
    closeSync(events);
    const text = readFileSync(join(folder, 'events'), 'utf8');
    if (possible) expect(text).toContain('"detail":"unshare"');
    expect(run.stderr).not.toContain('ran');
  });
});

describe.runIf(possible)('the probe finds out', () => {
  // As AppArmor does it on Ubuntu 24.04: the namespace is given, and what it is needed for is refused.
  it('where a user namespace is made and gives no right to mount', () => {
    const without = program(`
      #include <errno.h>
      #include <linux/filter.h>
      #include <linux/seccomp.h>
      #include <stddef.h>
      #include <sys/prctl.h>
      #include <sys/syscall.h>
      #include <unistd.h>
      int main(int argc, char **argv) {
        struct sock_filter rules[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
        struct sock_fprog all = {4, rules};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) != 0) return 1;
        execv(argv[1], argv + 1);
        return argc;
      }`);
    const { stdout } = spawnSync(without, [gateProgram(), '--probe'], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toMatchObject({
      userNamespaces: true,
      seccompFilter: true,
      namespaces: false,
      namespacesStep: 'mount /',
      namespacesErrno: 13,
    });
  });
});
