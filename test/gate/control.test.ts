import { closeSync, existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ReadStream } from 'node:tty';
import { describe, expect, it } from 'vitest';
import {
  hasCompiler,
  NR,
  notified,
  plan,
  program,
  runGate,
  scratchDirectory,
  shell,
  until,
} from './harness.ts';

const here = process.platform === 'linux' && process.arch === 'x64' && hasCompiler;

describe.runIf(here)('paddock-gate obeys its launcher', () => {
  it('and forwards a signal to the program', async () => {
    const run = await runGate({
      operations: shell('trap "echo term; exit 5" TERM; echo ready; while :; do sleep 0.01; done'),
      onStart: (gate) => void until(() => gate.stdout().includes('ready')).then(() => gate.send('signal 15')),
    });
    expect(run.stdout).toBe('ready\nterm\n');
    expect(run.exit).toBe(5);
  });

  it('also when it comes before the program is there', async () => {
    const run = await runGate({
      operations: shell('sleep 1000'),
      onStart: (gate) => gate.send('signal 15'),
    });
    expect(run.events.at(-2)).toMatchObject({ event: 'exited', signal: 15 });
    expect(run.code).toBe(0);
  });

  it('but not twice when the whole group has got it', async () => {
    const file = program(`
      #include <signal.h>
      #include <stdio.h>
      #include <unistd.h>
      static volatile sig_atomic_t count;
      static void on(int signal) { (void)signal; count++; }
      int main(void) {
        struct sigaction action = {.sa_handler = on};
        sigaction(SIGINT, &action, NULL);
        write(1, "ready\\n", 6);
        for (int i = 0; i < 30; i++) usleep(10000);
        printf("%d\\n", (int)count);
      }`);
    const run = await runGate({
      file,
      operations: plan(),
      detached: true,
      onStart: (gate) =>
        void until(() => gate.stdout().includes('ready')).then(() => {
          process.kill(-gate.pid, 'SIGINT');
          gate.send('signal 2');
        }),
    });
    expect(run.stdout).toBe('ready\n1\n');
  });

  it('and is not ended by signals to itself', async () => {
    const run = await runGate({
      operations: shell('echo ready; sleep 0.3; exit 6'),
      onStart: (gate) =>
        void until(() => gate.stdout().includes('ready')).then(() => {
          for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGTSTP'] as const) {
            process.kill(gate.pid, signal);
          }
        }),
    });
    expect(run.exit).toBe(6);
  });

  it('and freezes, thaws and continues', async () => {
    const directory = scratchDirectory();
    const file = join(directory, 'n');
    const count = (): string => (existsSync(file) ? readFileSync(file, 'latin1') : ''); // stopped before it began
    let frozen: [string, string] | undefined;
    await runGate({
      operations: shell(`i=0; while :; do i=$((i+1)); echo $i > ${file}; done`),
      onEvent: (event, gate) => {
        if (event.event === 'started') gate.send('freeze');
        if (event.event === 'stopped' && event.signal === 19) {
          void (async () => {
            const before = count();
            await new Promise((resolve) => setTimeout(resolve, 50));
            frozen = [before, count()];
            gate.send('thaw');
            await until(() => count() !== before && count() !== '');
            gate.send('kill');
          })();
        }
      },
    });
    expect(frozen?.[0]).toBe(frozen?.[1]);
  });

  it('and tells when the program stops itself', async () => {
    const run = await runGate({
      operations: shell('kill -STOP $$; sleep 0.1; exit 4'),
      onEvent: (event, gate) => event.event === 'stopped' && gate.send('continue'),
    });
    expect(run.events.map(({ event }) => event)).toEqual([
      'started',
      'stopped',
      'continued',
      'exited',
      'finished',
    ]);
    expect(run.exit).toBe(4);
  });

  it('and takes no harm from nonsense', async () => {
    const run = await runGate({
      operations: shell('sleep 0.2; exit 3'),
      onStart: (gate) => {
        for (const line of [
          '',
          'what',
          'signal',
          'signal x',
          'signal 0',
          'signal 65',
          'signal 9x',
          'k'.repeat(5000),
          '\0\xff',
        ]) {
          gate.send(line);
        }
      },
    });
    expect(run.exit).toBe(3);
  });
});

describe.runIf(here)('paddock-gate and its events', () => {
  const storm = program(`
    #include <sys/syscall.h>
    #include <unistd.h>
    int main(void) { for (int i = 0; i < 20000; i++) syscall(SYS_getppid); write(1, "done\\n", 5); return 8; }`);
  const rules = (burst: number, perSecond: number) =>
    notified(
      [{ nr: NR.getppid, answer: 'deny', errno: 1, label: 'storm' }],
      [{ op: 'event-rate', burst, perSecond }],
    );

  it('reports at most the rate, and counts the rest', async () => {
    const run = await runGate({ file: storm, operations: plan(rules(10, 1)) });
    const dropped = run.events.flatMap((event) => (event.event === 'dropped' ? [event.count] : []));
    expect(run.calls.length + dropped.reduce((sum, n) => sum + n, 0)).toBe(20000);
    expect(run.calls.length).toBeLessThan(1000);
    expect(dropped.length).toBeLessThan(run.calls.length + 30); // with a call that is told, and once a second
    expect(run.exit).toBe(8);
  });

  it('does not wait for a reader, and loses no line that matters', async () => {
    const run = await runGate({ file: storm, operations: plan(rules(0, 0)), deafUntil: 'done' });
    const dropped = run.events.flatMap((event) => (event.event === 'dropped' ? [event.count] : []));
    expect(run.calls.length).toBeLessThan(20000);
    expect(run.calls.length + dropped.reduce((sum, n) => sum + n, 0)).toBe(20000);
    expect(run.events[0]).toMatchObject({ event: 'started' });
    expect(run.events.slice(-2)).toMatchObject([{ event: 'exited', code: 8 }, { event: 'finished' }]);
  });

  it('tells of what is refused, however much noise is made around it', async () => {
    const noisy = program(`
      #include <fcntl.h>
      #include <unistd.h>
      int main(void) {
        for (int i = 0; i < 2000; i++) close(open("/dev/null", O_WRONLY));
        for (int i = 0; i < 2000; i++) close(open("/dev/zero", O_RDONLY));
        close(open("/etc/hostname", O_RDONLY));
        return 0;
      }`);
    const open = { answer: 'open', errno: 13, label: 'open' } as const;
    const parts = notified(
      [
        { ...open, nr: NR.openat },
        { ...open, nr: NR.open },
      ],
      [
        { op: 'event-rate', burst: 10, perSecond: 1 },
        { op: 'grant', rights: 3, path: '/dev/null' },
      ],
    );
    const run = await runGate({ file: noisy, operations: plan(parts) });
    expect(run.calls.length).toBeLessThan(1000);
    expect(run.calls.map(({ target }) => target)).toContain('/etc/hostname');
  });

  it('goes on when the reader is gone', async () => {
    const run = await runGate({ file: storm, operations: plan(rules(0, 0)), hangUp: true });
    expect(run.stdout).toBe('done\n');
    expect(run.code).toBe(0);
  });
});

interface Pty {
  readonly native: { open(columns: number, rows: number): { master: number; slave: number } };
}

function loadPty(): Pty | undefined {
  try {
    return createRequire(import.meta.url)('node-pty') as Pty;
  } catch {
    return undefined; // optional: the test below is skipped, and says so
  }
}
const pty = loadPty();

describe.runIf(here && pty !== undefined)('paddock-gate at a terminal', () => {
  it('gives the program the foreground, job control, and all of its output', async () => {
    if (pty === undefined) return;
    const { master, slave } = pty.native.open(80, 24);
    let text = '';
    const reader = new ReadStream(master);
    reader.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    reader.on('error', () => {}); // EIO at the end
    const script = `
      set -- $(cat /proc/$$/stat); echo "group $([ $5 = $1 ] && echo own) front $([ $8 = $1 ] && echo yes)"
      kill -TSTP $$; echo back; i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done; echo last; exit 2`;
    const run = await runGate({
      operations: shell(script, { supervisor: [{ op: 'terminal' }] }),
      stdio: [slave, slave, slave],
      onEvent: (event, gate) => {
        if (event.event === 'stopped') gate.send('continue');
        if (event.event === 'exited')
          void until(() => text.includes('last')).then(() => gate.send('drained'));
      },
    });
    closeSync(slave);
    reader.destroy();
    expect(text).toContain('group own front yes');
    expect(text.match(/^line \d+\r$/gm)).toHaveLength(2000);
    expect(run.events.map(({ event }) => event)).toEqual([
      'started',
      'stopped',
      'continued',
      'exited',
      'finished',
    ]);
    expect(run.exit).toBe(2);
  });
});
