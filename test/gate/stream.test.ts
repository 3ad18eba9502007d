import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeOperations, OPCODES, type Operation } from '../../src/launch/operations.ts';
import { gateProgram, hasCompiler, plan, runGate } from './harness.ts';

const here = process.platform === 'linux' && hasCompiler;
const directory = mkdtempSync(join(tmpdir(), 'gate-stream-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** `paddock-gate --check`: 0 or 125, and why not. Anything else is a crash. */
function check(stream: Uint8Array): { status: number | null; why: string } {
  const path = join(directory, 'stream');
  writeFileSync(path, stream);
  const fd = openSync(path, 'r');
  const result = spawnSync(gateProgram(), ['--check'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    encoding: 'utf8',
    env: {},
  });
  closeSync(fd);
  return { status: result.status, why: result.stderr };
}

const record = (opcode: number, body: Uint8Array): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(opcode);
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
};

// One of each kind that takes a value, in an order that is right.
const FULL: Operation[] = [
  { op: 'subreaper' },
  { op: 'memfd', slot: 1, name: 'loader', content: Buffer.from('abc') },
  { op: 'cgroup', kind: 'v2', path: '/sys/fs/cgroup/x' },
  { op: 'answer', nr: -1, foreign: true, answer: 'deny', errno: 38, label: 'foreign', kill: true },
  { op: 'allow-bind', family: 2, port: 8080, address: Buffer.from([127, 0, 0, 1]) },
  { op: 'allow-bind', family: 10, port: 8080, address: Buffer.alloc(16) },
  { op: 'allow-connect', family: 2, port: 443, address: Buffer.from([10, 0, 0, 5]) },
  { op: 'allow-connect', family: 10, port: 65_535, address: Buffer.alloc(16) },
  { op: 'grant', rights: 3, path: '/tmp' },
  { op: 'event-rate', burst: 1, perSecond: 1 },
  { op: 'terminal' },
  { op: 'hold', fd: 6, lease: true, identity: { dev: 1n, ino: 2n, size: 3n, mtimeNs: 4n, ctimeNs: 5n } },
  { op: 'fork' },
  { op: 'death-signal', signal: 9 },
  { op: 'rlimit', resource: 4, soft: 0n, hard: (1n << 64n) - 1n },
  { op: 'nice', value: 19 },
  { op: 'io-priority', level: 7 },
  { op: 'affinity', mask: Buffer.from([1]) },
  { op: 'join', path: '/x' },
  { op: 'namespaces', kinds: ['user', 'mount', 'process'] },
  { op: 'chdir', path: '/' },
  { op: 'umask', mask: 0o77 },
  { op: 'drop-capabilities' },
  { op: 'no-new-privileges' },
  { op: 'landlock-create', fs: 1n, net: 1n, scoped: 1n },
  { op: 'landlock-path', access: 1n, optional: true, path: '/' },
  { op: 'landlock-descriptor', access: 1n, fd: 6 },
  { op: 'landlock-port', access: 1n, port: 80 },
  { op: 'landlock-restrict', flags: 0 },
  { op: 'place', from: { fd: 6 }, to: 9 },
  { op: 'close-from', first: 3 },
  { op: 'environment', entry: 'A=b' },
  { op: 'argument', value: '' },
  { op: 'signals' },
  { op: 'seccomp', program: Buffer.alloc(8) },
  { op: 'seccomp-notify', program: Buffer.alloc(16) },
  { op: 'exec', program: { slot: 1 } },
];

describe.runIf(here)('the operation stream', () => {
  it('is accepted when every kind of operation is in its place', () => {
    expect(check(encodeOperations(FULL))).toEqual({ status: 0, why: '' });
    expect(new Set(FULL.map(({ op }) => op)).size).toBe(Object.keys(OPCODES).length - 1);
  });

  it.each<[string, Operation[]]>([
    ['a supervisor’s operation after fork', [...plan().slice(0, 2), { op: 'subreaper' }, ...plan().slice(2)]],
    ['a child’s operation before fork', [{ op: 'signals' }, ...plan()]],
    ['two forks', [{ op: 'fork' }, ...plan()]],
    ['nothing after exec', [...plan(), { op: 'signals' }]],
    ['no exec', plan().slice(0, -1)],
    ['no argument', plan({ argv: [] })],
    ['a slot twice', plan({ supervisor: [FULL[1], FULL[1]].filter((one) => one !== undefined) })],
    ['an empty slot', plan({ child: [{ op: 'place', from: { slot: 2 }, to: 9 }] })],
    ['the event descriptor for the program', plan({ child: [{ op: 'place', from: { fd: 4 }, to: 9 }] })],
    ['a high place', plan({ child: [{ op: 'place', from: { fd: 6 }, to: 64 }] })],
    ['a filter without no-new-privileges', plan({ child: [{ op: 'seccomp', program: Buffer.alloc(8) }] })],
    [
      'half an instruction',
      plan({ child: [{ op: 'no-new-privileges' }, { op: 'seccomp', program: Buffer.alloc(12) }] }),
    ],
    [
      'a long filter',
      plan({ child: [{ op: 'no-new-privileges' }, { op: 'seccomp', program: Buffer.alloc(4097 * 8) }] }),
    ],
    [
      'a filter after the notifying one',
      plan({
        child: [
          { op: 'no-new-privileges' },
          { op: 'seccomp-notify', program: Buffer.alloc(8) },
          { op: 'seccomp', program: Buffer.alloc(8) },
        ],
      }),
    ],
    ['a rule without a ruleset', plan({ child: [{ op: 'landlock-port', access: 1n, port: 1 }] })],
    [
      'a ruleset that is not in force',
      plan({ child: [{ op: 'no-new-privileges' }, { op: 'landlock-create', fs: 1n, net: 0n, scoped: 0n }] }),
    ],
    [
      'a short address',
      plan({ supervisor: [{ op: 'allow-bind', family: 2, port: 1, address: Buffer.alloc(3) }] }),
    ],
    ...(
      [
        ['port 0', 2, 0, 4],
        ['port 65536', 2, 65_536, 4],
        ['a long address', 10, 1, 17],
        ['a Unix socket', 1, 1, 4],
      ] as const
    ).map(([what, family, port, length]): [string, Operation[]] => [
      `connecting to ${what}`,
      plan({ supervisor: [{ op: 'allow-connect', family, port, address: Buffer.alloc(length) }] }),
    ]),
    [
      'connecting to 65 places',
      plan({
        supervisor: Array.from({ length: 65 }, (_, i) => ({
          op: 'allow-connect',
          family: 2,
          port: i + 1,
          address: Buffer.alloc(4),
        })),
      }),
    ],
    ['a variable without a name', plan({ env: ['=x'] })],
    ['a relative grant', plan({ supervisor: [{ op: 'grant', rights: 1, path: 'x' }] })],
    ['niceness 20', plan({ child: [{ op: 'nice', value: 20 }] })],
    ['I/O level 8', plan({ child: [{ op: 'io-priority', level: 8 }] })],
    ['CPUs without a mask', plan({ child: [{ op: 'affinity', mask: Buffer.alloc(0) }] })],
    ['CPUs in too long a mask', plan({ child: [{ op: 'affinity', mask: Buffer.alloc(1025) }] })],
    ['signal 0', plan({ child: [{ op: 'death-signal', signal: 0 }] })],
    ['65537 arguments', plan({ argv: Array.from({ length: 65_537 }, () => 'x') })],
  ])('is refused with %s', (_, operations) => {
    expect(check(encodeOperations(operations)).status).toBe(125);
  });

  it('is refused when a record is a byte longer or shorter than its kind', () => {
    const whole = encodeOperations(plan());
    for (const operation of FULL) {
      if (
        ['seccomp', 'seccomp-notify', 'memfd', 'allow-bind', 'allow-connect', 'affinity'].includes(
          operation.op,
        )
      )
        continue; // end in bytes
      const one = encodeOperations([operation]);
      const opcode = one.readUInt32LE(8);
      const body = one.subarray(16, one.length - 8);
      const longer = Buffer.concat([
        whole.subarray(0, 8),
        record(opcode, Buffer.concat([body, Buffer.alloc(1)])),
        whole.subarray(8),
      ]);
      expect(check(longer)).toMatchObject({ status: 125, why: expect.stringContaining('another form') });
      if (body.length === 0) continue;
      const shorter = Buffer.concat([
        whole.subarray(0, 8),
        record(opcode, body.subarray(0, -1)),
        whole.subarray(8),
      ]);
      expect(check(shorter)).toMatchObject({ status: 125, why: expect.stringContaining('another form') });
    }
  });

  it('is refused when it is cut anywhere, goes on behind its end, or is too long', () => {
    const whole = encodeOperations(plan());
    for (let length = 0; length < whole.length; length += 3)
      expect(check(whole.subarray(0, length)).status).toBe(125);
    expect(check(Buffer.concat([whole, Buffer.alloc(1)])).why).toContain('behind the end');
    expect(check(Buffer.concat([whole, Buffer.alloc(17 << 20)])).why).toContain('longer than');
    const claims = Buffer.concat([
      whole.subarray(0, 8),
      Buffer.from('01000000ffffffff', 'hex'),
      whole.subarray(8),
    ]);
    expect(check(claims).why).toContain('passes the end');
  });

  it('with a NUL in a string is refused', () => {
    const bytes = encodeOperations([{ op: 'chdir', path: '/abc' }]);
    bytes[bytes.length - 10] = 0;
    expect(check(bytes).status).toBe(125);
  });

  it('is refused or accepted, never more, whatever bytes it has', () => {
    const whole = encodeOperations(FULL);
    const mutation = fc.record({
      at: fc.nat(whole.length - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
      cut: fc.option(fc.nat(whole.length)),
    });
    const mutated = fc.array(mutation, { minLength: 1, maxLength: 4 }).map((all) => {
      let bytes = Buffer.from(whole);
      for (const { at, bytes: with_, cut } of all) {
        bytes.set(with_.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
        if (cut !== null) bytes = bytes.subarray(0, cut);
      }
      return bytes;
    });
    const random = fc
      .uint8Array({ maxLength: 200 })
      .map((tail) => Buffer.concat([Buffer.from('PDKGATE1'), tail]));
    fc.assert(
      fc.property(fc.oneof(mutated, random), (bytes) => {
        expect([0, 125]).toContain(check(bytes).status);
      }),
      { numRuns: 300 },
    );
  });

  it('that is malformed is a failed event, and nothing runs', async () => {
    const run = await runGate({ stream: Buffer.from('PDKGATE2') });
    expect(run.events).toMatchObject([
      { event: 'failed', operation: 'stream', errno: 71 },
      { event: 'finished', killed: 0 },
    ]);
    expect(run.code).toBe(125);
  });
});
