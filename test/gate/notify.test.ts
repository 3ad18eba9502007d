import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/launch/operations.ts';
import {
  hasCompiler,
  isNamespaced,
  NR,
  notified,
  plan,
  program,
  runGate,
  scratchDirectory,
  shell,
} from './harness.ts';

const here = process.platform === 'linux' && process.arch === 'x64' && hasCompiler;
const LOOPBACK = Buffer.from([127, 0, 0, 1]);

describe.runIf(here)('paddock-gate answers', () => {
  it('deny with the errno of the table, and reports the call', async () => {
    const file = program(`
      #include <errno.h>
      #include <stdio.h>
      #include <sys/syscall.h>
      #include <unistd.h>
      int main(void) { long r = syscall(SYS_getppid, 1, 2, 0xffffffffffffffffL); printf("%ld %d\\n", r, errno); }`);
    const answers = notified([{ nr: NR.getppid, answer: 'deny', errno: 13, label: 'parent' }]);
    const run = await runGate({ file, operations: plan(answers) });
    expect(run.stdout).toBe('-1 13\n');
    const started = run.events.find((event) => event.event === 'started');
    expect(run.calls).toEqual([
      {
        event: 'call',
        time: expect.any(Number),
        pid: started?.event === 'started' ? started.child : -1,
        label: 'parent',
        nr: NR.getppid,
        arch: 0xc000003e,
        answer: 'denied',
        errno: 13,
        args: [
          '0x1',
          '0x2',
          '0xffffffffffffffff',
          expect.any(String),
          expect.any(String),
          expect.any(String),
        ],
      },
    ]);
  });

  it('ENOSYS to what is not in its table, also from another thread and another architecture', async () => {
    const file = program(`
      #include <errno.h>
      #include <pthread.h>
      #include <stdio.h>
      #include <sys/syscall.h>
      #include <unistd.h>
      static void *run(void *none) { (void)none; long r = syscall(SYS_getppid); printf("%ld %d\\n", r, errno); return NULL; }
      int main(void) {
        pthread_t thread;
        pthread_create(&thread, NULL, run, NULL);
        pthread_join(thread, NULL);
        long r = syscall(0x40000000 | SYS_getppid);
        printf("%ld %d\\n", r, errno);
      }`);
    const { filterCalls } = await import('./harness.ts');
    const child: Operation[] = [
      { op: 'no-new-privileges' },
      { op: 'seccomp-notify', program: filterCalls([NR.getppid, NR.getppid | 0x40000000]) },
    ];
    const supervisor: Operation[] = [
      { op: 'answer', nr: -1, foreign: true, answer: 'deny', errno: 7, label: 'foreign', kill: false },
    ];
    const run = await runGate({ file, operations: plan({ supervisor, child }) });
    expect(run.stdout).toBe('-1 38\n-1 7\n');
    expect(run.calls.map(({ label, errno }) => [label, errno])).toEqual([
      ['unlisted', 38],
      ['foreign', 7],
    ]);
  });

  it('deny and ends the session', async () => {
    const answers = notified([{ nr: NR.unlink, answer: 'deny', errno: 1, label: 'last', kill: true }]);
    const file = program('#include <unistd.h>\nint main(void) { unlink("/x"); for (;;) pause(); }');
    const run = await runGate({ file, operations: plan(answers) });
    expect(run.calls).toMatchObject([{ label: 'last', answer: 'denied', target: '/x' }]);
    expect(run.events.at(-2)).toMatchObject({ event: 'exited', signal: 9 });
  });

  it('to the first exec only', async () => {
    const answers = notified([
      { nr: NR.execve, answer: 'exec-once', errno: 13, label: 'exec' },
      { nr: NR.execveat, answer: 'exec-once', errno: 13, label: 'exec' },
    ]);
    const run = await runGate({ operations: shell('cd /usr; bin/../bin/id; echo $?', answers) });
    expect(run.stdout).toBe('126\n');
    expect(run.calls).toMatchObject([{ label: 'exec', answer: 'denied', errno: 13, target: '/usr/bin/id' }]);
  });

  it('to every exec, and tells which', async () => {
    const answers = notified([{ nr: NR.execve, answer: 'exec', label: 'exec' }]);
    const run = await runGate({ operations: shell('/bin/echo hi', answers) });
    expect(run.stdout).toBe('hi\n');
    expect(run.calls).toMatchObject([{ label: 'exec', answer: 'continued', errno: 0, target: '/bin/echo' }]);
  });

  it.skipIf(isNamespaced())('to calls on a process by where that process is', async () => {
    const file = program(`
      #include <errno.h>
      #include <signal.h>
      #include <stdio.h>
      #include <unistd.h>
      int main(void) {
        pid_t child = fork();
        if (child == 0) for (;;) pause();
        int own = kill(child, SIGKILL), self = kill(getpid(), 0);
        printf("%d %d\\n", own, self);
        int gate = kill(getppid(), 0), error = errno;
        printf("%d %d\\n", gate, error);
        int other = kill(1, 0);
        printf("%d %d\\n", other, errno);
      }`);
    const answers = notified([{ nr: 62, answer: 'process', errno: 1, label: 'signal' }]);
    const run = await runGate({ file, operations: plan(answers) });
    expect(run.stdout).toBe('0 0\n-1 1\n-1 1\n');
    expect(run.calls.map(({ label, answer }) => [label, answer])).toEqual([
      ['signal', 'denied'],
      ['signal', 'denied'],
    ]);
  });

  // Inside a user namespace that it owns the supervisor may read everything.
  it.skipIf(isNamespaced())('nothing about memory that cannot be read', async () => {
    const file = program(`
      #include <errno.h>
      #include <fcntl.h>
      #include <stdio.h>
      #include <sys/prctl.h>
      #include <unistd.h>
      int main(void) {
        int a = open((char *)16, O_WRONLY);
        printf("%d %d\\n", a, errno);
        prctl(PR_SET_DUMPABLE, 0);
        int b = open("/dev/null", O_WRONLY);
        printf("%d %d\\n", b, errno);
      }`);
    const answers = notified(
      [{ nr: NR.openat, answer: 'open', label: 'open' }],
      [{ op: 'grant', rights: 3, path: '/' }],
    );
    const asUser = process.getuid?.() === 0 ? { uid: 65534 } : {};
    const run = await runGate({ file, ...asUser, operations: plan(answers) });
    expect(run.stdout).toBe('-1 14\n-1 1\n');
    expect(run.calls.map(({ answer, errno }) => [answer, errno])).toEqual([
      ['denied', 14],
      ['denied', 1],
    ]);
  });
});

describe.runIf(here)('paddock-gate reports opens', () => {
  const opens = (...grants: [number, string][]) =>
    notified(
      [NR.open, NR.openat, NR.openat2].map((nr) => ({ nr, answer: 'open' as const, label: 'open' })),
      grants.map(([rights, path]) => ({ op: 'grant', rights, path })),
    );

  it('outside the grants when the file exists, writes always, granted reads never', async () => {
    const directory = scratchDirectory();
    mkdirSync(join(directory, 'in'));
    for (const name of ['in/a', 'b', 'in2']) writeFileSync(join(directory, name), 'x');
    const script = `cd ${directory}/in
      read x < a; read x < ../b; read x < ../none; : > ./new; : > ../out; read x < ../in2`;
    const rights = opens([1, '/usr'], [1, '/lib'], [1, '/etc/ld.so.cache'], [3, `${directory}/in`]);
    const run = await runGate({ operations: shell(script.replaceAll('; ', '; : ; '), rights) });
    const own = run.calls.filter(({ target }) => target?.startsWith(directory));
    expect(
      own.map(({ label, target, granted, errno, answer }) => [
        label,
        target?.slice(directory.length + 1),
        granted,
        errno,
        answer,
      ]),
    ).toEqual([
      ['read', 'b', false, 13, 'continued'],
      ['write', 'in/new', true, 0, 'continued'],
      ['write', 'out', false, 13, 'continued'],
      ['read', 'in2', false, 13, 'continued'],
    ]);
  });

  it('by what a symbolic link leads to', async () => {
    const directory = scratchDirectory();
    mkdirSync(join(directory, 'in'));
    writeFileSync(join(directory, 'secret'), 'x');
    writeFileSync(join(directory, 'in/real'), 'x');
    symlinkSync('in/real', join(directory, 'to-granted'));
    symlinkSync('../secret', join(directory, 'in/to-secret'));
    const run = await runGate({
      operations: shell(
        `cd ${directory}; read x < to-granted; read x < secret`,
        opens([1, '/usr'], [1, `${directory}/in`]),
      ),
    });
    const own = run.calls.filter(({ target }) => target?.startsWith(directory));
    expect(own.map(({ target }) => target)).toEqual([join(directory, 'secret')]);
  });

  it('of the caller’s own /proc/self, not of the gate’s', async () => {
    const run = await runGate({
      operations: shell(
        'read x < /proc/self/stat; read x < /proc/$$/stat; read x < /proc/mounts; read x < /proc/1/stat',
        opens([1, '/usr'], [1, '/lib'], [1, '/proc/self']),
      ),
    });
    const own = run.calls.filter(({ target }) => target?.startsWith('/proc'));
    expect(own.map(({ target }) => target)).toEqual(['/proc/1/stat']);
  });

  it('and changes of names, which Landlock refuses like a write', async () => {
    const directory = scratchDirectory();
    mkdirSync(join(directory, 'in'));
    writeFileSync(join(directory, 'out'), 'x');
    const file = program(`
      #include <stdio.h>
      #include <sys/stat.h>
      #include <unistd.h>
      int main(void) {
        chdir("${directory}");
        mkdir("in/new", 0700);
        mkdir("new", 0700);
        unlink("none");
        rename("out", "in/moved");
      }`);
    const rules = notified(
      [82, 83, NR.unlink].map((nr) => ({ nr, answer: 'open' as const, label: 'change' })),
      [{ op: 'grant', rights: 3, path: `${directory}/in` }],
    );
    const run = await runGate({ file, operations: plan(rules) });
    expect(
      run.calls.map(({ label, target, granted }) => [label, target?.slice(directory.length + 1), granted]),
    ).toEqual([
      ['write', 'in/new', true],
      ['write', 'new', false],
      ['write', 'out', false],
    ]);
  });

  it('with flags in memory, relative to a descriptor, and escapes the bytes of a name', async () => {
    const directory = scratchDirectory();
    const file = program(`
      #include <fcntl.h>
      #include <stdint.h>
      #include <sys/syscall.h>
      #include <unistd.h>
      int main(void) {
        uint64_t how[3] = {O_WRONLY | O_CREAT, 0600, 0};
        int dir = open("${directory}", O_PATH);
        syscall(SYS_openat2, dir, "a\\x1b[2J\\"\\\\\\n\\xc3\\xb6", how, sizeof how);
      }`);
    const run = await runGate({ file, operations: plan(opens([1, '/usr'])) });
    expect(run.calls).toMatchObject([
      { label: 'write', granted: false, target: `${directory}/a\x1b[2J"\\\n\xc3\xb6` },
    ]);
  });
});

const server = (family: string, address: string, calls: string): string => `
  #include <arpa/inet.h>
  #include <errno.h>
  #include <netinet/in.h>
  #include <stdio.h>
  #include <string.h>
  #include <sys/socket.h>
  #include <sys/un.h>
  #include <unistd.h>
  static void say(const char *what, int result) { printf("%s %d\\n", what, result < 0 ? errno : 0); }
  static int at(int port) {
    ${
      family === 'AF_INET6'
        ? 'struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)}; inet_pton(AF_INET6, "' +
          address +
          '", &a.sin6_addr);'
        : 'struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)}; inet_pton(AF_INET, "' +
          address +
          '", &a.sin_addr);'
    }
    int fd = socket(${family}, SOCK_STREAM, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    say("bind", bind(fd, (struct sockaddr *)&a, sizeof a));
    return fd;
  }
  int main(void) { (void)at; ${calls} return 0; }`;

describe.runIf(here)('paddock-gate binds for the program', () => {
  const rules = (port: number, family = 2, address: Uint8Array = LOOPBACK) =>
    notified(
      [
        { nr: NR.bind, answer: 'bind', errno: 13, label: 'bind' },
        { nr: NR.listen, answer: 'listen', errno: 13, label: 'listen' },
        { nr: NR.connect, answer: 'connect', errno: 13, label: 'connect' },
      ],
      [{ op: 'allow-bind', family, port, address }],
    );

  it('to the one address of the plan, which then serves', async () => {
    const port = await freePort();
    const file = program(
      server(
        'AF_INET',
        '127.0.0.1',
        `int fd = at(${port}); say("listen", listen(fd, 5));
      struct sockaddr_in a; socklen_t n = sizeof a; getsockname(fd, (void *)&a, &n); printf("%d\\n", ntohs(a.sin_port));`,
      ),
    );
    const run = await runGate({ file, operations: plan(rules(port)) });
    expect(run.stdout).toBe(`bind 0\nlisten 0\n${port}\n`);
    expect(run.calls).toMatchObject([
      { label: 'bind', answer: 'emulated', errno: 0, target: `127.0.0.1:${port}` },
      { label: 'listen', answer: 'emulated', errno: 0, target: `127.0.0.1:${port}` },
    ]);
  });

  it('with IPv6 as well', async () => {
    const port = await freePort();
    const file = program(server('AF_INET6', '::1', `int fd = at(${port}); say("listen", listen(fd, 5));`));
    const one = Buffer.from(`${'00'.repeat(15)}01`, 'hex');
    const run = await runGate({ file, operations: plan(rules(port, 10, one)) });
    expect(run.calls[0]).toMatchObject({ answer: 'emulated', target: `[::1]:${port}` });
  });

  it('to no other port, address or kind of socket', async () => {
    const port = await freePort();
    const file = program(
      server(
        'AF_INET',
        '127.0.0.1',
        `
      at(${port + 1});
      say("any", listen(socket(AF_INET, SOCK_STREAM, 0), 5));
      struct sockaddr_in all = {.sin_family = AF_INET, .sin_port = htons(${port})};
      say("all", bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&all, sizeof all));
      all.sin_addr.s_addr = htonl(0x7f000001);
      say("udp", bind(socket(AF_INET, SOCK_DGRAM, 0), (void *)&all, sizeof all));
      say("mptcp", bind(socket(AF_INET, SOCK_STREAM, 262), (void *)&all, sizeof all));
      say("six", bind(socket(AF_INET6, SOCK_STREAM, 0), (void *)&all, sizeof all));
      struct sockaddr_un path = {.sun_family = AF_UNIX, .sun_path = "/tmp/x"};
      say("unix", bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&path, sizeof path));
      say("short", bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&all, 8));
      say("long", bind(socket(AF_INET, SOCK_STREAM, 0), (void *)&all, 100000));
      say("null", bind(socket(AF_INET, SOCK_STREAM, 0), NULL, sizeof all));
      say("no", bind(77, (void *)&all, sizeof all));`,
      ),
    );
    const run = await runGate({ file, operations: plan(rules(port)) });
    expect(run.stdout).toBe(
      'bind 13\nany 13\nall 13\nudp 13\nmptcp 13\nsix 13\nunix 13\nshort 13\nlong 22\nnull 14\nno 13\n',
    );
    expect(run.calls.every(({ answer }) => answer === 'denied')).toBe(true);
    expect(run.calls.map(({ target }) => target)).toContain('unix:/tmp/x');
  });

  it('and says what the kernel says when the port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const file = program(server('AF_INET', '127.0.0.1', `at(${port});`));
    const run = await runGate({ file, operations: plan(rules(port)) });
    taken.close();
    expect(run.stdout).toBe('bind 98\n');
    expect(run.calls).toMatchObject([{ answer: 'emulated', errno: 98 }]);
  });

  it('and connects nowhere', async () => {
    const file = program(
      server(
        'AF_INET',
        '127.0.0.1',
        `
      struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(80)};
      inet_pton(AF_INET, "192.0.2.7", &a.sin_addr);
      say("connect", connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&a, sizeof a));
      struct sockaddr_un path = {.sun_family = AF_UNIX};
      memcpy(path.sun_path, "\\0bus", 4);
      say("connect", connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&path, 6));`,
      ),
    );
    const run = await runGate({ file, operations: plan(rules(1)) });
    expect(run.stdout).toBe('connect 13\nconnect 13\n');
    expect(run.calls.map(({ target }) => target)).toEqual(['192.0.2.7:80', 'unix:@bus']);
  });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
