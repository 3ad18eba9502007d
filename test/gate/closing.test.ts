import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/launch/operations.ts';
import {
  hasCompiler,
  NR,
  notified,
  plan,
  program,
  type RunResult,
  runGate,
  scratchDirectory,
  until,
} from './harness.ts';

const here = process.platform === 'linux' && process.arch === 'x64' && hasCompiler;
const [EXEC, WRITE, LISTEN, MAP] = [1, 2, 4, 8] as const;
const GRANTED = 1 | 2;
const KEPT = GRANTED | 8;
const MMAP = 9;
const RENAME = 82;

/** What the programs begin with: they say that they are ready, and wait for the signal behind the commands. */
const PRELUDE = `
  #include <errno.h>
  #include <fcntl.h>
  #include <netinet/in.h>
  #include <signal.h>
  #include <stdio.h>
  #include <string.h>
  #include <sys/mman.h>
  #include <sys/socket.h>
  #include <sys/stat.h>
  #include <sys/syscall.h>
  #include <sys/wait.h>
  #include <unistd.h>
  static void ready(void) {
    sigset_t set;
    int got;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    puts("READY");
    fflush(stdout);
    sigwait(&set, &got);
  }
  static int map_code(void) {
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code == MAP_FAILED ? errno : 0;
  }
`;

/** Sends the commands as soon as the program is ready. */
function closed(source: string, commands: readonly string[], operations: Operation[]): Promise<RunResult> {
  return runGate({
    file: program(PRELUDE + source),
    operations,
    onStart: (gate) => {
      void until(() => gate.stdout().includes('READY')).then(() => {
        for (const command of [...commands, 'signal 10']) gate.send(command);
      });
    },
  });
}

const lines = ({ stdout }: RunResult): string[] => stdout.trim().split('\n');

describe.runIf(here)('after `close`, paddock-gate', () => {
  const mapping = plan(notified([{ nr: MMAP, answer: 'map', errno: 13, label: 'map' }]));
  const MAPS = 'int main(void) { printf("%d\\n", map_code()); ready(); printf("%d\\n", map_code()); }';

  it('refuses executable mappings, and says so', async () => {
    const run = await closed(MAPS, [`close ${MAP}`], mapping);
    expect(lines(run)).toEqual(['0', 'READY', '13']);
    expect(run.calls.filter(({ answer }) => answer === 'denied')).toMatchObject([
      { label: 'map', errno: 13 },
    ]);
  });

  it.each([
    ['nothing', []],
    ['something else', [`close ${EXEC | LISTEN}`]],
    ['what is no command', ['close', 'close 0', 'close 16', 'close -1', 'close 8x', 'Close 8', 'close  ']],
  ])('leaves them open after %s', async (_, commands) => {
    expect(lines(await closed(MAPS, commands, mapping))).toEqual(['0', 'READY', '0']);
  });

  it('opens nothing again', async () => {
    const commands = [`close ${MAP}`, `close ${EXEC}`, 'close 0', 'close 1', 'continue', 'thaw'];
    expect(lines(await closed(MAPS, commands, mapping))).toEqual(['0', 'READY', '13']);
  });

  it('starts no program any more', async () => {
    const run = await closed(
      `int main(void) {
        for (int i = 0; i < 2; i++) {
          pid_t child = fork();
          if (child == 0) { execl("/bin/true", "true", NULL); _exit(errno); }
          int status; waitpid(child, &status, 0); printf("%d\\n", WEXITSTATUS(status));
          fflush(stdout);
          if (i == 0) ready();
        }
      }`,
      [`close ${EXEC}`],
      plan(notified([{ nr: NR.execve, answer: 'exec', label: 'exec' }])),
    );
    expect(lines(run)).toEqual(['0', 'READY', '1']);
    expect(run.calls.at(-1)).toMatchObject({ label: 'exec', answer: 'denied', target: '/bin/true' });
  });

  it('opens no port any more', async () => {
    const port = await freePort();
    const run = await closed(
      `int main(void) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(${port}), .sin_addr.s_addr = htonl(0x7f000001)};
        int late = socket(AF_INET, SOCK_STREAM, 0), early = socket(AF_INET, SOCK_STREAM, 0), on = 1;
        setsockopt(early, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        printf("%d\\n", bind(early, (void *)&address, sizeof address) == 0 ? 0 : errno);
        ready();
        printf("%d\\n", bind(late, (void *)&address, sizeof address) == 0 ? 0 : errno);
        printf("%d\\n", listen(early, 1) == 0 ? 0 : errno);
      }`,
      [`close ${LISTEN}`],
      plan(
        notified(
          [
            { nr: NR.bind, answer: 'bind', label: 'bind' },
            { nr: NR.listen, answer: 'listen', label: 'listen' },
          ],
          [{ op: 'allow-bind', family: 2, port, address: Buffer.from([127, 0, 0, 1]) }],
        ),
      ),
    );
    expect(lines(run)).toEqual(['0', 'READY', '13', '13']);
  });
});

describe.runIf(here)('writing, once it is closed', () => {
  /** A folder that is kept and one that is not; the program is run in the first. */
  function folders() {
    const root = scratchDirectory();
    const [own, other] = [join(root, 'own'), join(root, 'other')];
    for (const folder of [own, other]) mkdirSync(folder, { mode: 0o777 });
    writeFileSync(join(other, 'theirs'), 'theirs');
    writeFileSync(join(own, 'old'), 'old');
    symlinkSync(join(other, 'theirs'), join(own, 'link'));
    const operations = plan(
      notified(
        [NR.open, NR.openat, NR.unlink, RENAME].map((nr) => ({ nr, answer: 'open' as const, label: 'open' })),
        [
          { op: 'grant', rights: KEPT, path: own },
          { op: 'grant', rights: GRANTED, path: other },
          { op: 'grant', rights: KEPT, path: '/dev/null' },
        ],
      ),
    );
    return { own, other, operations };
  }

  const TRY = (path: string, flags: string) =>
    `{ int fd = open("${path}", ${flags}, 0666); printf("%d\\n", fd < 0 ? errno : 0); if (fd >= 0) close(fd); }`;

  it('goes on in its own folders, as the kernel would do it', async () => {
    const { own, operations } = folders();
    const run = await closed(
      `int main(void) {
        char text[8] = "";
        ready();
        int fd = open("${own}/new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        printf("%zd %d %d\\n", write(fd, "hello", 5), fcntl(fd, F_GETFD), (fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == O_RDWR);
        fd = open("${own}/new", O_WRONLY | O_APPEND);
        printf("%zd %d\\n", write(fd, "!", 1), fcntl(fd, F_GETFD));
        chdir("${own}");
        fd = openat(AT_FDCWD, "./new", O_RDWR);
        printf("%zd %s\\n", read(fd, text, 6), text);
        ${TRY(`${own}/new`, 'O_RDWR | O_CREAT | O_EXCL')}
        ${TRY(`${own}/none/new`, 'O_RDWR | O_CREAT')}
        ${TRY(own, 'O_RDWR')}
        ${TRY(own, 'O_RDWR | O_TMPFILE')}
        ${TRY('old', 'O_WRONLY | O_TRUNC')}
        ${TRY('/dev/null', 'O_WRONLY')}
        printf("%d\\n", unlink("old"));
      }`,
      [`close ${WRITE}`],
      operations,
    );
    expect(lines(run)).toEqual([
      'READY',
      '5 1 1',
      '1 0',
      '6 hello!',
      '17', // EEXIST
      '2', // ENOENT
      '21', // EISDIR
      '0',
      '0',
      '0',
      '0',
    ]);
    expect(readFileSync(join(own, 'new'), 'utf8')).toBe('hello!');
    expect(statSync(join(own, 'new')).mode & 0o777).toBe(0o600);
  });

  it('ends elsewhere, whatever leads there; reading does not', async () => {
    const { own, other, operations } = folders();
    const run = await closed(
      `int main(void) {
        ${TRY(`${other}/theirs`, 'O_WRONLY')}
        ready();
        ${TRY(`${other}/theirs`, 'O_WRONLY')}
        ${TRY(`${other}/theirs`, 'O_RDONLY | O_TRUNC')}
        ${TRY(`${other}/made`, 'O_WRONLY | O_CREAT')}
        ${TRY(`${own}/link`, 'O_WRONLY')}
        ${TRY(`${own}/../other/theirs`, 'O_RDWR')}
        printf("%d\\n", rename("${own}/old", "${other}/old") == 0 ? 0 : errno);
        printf("%d\\n", rename("${own}/old", "${own}/newer") == 0 ? 0 : errno);
        printf("%d\\n", unlink("${other}/theirs") == 0 ? 0 : errno);
        ${TRY(`${other}/theirs`, 'O_RDONLY')}
      }`,
      [`close ${WRITE}`],
      operations,
    );
    const EACCES = '13';
    expect(lines(run)).toEqual(['0', 'READY', ...Array.from({ length: 8 }, () => EACCES), '0']);
    expect(readFileSync(join(other, 'theirs'), 'utf8')).toBe('theirs');
    expect(run.calls.filter(({ answer }) => answer === 'denied').map(({ label }) => label)).toEqual(
      Array.from({ length: 8 }, () => 'write'),
    );
  });

  it('does not wait in the supervisor for what never comes', async () => {
    const { own, operations } = folders();
    const run = await closed(
      `int main(void) {
        mkfifo("${own}/fifo", 0600);
        ready();
        ${TRY(`${own}/fifo`, 'O_WRONLY')}
        ${TRY(`${own}/new`, 'O_WRONLY | O_CREAT')}
      }`,
      [`close ${WRITE}`],
      operations,
    );
    expect(lines(run)).toEqual(['READY', '6', '0']); // ENXIO: nobody reads
  });

  it('leaves no descriptor behind in the supervisor', async () => {
    const { own, operations } = folders();
    const run = await closed(
      `int main(void) {
        ready();
        for (int i = 0; i < 3000; i++) {
          int fd = open("${own}/new", O_WRONLY | O_CREAT, 0600);
          if (fd < 0) { printf("%d at %d\\n", errno, i); return 1; }
          close(fd);
        }
        puts("all");
      }`,
      [`close ${WRITE}`],
      operations,
    );
    expect(lines(run)).toEqual(['READY', 'all']);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}
