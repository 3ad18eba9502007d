import {
  closeSync,
  copyFileSync,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { holdStill } from '../../src/gate/hold.ts';
import type { HeldIdentity, Operation } from '../../src/launch/operations.ts';
import { gateProgram, hasCompiler, plan, program, runGate, scratchDirectory, until } from './harness.ts';

const here = process.platform === 'linux' && hasCompiler;
const ESTALE = 116;
const EAGAIN = 11;

function sleeper(): string {
  const path = join(scratchDirectory(), 'sleep');
  copyFileSync('/bin/sleep', path);
  return path;
}

function identity(path: string): HeldIdentity {
  const fd = openSync(path, 'r');
  const stats = fstatSync(fd, { bigint: true });
  closeSync(fd);
  return stats;
}

function sleepProgram(): Buffer {
  return readFileSync(program('#include <unistd.h>\nint main(void) { return (int)sleep(30); }\n'));
}

const held = (path: string, lease = true, changes: Partial<HeldIdentity> = {}): Operation => {
  const { dev, ino, size, mtimeNs, ctimeNs } = identity(path);
  return { op: 'hold', fd: 6, lease, identity: { dev, ino, size, mtimeNs, ctimeNs, ...changes } };
};

const asleep = (hold: Operation, seconds = 30) =>
  plan({ supervisor: [hold], argv: ['sleep', String(seconds)] });

describe.runIf(here)('a file that is held for a session', () => {
  it('runs when it is the one that was judged', async () => {
    const file = sleeper();
    const run = await runGate({ file, operations: asleep(held(file), 0) });
    expect(run.events.map(({ event }) => event)).toEqual(['started', 'exited', 'finished']);
    expect(run.exit).toBe(0);
  });

  it.each(['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const)(
    'is not run when its %s is another',
    async (key) => {
      const file = sleeper();
      for (const lease of [true, false]) {
        const other = held(file, lease, { [key]: identity(file)[key] + 1n });
        const run = await runGate({ file, operations: asleep(other, 0) });
        expect(run.events[0]).toMatchObject({ event: 'failed', operation: 'hold', errno: ESTALE });
        expect(run.events.map(({ event }) => event)).not.toContain('started');
      }
    },
  );

  it('is not run while somebody has it open for writing', async () => {
    const file = sleeper();
    const writer = openSync(file, 'r+');
    const run = await runGate({ file, operations: asleep(held(file), 0) });
    closeSync(writer);
    expect(run.events[0]).toMatchObject({ event: 'failed', operation: 'hold', errno: EAGAIN });
  });

  // Read as a container it has no protection of the kernel's own, as an executed file has.
  it('ends the session before a writer gets on', async () => {
    const file = join(scratchDirectory(), 'data');
    writeFileSync(file, 'weights');
    const operations = plan({ supervisor: [held(file)], argv: ['sleep', '30'] }).map(
      (one): Operation => (one.op === 'exec' ? { op: 'exec', program: { slot: 0 } } : one),
    );
    const loaded: Operation = { op: 'memfd', slot: 0, name: 'sleep', content: sleepProgram() };
    const run = await runGate({
      file,
      operations: [loaded, ...operations],
      onEvent: ({ event }) => {
        if (event === 'started') truncateSync(file, 0); // blocks until the session has ended
      },
    });
    expect(run.events.map(({ event }) => event)).toEqual(['started', 'disturbed', 'exited', 'finished']);
    expect(run.events.at(-2)).toMatchObject({ signal: 9 });
  });

  it('may get other names and times meanwhile', async () => {
    const file = sleeper();
    const run = await runGate({
      file,
      operations: asleep(held(file), 1),
      onEvent: ({ event }) => {
        if (event !== 'started') return;
        linkSync(file, `${file}.link`);
        utimesSync(file, 1, 1);
        renameSync(`${file}.link`, `${file}.other`);
        rmSync(file);
      },
    });
    expect(run.events.map(({ event }) => event)).toEqual(['started', 'exited', 'finished']);
  });
});

describe.runIf(here)('a file that is held while it is judged', () => {
  it('tells when somebody wants to write, who need not wait long', async () => {
    const file = sleeper();
    const fd = openSync(file, 'r');
    const hold = await holdStill(gateProgram(), fd);
    expect(hold).toMatchObject({ leaseErrno: 0 });
    expect(hold.disturbed()).toBe(false);
    truncateSync(file, 1);
    expect(await until(hold.disturbed)).toBe(true);
    hold.release();
    closeSync(fd);
  });

  it('is not held where somebody has it open for writing', async () => {
    const file = sleeper();
    const [fd, writer] = [openSync(file, 'r'), openSync(file, 'r+')];
    const hold = await holdStill(gateProgram(), fd);
    expect(hold.leaseErrno).toBe(EAGAIN);
    expect(hold.disturbed()).toBe(false);
    hold.release();
    for (const one of [fd, writer]) closeSync(one);
  });

  it('has no digest of the kernel’s own, or one that is well formed', async () => {
    const file = sleeper();
    const fd = openSync(file, 'r');
    const hold = await holdStill(gateProgram(), fd);
    expect(hold.verity ?? 'sha256:').toMatch(/^sha(256|512):/);
    hold.release();
    closeSync(fd);
  });

  it('is let go with the process that holds it', async () => {
    const file = sleeper();
    const fd = openSync(file, 'r');
    const hold = await holdStill(gateProgram(), fd);
    hold.release();
    closeSync(fd);
    writeFileSync(file, 'anything');
  });
});
