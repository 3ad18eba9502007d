import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callBus, marshal } from '../../src/host/bus.ts';
import { enterScope, type ScopeFiles, userBus } from '../../src/host/scope.ts';
import { PaddockError } from '../../src/lib/errors.ts';

const UID = process.getuid?.() ?? 0;
const CALL = {
  destination: 'a.b',
  path: '/a',
  interface: 'a.b',
  member: 'Do',
  signature: '',
  body: Buffer.alloc(0),
};
let root: string;
let path: string;
let server: Server | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bus-'));
  path = join(root, 'bus');
});
afterEach(() => {
  server?.close();
  server = undefined;
  rmSync(root, { recursive: true, force: true });
});

/** A message without arguments or with one string: `type` 2 is an answer, 3 an error, 4 a signal. */
function answer(type: number, replySerial: number, text?: string): Buffer {
  const body = text === undefined ? Buffer.alloc(0) : marshal().string(text).end();
  const header = marshal().byte(0x6c).byte(type).byte(1).byte(1).u32(body.length).u32(9);
  header.array(8, (to) => {
    if (type === 4) to.struct().byte(1).signature('o').string('/org/freedesktop/DBus');
    to.struct().byte(5).signature('u').u32(replySerial);
    if (type === 3) to.struct().byte(4).signature('s').string('a.b.Refused');
    if (text !== undefined) to.struct().byte(8).signature('g').signature('s');
  });
  return Buffer.concat([header.struct().end(), body]);
}

interface Script {
  readonly ok?: string;
  readonly answers?: readonly Buffer[];
  /** Called when the second call has come. */
  readonly called?: (bytes: Buffer) => void;
}

/** A bus that answers as it is told; it keeps what it heard. */
function bus({
  ok = 'OK 0123\r\n',
  answers = [answer(2, 1, ':1.7'), answer(4, 0), answer(2, 2, '/job/1')],
  called,
}: Script = {}) {
  const heard = { bytes: Buffer.alloc(0) };
  server = createServer((socket) => {
    let said = 0;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard.bytes = Buffer.concat([heard.bytes, chunk]);
      if (said === 0 && heard.bytes.includes('\r\n')) {
        said = 1;
        socket.write(ok);
      }
      if (said === 1 && heard.bytes.includes('Hello')) {
        said = 2;
        // In two pieces: what a socket gives is no message.
        const first = Buffer.concat(answers.slice(0, 2));
        socket.write(first.subarray(0, 5));
        setTimeout(() => socket.write(first.subarray(5)), 5);
      }
      if (said === 2 && heard.bytes.includes(called === undefined ? 'Do' : 'StartTransientUnit')) {
        said = 3;
        called?.(heard.bytes);
        setTimeout(() => {
          for (const one of answers.slice(2)) socket.write(one);
        }, 20);
      }
    });
  });
  return new Promise<typeof heard>((resolve) => server?.listen(path, () => resolve(heard)));
}

const problem = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'nothing was thrown';
  } catch (cause) {
    return cause instanceof PaddockError ? cause.explain() : `not ours: ${String(cause)}`;
  }
};

describe('callBus', () => {
  it('says who it is, says hello, and waits for the answer to its own call', async () => {
    const heard = await bus({ answers: [answer(2, 1, ':1.7'), answer(4, 0), answer(2, 2)] });
    await callBus(path, 1000, CALL);
    expect(heard.bytes.subarray(0, 29).toString('latin1')).toBe('\0AUTH EXTERNAL 31303030\r\nBEGI');
  });

  it.each([
    ['refuses the user', { ok: 'REJECTED EXTERNAL\r\n' }, /authentication: REJECTED EXTERNAL/],
    [
      'answers with an error',
      { answers: [answer(2, 1), answer(4, 0), answer(3, 2, 'no\u001b[2J')] },
      /a\.b\.Refused: no\\x1b\[2J|a\.b\.Refused: no\\u/,
    ],
    ['speaks something else', { answers: [Buffer.alloc(32, 0x42)] }, /not little-endian/],
    [
      'claims too much',
      { answers: [Buffer.concat([Buffer.from('l\x02\0\x01'), Buffer.alloc(12, 0xff)])] },
      /too long/,
    ],
  ])('tells when the bus %s', async (_, script, words) => {
    await bus(script);
    expect(await problem(callBus(path, UID, CALL))).toMatch(words);
  });

  it('tells when nobody is there', async () => {
    expect(await problem(callBus(path, UID, CALL))).toMatch(/ENOENT/);
  });

  it.runIf(spawnSync('dbus-daemon', ['--version']).status === 0)('is understood by a real bus', async () => {
    const daemon = spawn(
      'dbus-daemon',
      ['--session', '--nofork', '--print-address', `--address=unix:path=${path}`],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    try {
      await new Promise((resolve) => daemon.stdout.once('data', resolve));
      // A bus ends the connection at the first malformed byte; that it names the service means that all was read.
      const files = fakeFiles();
      expect(await problem(enterScope(path, UID, { id: 'x', pid: 1, root: '/cg' }, files))).toMatch(
        /org\.freedesktop\.(DBus\.Error\.(ServiceUnknown|NameHasNoOwner|Spawn[.\w]*)|systemd1)/,
      );
    } finally {
      daemon.kill('SIGKILL');
    }
  });
});

const SCOPE = '/user.slice/user-1000.slice/user@1000.service/app.slice/paddock-x.scope';

function fakeFiles(more: Partial<ScopeFiles> & { controllers?: string; refuse?: string } = {}) {
  const written: string[] = [];
  const enabled = new Set<string>();
  let own = '0::/user.slice/user-1000.slice/session-3.scope\n';
  const files: ScopeFiles & { written: string[]; move(): void } = {
    written,
    move: () => {
      own = `0::${SCOPE}\n`;
    },
    read: (file) => {
      if (file === '/proc/self/cgroup') return own;
      if (file.endsWith('cgroup.controllers')) return more.controllers ?? 'cpu io memory pids\n';
      if (file.endsWith('cgroup.subtree_control')) return [...enabled].join(' ');
      return undefined;
    },
    write: (file, text) => {
      written.push(`${file}=${text}`);
      if (text === more.refuse) throw new Error('EBUSY');
      if (text.startsWith('+')) enabled.add(text.slice(1));
    },
    mkdir: (file) => void written.push(`mkdir ${file}`),
    pause: () => new Promise((resolve) => setTimeout(resolve, 1)),
  };
  return files;
}

describe('enterScope', () => {
  const enter = (files: ScopeFiles) => enterScope(path, UID, { id: 'x', pid: 4321, root: '/cg' }, files);

  it('has this process moved, makes room below it, and enables what is offered', async () => {
    const files = fakeFiles({ refuse: '+cpu' });
    const heard = await bus({ called: () => files.move() });
    expect(await enter(files)).toEqual(['memory', 'pids', 'io']);
    expect(files.written.slice(0, 2)).toEqual([
      `mkdir /cg${SCOPE}/launcher`,
      `/cg${SCOPE}/launcher/cgroup.procs=4321`,
    ]);
    const text = heard.bytes.toString('latin1');
    for (const word of ['paddock-x.scope', 'fail', 'PIDs', 'Delegate', 'ssa(sv)a(sa(sv))'])
      expect(text).toContain(word);
    const pid = Buffer.alloc(4);
    pid.writeUInt32LE(4321);
    expect(heard.bytes.includes(pid)).toBe(true);
  });

  it('gives up when nothing happens', async () => {
    await bus({ called: () => {} });
    expect(await problem(enter(fakeFiles()))).toMatch(/not moved/);
  }, 20_000);

  it('tells when the group is not really its own', async () => {
    const files = fakeFiles();
    await bus({ called: () => files.move() });
    const refusing = {
      ...files,
      mkdir: () => {
        throw new Error('EACCES: permission denied');
      },
    };
    expect(await problem(enter(refusing))).toMatch(/cannot be used[\s\S]*EACCES/);
  });
});

it('the bus is where the environment says', () => {
  expect(userBus({})).toBeUndefined();
  expect(userBus({ XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7/bus');
  expect(
    userBus({ DBUS_SESSION_BUS_ADDRESS: 'unix:path=/run/x%20y/bus,guid=1', XDG_RUNTIME_DIR: '/r' }),
  ).toBe('/run/x y/bus');
  expect(userBus({ DBUS_SESSION_BUS_ADDRESS: 'tcp:host=a;unix:path=/b' })).toBe('/b');
  expect(userBus({ DBUS_SESSION_BUS_ADDRESS: 'unix:abstract=/c' })).toBeUndefined();
});
