import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeOperations, type Operation } from '../../src/launch/operations.ts';
import type { SeccompOptions } from '../../src/launch/rules/rule.ts';
import { answers, notifyProgram } from '../../src/launch/seccomp.ts';
import { gateProgram } from './harness.ts';

const CROSS = 'aarch64-linux-gnu-gcc';
const EMULATOR = ['qemu-aarch64-static', 'qemu-aarch64'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);
const hasCross = process.arch === 'x64' && spawnSync(CROSS, ['--version']).status === 0;
const EM_AARCH64 = 183;

const folder = mkdtempSync(join(tmpdir(), 'gate-aarch64-'));
const gate = join(folder, 'paddock-gate');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `paddock-gate --check` on a stream of operations: what it answers, and why. */
function check(command: readonly string[], stream: Uint8Array) {
  const path = join(folder, 'stream');
  writeFileSync(path, stream);
  const fd = openSync(path, 'r');
  const [program = '', ...rest] = [...command, '--check'];
  const { status, stderr } = spawnSync(program, rest, { stdio: ['ignore', 'ignore', 'pipe', fd], env: {} });
  closeSync(fd);
  return { status, why: String(stderr) };
}

const OPTIONS: SeccompOptions = {
  network: 'serve',
  execute: false,
  landlockAbi: 7,
  kill: { exec: true, connect: false, syscall: false },
};

/** A plan for aarch64, with its own call numbers and filter. */
const PLAN: readonly Operation[] = [
  { op: 'subreaper' },
  ...answers('aarch64', OPTIONS),
  { op: 'allow-bind', family: 2, port: 8080, address: Buffer.from([127, 0, 0, 1]) },
  { op: 'grant', rights: 3, path: '/tmp' },
  { op: 'fork' },
  { op: 'death-signal', signal: 9 },
  { op: 'no-new-privileges' },
  { op: 'close-from', first: 3 },
  { op: 'argument', value: 'x' },
  { op: 'signals' },
  { op: 'seccomp-notify', program: notifyProgram('aarch64', OPTIONS) },
  { op: 'exec', program: { fd: 6 } },
];

describe.skipIf(!hasCross)('the gate for aarch64', () => {
  beforeAll(() => {
    const build = spawnSync(process.execPath, ['bin/build.js', '--only', 'paddock-gate', '--into', folder], {
      env: { ...process.env, CC: CROSS },
      encoding: 'utf8',
    });
    expect(build.stderr.replace(/^npm .*\n/gm, '')).toBe(''); // warnings are errors there
    expect(build.status).toBe(0);
  });

  it('compiles without a warning, for that machine', () => {
    const header = readFileSync(gate).subarray(0, 64);
    expect(header.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expect(header.readUInt16LE(18)).toBe(EM_AARCH64);
  });

  describe.skipIf(EMULATOR === undefined)('in an emulator', () => {
    const emulated = [EMULATOR ?? '', gate];

    it('says of itself what machine it is for', () => {
      const { stdout, status } = spawnSync(emulated[0] ?? '', [gate, '--probe'], { encoding: 'utf8' });
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ event: 'probe', architecture: 'aarch64' });
    });

    it('reads a plan with the numbers and the filter of that machine', () => {
      expect(check(emulated, encodeOperations(PLAN))).toEqual({ status: 0, why: '' });
    });

    it('accepts and refuses the same streams as the native one, in the same words', () => {
      const whole = Buffer.from(encodeOperations(PLAN));
      const changed = fc
        .tuple(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length))
        .map(([at, value, length]) => {
          const copy = Buffer.from(whole);
          copy[at] = value;
          return copy.subarray(0, length % 4 === 0 ? length : whole.length);
        });
      fc.assert(
        fc.property(changed, (stream) => {
          expect(check(emulated, stream)).toEqual(check([gateProgram()], stream));
        }),
        { numRuns: 40 },
      );
    });
  });
});
