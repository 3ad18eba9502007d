import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../../src/launch/operations.ts';
import { hasCompiler, NR, notified, plan, program, runGate } from './harness.ts';

const here = process.platform === 'linux' && process.arch === 'x64' && hasCompiler;
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

/** A listener whose queue is full: whoever connects waits. It says its port, and ends with its input. */
const DEAF = String.raw`
  #include <arpa/inet.h>
  #include <fcntl.h>
  #include <stdio.h>
  #include <sys/socket.h>
  #include <unistd.h>
  int main(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (void *)&a, n) != 0 || listen(fd, 0) != 0 || getsockname(fd, (void *)&a, &n) != 0) return 1;
    for (int i = 0; i < 8; i++) connect(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), (void *)&a, n);
    usleep(100000);
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    char end;
    return read(0, &end, 1) < 0;
  }`;

const client = (body: string): string => String.raw`
  #include <arpa/inet.h>
  #include <errno.h>
  #include <fcntl.h>
  #include <poll.h>
  #include <pthread.h>
  #include <signal.h>
  #include <stdio.h>
  #include <string.h>
  #include <sys/socket.h>
  #include <sys/wait.h>
  #include <unistd.h>
  static void say(const char *what, int result) { printf("%s %d\n", what, result < 0 ? errno : 0); fflush(stdout); }
  static struct sockaddr_in at(const char *host, int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, host, &a.sin_addr);
    return a;
  }
  static int reach(int fd, const char *host, int port) {
    struct sockaddr_in a = at(host, port);
    return connect(fd, (void *)&a, sizeof a);
  }
  static int tcp(int flags) { return socket(AF_INET, SOCK_STREAM | flags, 0); }
  static void hear(int fd) {
    char text[9] = "";
    struct pollfd wait = {fd, POLLIN, 0};
    poll(&wait, 1, 5000);
    read(fd, text, 5);
    puts(text);
    fflush(stdout);
  }
  ${body}`;

describe.runIf(here)('paddock-gate connects for the program', () => {
  let server: Server;
  let deaf: ChildProcess;
  let port = 0;
  let deafPort = 0;
  beforeAll(async () => {
    server = createServer((socket) => socket.on('error', () => {}).end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
    deaf = spawn(program(DEAF), { stdio: ['pipe', 'pipe', 'inherit'] });
    deafPort = Number(await new Promise<Buffer>((resolve) => deaf.stdout?.once('data', resolve)));
  });
  afterAll(() => {
    server.close();
    deaf.stdin?.end();
  });

  const rules = (...ports: readonly number[]) =>
    plan(
      notified(
        [
          { nr: NR.connect, answer: 'connect', errno: 13, label: 'connect' },
          { nr: NR.getppid, answer: 'deny', errno: 1, label: 'parent' },
        ],
        ports.map((one): Operation => ({ op: 'allow-connect', family: 2, port: one, address: LOOPBACK })),
      ),
    );
  const run = (body: string, ...ports: readonly number[]) =>
    runGate({ file: program(client(body)), operations: rules(...ports) });

  it('to an address of the plan, and tells of it', async () => {
    const { stdout, calls } = await run(
      `int main(void) { int fd = tcp(0); say("connect", reach(fd, "127.0.0.1", ${port})); hear(fd); return 0; }`,
      port,
    );
    expect(stdout).toBe('connect 0\nhello\n');
    expect(calls).toMatchObject([
      { label: 'connect', answer: 'emulated', errno: 0, target: `127.0.0.1:${port}` },
    ]);
  });

  it('without waiting where the socket does not', async () => {
    const { stdout } = await run(
      `int main(void) {
        int fd = tcp(SOCK_NONBLOCK), error = -1; socklen_t size = sizeof error;
        say("connect", reach(fd, "127.0.0.1", ${port}));
        struct pollfd wait = {fd, POLLOUT, 0};
        poll(&wait, 1, 5000);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        printf("then %d\\n", error);
        hear(fd);
        int late = tcp(SOCK_NONBLOCK);
        say("deaf", reach(late, "127.0.0.1", ${deafPort}));
        say("again", reach(late, "127.0.0.1", ${deafPort}));
        return 0;
      }`,
      port,
      deafPort,
    );
    expect(stdout).toBe('connect 115\nthen 0\nhello\ndeaf 115\nagain 114\n');
  });

  it('and says what the kernel says of a port where nobody listens', async () => {
    const { stdout, calls } = await run(
      'int main(void) { say("connect", reach(tcp(0), "127.0.0.1", 1)); return 0; }',
      1,
    );
    expect(stdout).toBe('connect 111\n');
    expect(calls).toMatchObject([{ answer: 'emulated', errno: 111 }]);
  });

  it('to no other address, with no other kind of socket, and lets nothing be undone', async () => {
    const { stdout, calls } = await run(
      `int main(void) {
        say("port", reach(tcp(0), "127.0.0.1", ${deafPort}));
        say("address", reach(tcp(0), "127.0.0.2", ${port}));
        say("any", reach(tcp(0), "0.0.0.0", ${port}));
        say("udp", reach(socket(AF_INET, SOCK_DGRAM, 0), "127.0.0.1", ${port}));
        say("mptcp", reach(socket(AF_INET, SOCK_STREAM, 262), "127.0.0.1", ${port}));
        say("six", reach(socket(AF_INET6, SOCK_STREAM, 0), "127.0.0.1", ${port}));
        struct sockaddr_in a = at("127.0.0.1", ${port});
        say("short", connect(tcp(0), (void *)&a, 8));
        say("nowhere", connect(tcp(0), NULL, sizeof a));
        int fd = tcp(0);
        say("connect", reach(fd, "127.0.0.1", ${port}));
        a.sin_family = AF_UNSPEC;
        say("undo", connect(fd, (void *)&a, sizeof a));
        return 0;
      }`,
      port,
    );
    expect(stdout).toBe(
      'port 13\naddress 13\nany 13\nudp 13\nmptcp 13\nsix 13\nshort 13\nnowhere 14\nconnect 0\nundo 13\n',
    );
    expect(calls.map(({ target }) => target)).toEqual(
      expect.arrayContaining([`127.0.0.1:${deafPort}`, `127.0.0.2:${port}`, 'family:0']),
    );
    expect(calls.filter(({ answer }) => answer === 'emulated')).toHaveLength(1);
  });

  it('while others are answered, and ends with the session', async () => {
    const { stdout, events } = await run(
      `static void *wait_there(void *unused) { reach(tcp(0), "127.0.0.1", ${deafPort}); puts("connected"); return unused; }
      int main(void) {
        pthread_t thread;
        pthread_create(&thread, NULL, wait_there, NULL);
        usleep(300000);
        getppid();
        int fd = tcp(0);
        say("connect", reach(fd, "127.0.0.1", ${port}));
        hear(fd);
        return 0;
      }`,
      port,
      deafPort,
    );
    expect(stdout).toBe('connect 0\nhello\n');
    expect(events.at(-1)).toMatchObject({ event: 'finished', killed: 0 });
  });

  it('for so many at one time, and no longer than there is somebody who waits', async () => {
    const { stdout, events } = await run(
      `int main(void) {
        pid_t children[40];
        int full = 0, status;
        for (int i = 0; i < 40; i++)
          if ((children[i] = fork()) == 0) _exit(reach(tcp(0), "127.0.0.1", ${deafPort}) < 0 && errno == EAGAIN ? 7 : 0);
        sleep(1);
        for (int i = 0; i < 40; i++) {
          kill(children[i], SIGKILL);
          waitpid(children[i], &status, 0);
          full += WIFEXITED(status) && WEXITSTATUS(status) == 7;
        }
        printf("refused %d\\n", full);
        int fd = tcp(0), tries = 0;
        while (reach(fd, "127.0.0.1", ${port}) < 0 && errno == EAGAIN && tries++ < 50) usleep(100000);
        hear(fd);
        return 0;
      }`,
      port,
      deafPort,
    );
    expect(stdout).toBe('refused 8\nhello\n');
    expect(events.at(-1)).toMatchObject({ event: 'finished', killed: 0 });
  });
});
