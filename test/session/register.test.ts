import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockDescriptor } from '../../src/gate/lock.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import {
  chooseRegister,
  type Register,
  type Registered,
  registerSession,
} from '../../src/session/register.ts';
import { gateProgram, hasCompiler, isRoot } from '../gate/harness.ts';

const UID = process.getuid?.() ?? 0;
const ALL = { memoryBytes: 1000, cpus: 8 };
const id = (number: number): string => `20270101T000000-${String(number).padStart(6, '0')}`;
let root: string;
let register: Register;
let count = 0;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'register-'));
  chmodSync(root, 0o755);
  mkdirSync(join(root, 'r'));
  chmodSync(join(root, 'r'), 0o1777);
  register = { folder: join(root, 'r'), scope: 'host' };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function enter(
  demand = { memoryBytes: 10, cpus: 1 },
  check: (running: readonly Registered[]) => void = () => {},
) {
  return registerSession({
    gate: gateProgram(),
    register,
    id: id(count++),
    uid: UID,
    pid: process.pid,
    demand,
    unknown: ALL,
    check,
  });
}

function running(): readonly Registered[] {
  let seen: readonly Registered[] = [];
  enter(undefined, (found) => {
    seen = found;
  }).release();
  return seen;
}

describe.runIf(hasCompiler)('the register of sessions', () => {
  it('counts what runs, with what it may use, and nothing that has ended', () => {
    const one = enter({ memoryBytes: 300, cpus: 1.5 });
    const two = enter();
    expect(running()).toMatchObject([
      { uid: UID, pid: process.pid, memoryBytes: 300, cpus: 1.5 },
      { uid: UID, memoryBytes: 10, cpus: 1 },
    ]);
    one.release();
    one.release();
    expect(running()).toHaveLength(1);
    two.release();
    expect(running()).toEqual([]);
    expect(readdirSync(register.folder)).toEqual([]);
  });

  it('enters nothing when a ceiling is against it', () => {
    expect(() =>
      enter(undefined, () => {
        throw new PaddockError('refused', 'too many');
      }),
    ).toThrow('too many');
    expect(readdirSync(register.folder)).toEqual([]);
    enter().release(); // the lock was given back
  });

  it('forgets entries whose process was killed, and counts as long as any process holds one', async () => {
    const entry = enter();
    const heir = spawn('sleep', ['30'], { stdio: ['ignore', 'ignore', 'ignore', entry.fd] });
    closeSync(entry.fd); // as when the launcher is killed: the gate still has it
    expect(running()).toHaveLength(1);
    await killed(heir);
    expect(running()).toEqual([]);
    expect(readdirSync(register.folder)).toEqual([]);
  });

  it('takes nothing for a session that was only planted', () => {
    writeFileSync(join(register.folder, id(900)), '{}'); // nobody holds it
    symlinkSync('/etc/passwd', join(register.folder, id(901)));
    mkdirSync(join(register.folder, id(902)));
    const fd = openSync(join(register.folder, 'other-name'), 'w');
    lockDescriptor(gateProgram(), fd);
    expect(running()).toEqual([]);
    closeSync(fd);
  });

  it('does not wait for what never answers', () => {
    spawnMkfifo(join(register.folder, id(903)));
    expect(running()).toEqual([]);
  });

  it('counts one file once, whatever its names', () => {
    const entry = enter();
    const [name = ''] = readdirSync(register.folder);
    for (const number of [910, 911]) linkSync(join(register.folder, name), join(register.folder, id(number)));
    expect(running()).toHaveLength(1);
    entry.release();
  });

  it('counts in full what an entry does not say well', () => {
    for (const [number, text] of [
      '',
      'x',
      '[]',
      '{"memoryBytes":-1,"cpus":1e9}',
      '{"memoryBytes":"1"}',
    ].entries()) {
      const path = join(register.folder, id(920 + number));
      writeFileSync(path, text);
      const fd = openSync(path, 'r');
      lockDescriptor(gateProgram(), fd);
      expect(running()).toMatchObject([{ memoryBytes: 1000, cpus: 8 }]);
      closeSync(fd);
    }
  });

  it.runIf(isRoot)('counts what may not be read as held', () => {
    const path = join(register.folder, id(930));
    writeFileSync(path, '{}', { mode: 0o600 });
    chownSync(path, 1234, 1234);
    const free = running();
    expect(free).toEqual([]); // root reads everything, and sees that nobody holds it
    expect(existsSync(path)).toBe(false);
  });

  it('says who is in the way of a lock', () => {
    const fd = openSync(join(root, 'file'), 'w');
    const again = openSync(join(root, 'file'), 'r');
    lockDescriptor(gateProgram(), fd);
    expect(() => lockDescriptor(gateProgram(), again)).toThrow(/cannot be locked/);
    closeSync(fd);
    lockDescriptor(gateProgram(), again);
    closeSync(again);
  });
});

describe('chooseRegister', () => {
  const state = (): string => join(root, 'state');

  it('takes that of the host where it is safe', () => {
    expect(chooseRegister(register.folder, state(), UID)).toEqual(register);
    chmodSync(register.folder, 0o755);
    expect(chooseRegister(register.folder, state(), UID).scope).toBe('host');
    expect(existsSync(state())).toBe(false);
  });

  it('takes the user’s own where there is none', () => {
    expect(chooseRegister(join(root, 'none'), state(), UID)).toEqual({
      folder: join(state(), 'register'),
      scope: 'user',
    });
  });

  it.each([
    ['others may write and remove in', () => chmodSync(register.folder, 0o777), /mode 777/],
    ['is a link', () => replace(() => symlinkSync(root, register.folder)), /no folder/],
    ['is a file', () => replace(() => writeFileSync(register.folder, '')), /no folder/],
  ])('refuses one that %s', (_, spoil, words) => {
    spoil();
    const found = (): string => {
      try {
        chooseRegister(register.folder, state(), UID);
      } catch (cause) {
        return cause instanceof PaddockError ? cause.explain() : String(cause);
      }
      return 'nothing was thrown';
    };
    expect(found()).toMatch(words);
  });

  it('refuses one of another user', () => {
    expect(() => chooseRegister(register.folder, state(), UID + 1)).toThrow(/not safe/);
  });
});

function replace(make: () => void): void {
  rmSync(register.folder, { recursive: true });
  make();
}

function spawnMkfifo(path: string): void {
  expect(spawnSync('mkfifo', [path]).status).toBe(0);
}

function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
