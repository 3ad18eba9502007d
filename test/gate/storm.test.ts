import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Answer, Operation } from '../../src/launch/operations.ts';
import {
  gateProgram,
  hasCompiler,
  notified,
  plan,
  program,
  type RunningGate,
  runGate,
  scratchDirectory,
  until,
} from './harness.ts';

const here = process.platform === 'linux' && process.arch === 'x64' && hasCompiler;
const abi = here
  ? Number(
      /"landlockAbi":(\d+)/.exec(spawnSync(gateProgram(), ['--probe'], { encoding: 'utf8' }).stdout)?.[1],
    )
  : 0;

/** Landlock's rights of ABI 3: cutting files short is one of them. */
const ALL = (1n << 15n) - 1n;

const ANSWERS: Readonly<Partial<Record<Answer, readonly number[]>>> = {
  open: [2, 257, 437, 85, 76, 82, 264, 316, 86, 265, 88, 266, 87, 263, 83, 258, 84],
  'exec-once': [59, 322],
  bind: [49],
  listen: [50],
  connect: [42],
  process: [141, 251, 302],
  map: [9, 10, 329],
  deny: [101, 272, 165, 188, 310],
};

/**
 * Threads of several processes make random calls with hostile arguments. Nothing that a call does may reach further than the
 * folder it is started in, and no call may take the program's own memory away.
 */
const STORM = `
  #include <errno.h>
  #include <pthread.h>
  #include <signal.h>
  #include <stdint.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  #include <sys/mman.h>
  #include <sys/socket.h>
  #include <sys/syscall.h>
  #include <sys/wait.h>
  #include <unistd.h>
  enum { PROCESSES = 2, THREADS = 3, CALLS = 1500, SEED = 20260101 };
  static const int NUMBERS[] = {2, 257, 437, 85, 76, 82, 264, 316, 86, 265, 88, 266, 87, 263, 83, 258, 84, 59, 322, 49, 50, 42,
                                141, 251, 302, 9, 101, 272, 165, 188, 310};
  static const char *const NAMES[] = {"a", "b", "c/a", "c", "./a", "c/../b", "", "none/a", "..", "../outside/file", "/etc/passwd",
                                      "/proc/self/mem", "/proc/thread-self/status", "/dev/fd/0", "c/c/c/c", "../link/file"};
  static char *edge; /* the end of a page with nothing behind */

  static uint64_t next(uint64_t *state) {
    uint64_t value = *state += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
  }

  static uint64_t argument(uint64_t *state, char *own) {
    static const uint64_t HOSTILE[] = {0, 1, ~0ull, 1ull << 47, 0xffff800000000000u, 0xffffffffff600000u, 4096};
    const uint64_t kind = next(state) % 8, more = next(state);
    if (kind < 3) {
      strcpy(own, NAMES[more % (sizeof NAMES / sizeof *NAMES)]);
      return (uintptr_t)own;
    }
    if (kind == 3) return (uintptr_t)(edge - more % 40);
    if (kind == 4) return HOSTILE[more % (sizeof HOSTILE / sizeof *HOSTILE)];
    if (kind == 5) return more % 40;
    if (kind == 6) return (uint64_t)-100; /* AT_FDCWD */
    return more & 0x2a0fc3; /* flags of open */
  }

  static void one_call(uint64_t *state, char *buffers) {
    uint64_t args[6];
    const int nr = NUMBERS[next(state) % (sizeof NUMBERS / sizeof *NUMBERS)];
    for (int i = 0; i < 6; i++) args[i] = argument(state, buffers + 64 * i);
    if (nr == 9) { /* new memory only, gone again at once */
      void *code = mmap(NULL, 4096, PROT_READ | (next(state) % 2 ? PROT_EXEC : 0), MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (code != MAP_FAILED) munmap(code, 4096);
      return;
    }
    if (nr >= 42 && nr <= 50 && next(state) % 2) args[0] = (uint64_t)socket(AF_INET, SOCK_STREAM, 0);
    if (nr == 302) args[2] = 0; /* limits are read, not set */
    const long result = syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
    if (nr >= 42 && nr <= 50 && (int)args[0] > 2) close((int)args[0]);
    if (result > 2 && (nr == 2 || nr == 257 || nr == 437 || nr == 85)) close((int)result);
  }

  static void *storm(void *number) {
    uint64_t state = SEED + (uintptr_t)number;
    char buffers[6 * 64];
    for (int i = 0; i < CALLS; i++) one_call(&state, buffers);
    return NULL;
  }

  int main(int count, char **arguments) {
    if (count != 2 || chdir(arguments[1]) != 0) return 2;
    alarm(100);
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(pages, 'x', 4096);
    mprotect(pages + 4096, 4096, PROT_NONE);
    edge = pages + 4096;
    puts("READY");
    fflush(stdout);
    for (uintptr_t process = 0; process < PROCESSES; process++) {
      if (fork() != 0) continue;
      alarm(100);
      pthread_t threads[THREADS];
      for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, storm, (void *)(process * THREADS + i));
      for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
      _exit(0);
    }
    int status, ended = 0;
    while (wait(&status) > 0) ended += status == 0;
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("%d %d\\n", ended, code == MAP_FAILED ? errno : 0);
  }
`;

function world() {
  const root = scratchDirectory();
  const [own, outside] = [join(root, 'own'), join(root, 'outside')];
  for (const folder of [own, outside, join(own, 'c')]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(outside, 'file'), 'outside');
  const answers = Object.entries(ANSWERS).flatMap(([answer, numbers]) =>
    numbers.map((nr) => ({ nr, answer: answer as Answer, errno: 13, label: answer })),
  );
  const grants: Operation[] = [
    { op: 'grant', rights: 1 | 2 | 8, path: own },
    { op: 'allow-bind', family: 2, port: 0, address: Buffer.from([127, 0, 0, 1]) },
    { op: 'allow-connect', family: 2, port: 9, address: Buffer.from([127, 0, 0, 1]) },
    { op: 'event-rate', burst: 200, perSecond: 200 },
  ];
  const { supervisor, child } = notified(answers, grants);
  const fence: Operation[] = [
    { op: 'no-new-privileges' },
    { op: 'landlock-create', fs: ALL, net: 0n, scoped: 0n },
    { op: 'landlock-path', access: ALL, optional: false, path: own },
    { op: 'landlock-descriptor', access: 1n | 4n, fd: 6 },
    { op: 'landlock-restrict', flags: 0 },
  ];
  const operations = plan({ supervisor, child: [...fence, ...child], argv: ['storm', own] });
  return { root, own, outside, operations };
}

/** In the middle of it: whatever is waiting for its answer then is answered as before or as after. */
async function closeInBetween(gate: RunningGate): Promise<void> {
  await until(() => gate.stdout().includes('READY'));
  for (const bits of [4, 1, 2, 8]) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    gate.send(`close ${bits}`);
  }
}

describe.runIf(abi >= 3)('a storm of calls', () => {
  it.each([
    ['leaves the gate as it was', false],
    ['is closed in the middle', true],
  ])('%s', { timeout: 150_000 }, async (_, closes) => {
    const { root, outside, operations } = world();
    const run = await runGate({
      file: program(STORM),
      operations,
      onStart: (gate) => {
        if (closes) void closeInBetween(gate);
      },
    });
    expect(run.stderr).toBe('');
    expect([run.code, run.exit]).toEqual([0, 0]);
    expect(run.stdout.trim().split('\n')).toEqual(['READY', closes ? '2 13' : '2 0']);
    expect(run.events.at(-1)).toMatchObject({ event: 'finished', killed: 0 });
    expect(run.calls.length).toBeGreaterThan(200);
    // What is too much to tell is told of once a second, and with what is told.
    const dropped = run.events.filter(({ event }) => event === 'dropped');
    expect(dropped.length).toBeLessThan(run.calls.length);
    expect(readdirSync(root).sort()).toEqual(['outside', 'own']);
    expect(readdirSync(outside)).toEqual(['file']);
    expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('outside');
  });
});
