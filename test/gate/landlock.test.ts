import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/launch/operations.ts';
import { gateProgram, hasCompiler, plan, program, runGate, scratchDirectory, shell } from './harness.ts';

const READ_FILE = 1n << 2n;
const READ_DIR = 1n << 3n;
const WRITE_FILE = 1n << 1n;
const MAKE_FILE = 1n << 8n;
const EXECUTE = 1n;
const ALL = (1n << 13n) - 1n;

const abi = hasCompiler
  ? Number(
      /"landlockAbi":(\d+)/.exec(spawnSync(gateProgram(), ['--probe'], { encoding: 'utf8' }).stdout)?.[1],
    )
  : 0;

// What a shell needs to start.
const SYSTEM: Operation[] = ['/usr', '/bin', '/lib', '/lib64', '/etc/ld.so.cache'].map((path) => ({
  op: 'landlock-path',
  access: EXECUTE | READ_FILE | READ_DIR,
  optional: true,
  path,
}));

const fenced = (...rules: Operation[]): Operation[] => [
  { op: 'no-new-privileges' },
  { op: 'landlock-create', fs: ALL, net: 0n, scoped: 0n },
  ...SYSTEM,
  ...rules,
  { op: 'landlock-restrict', flags: 0 },
];

describe.runIf(abi >= 1)('paddock-gate raises Landlock', () => {
  it('so that only what is granted can be read and written', async () => {
    const directory = scratchDirectory();
    mkdirSync(join(directory, 'in'));
    for (const name of ['in/a', 'b']) writeFileSync(join(directory, name), `${name}\n`);
    const script = `cd ${directory}; read x < in/a && echo $x; read x < b || echo no; echo y > in/new && echo wrote; echo y > new || echo no`;
    const rule: Operation = {
      op: 'landlock-path',
      access: READ_FILE | WRITE_FILE | MAKE_FILE,
      optional: false,
      path: join(directory, 'in'),
    };
    const run = await runGate({ operations: shell(script, { child: fenced(rule) }) });
    expect(run.stdout).toBe('in/a\nno\nwrote\nno\n');
    const open = await runGate({ operations: shell(script) });
    expect(open.stdout).toBe('in/a\nwrote\n');
  });

  it('with a rule for a file, from which the rights of directories are left out', async () => {
    const file = join(scratchDirectory(), 'a');
    writeFileSync(file, 'text\n');
    const rule: Operation = { op: 'landlock-path', access: ALL, optional: false, path: file };
    const run = await runGate({ operations: shell(`read x < ${file}; echo $x`, { child: fenced(rule) }) });
    expect(run.stdout).toBe('text\n');
  });

  it('with a rule for the judged file by its descriptor', async () => {
    const own: Operation = { op: 'landlock-descriptor', access: EXECUTE | READ_FILE, fd: 6 };
    const streams: Operation = { op: 'landlock-descriptor', access: READ_FILE, fd: 0 }; // a pipe: nothing to restrict
    const child: Operation[] = [
      { op: 'no-new-privileges' },
      { op: 'landlock-create', fs: ALL, net: 0n, scoped: 0n },
      own,
      streams,
      { op: 'landlock-restrict', flags: 0 },
    ];
    const file = program('#include <stdio.h>\nint main(void) { puts("ran"); }'); // static: it needs no other file
    const run = await runGate({ file, operations: plan({ child }) });
    expect(run.stdout).toBe('ran\n');
  });

  it('and starts nothing when a path is missing, unless it is optional', async () => {
    const missing = { op: 'landlock-path', access: READ_FILE, path: '/no/such' } as const;
    const needed = await runGate({
      operations: shell('echo ran', { child: fenced({ ...missing, optional: false }) }),
    });
    expect(needed.events[0]).toMatchObject({
      event: 'failed',
      operation: 'landlock-path',
      errno: 2,
      detail: '/no/such',
    });
    expect(needed.stdout).toBe('');
    const optional = await runGate({
      operations: shell('echo ran', { child: fenced({ ...missing, optional: true }) }),
    });
    expect(optional.stdout).toBe('ran\n');
  });

  it('and starts nothing when the kernel does not know a right', async () => {
    const child: Operation[] = [
      { op: 'no-new-privileges' },
      { op: 'landlock-create', fs: 1n << 60n, net: 0n, scoped: 0n },
      { op: 'landlock-restrict', flags: 0 },
    ];
    const run = await runGate({ operations: shell('echo ran', { child }) });
    expect(run.events[0]).toMatchObject({ event: 'failed', operation: 'landlock-create', errno: 22 });
    expect(run.stdout).toBe('');
  });

  it.runIf(abi >= 4)('for ports', async () => {
    const child: Operation[] = [
      { op: 'no-new-privileges' },
      { op: 'landlock-create', fs: 0n, net: 3n, scoped: 0n },
      { op: 'landlock-port', access: 1n, port: 18080 },
      { op: 'landlock-restrict', flags: 0 },
    ];
    const run = await runGate({
      file: '/bin/bash',
      operations: shell('exec 3<>/dev/tcp/127.0.0.1/9', { child }),
    });
    expect(run.stderr).toContain('Permission denied');
  });
});
