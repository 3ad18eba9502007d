import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { distPath, FIXTURE_KINDS, fixture } from '../fixtures/llamafiles.ts';
import { puppet } from '../fixtures/puppet.ts';
import { paddock, scratch } from './paddock.ts';

const PADDOCK = fileURLToPath(new URL('../../bin/paddock.js', import.meta.url));
const home = scratch();
/** Memory and processes of the session need a control group, which a plain user may not have. */
const run = (args: readonly string[], options: Parameters<typeof paddock>[1] | object = {}) =>
  paddock(['run', ...args], { home, ...options });
const elf = puppet('elf');

// The loader of the test fixtures is none that is known: a policy vouches for it, as a user would.
const vouched = join(home, 'vouched.yaml');
const loader = createHash('sha256')
  .update(readFileSync(distPath('ape-loader')))
  .digest('hex');
writeFileSync(vouched, `apiVersion: paddock/v1\ntrust:\n  loaders: [${loader}]\n`);

describe('drop-in', () => {
  it('arguments arrive as they were given', async () => {
    const words = ['--memory', 'x', '', 'a b', '"quoted"', '$HOME', '--', '-q', 'größe 猫', '*'];
    const { stdout, code } = await run([elf, 'args', ...words]);
    expect(stdout.split('\n').slice(0, -1)).toEqual(words.map((word) => `[${word}]`));
    expect(code).toBe(0);
  });

  it('standard input and output are byte for byte', async () => {
    const input = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 128));
    const { stdout, code } = await run([elf, 'cat'], { input });
    expect(code).toBe(0);
    expect(createHash('sha256').update(stdout).digest('hex')).toBe(
      createHash('sha256').update(input.toString()).digest('hex'),
    );
  });

  it.each([0, 1, 7, 125, 126, 127, 255])('exit code %d is the program’s own', async (code) => {
    expect((await run([elf, 'exit', String(code)])).code).toBe(code);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL', 'SIGUSR1', 'SIGPIPE'] as const)(
    'a death by %s is told as one',
    async (name) => {
      const outcome = await run([elf, 'die', String(constants.signals[name])]);
      expect(outcome).toMatchObject({ code: null, signal: name });
    },
  );

  it('a crash is told by the code that a shell gives it', async () => {
    expect((await run([elf, 'die', String(constants.signals.SIGSEGV)])).code).toBe(
      128 + constants.signals.SIGSEGV,
    );
  });

  it('no byte of the output is lost', async () => {
    const { stdout } = await run([elf, 'spam', '2000000']);
    expect(stdout.length).toBe(2_000_000);
  });

  it('it stays in the caller’s process group and session', async () => {
    expect((await run([elf, 'ids'])).stdout).toBe('0 0 0\n');
  });

  it('--quiet is silent, and without it paddock speaks on stderr only', async () => {
    const loud = await run([elf, 'exit', '0']);
    expect(loud.stdout).toBe('');
    expect(loud.stderr).toMatch(/^paddock: /);
    expect((await run(['--quiet', elf, 'exit', '0'])).stderr).toBe('');
  });

  it('an APE file runs by its own known loader, without its shell header', async () => {
    const ape = puppet('ape');
    const { stdout, code } = await run(['--policy', vouched, ape, 'args', 'x'], {});
    expect({ stdout, code }).toEqual({ stdout: '[x]\n', code: 0 });
    const refused = await run([ape, 'args', 'x']);
    expect(refused.code).toBe(126);
    expect(refused.stderr).toMatch(/loader/);
    expect(refused.stderr).toContain(loader);
  });
});

describe('every shape of llamafile', () => {
  it.each(FIXTURE_KINDS)('%s generates the same text as when it runs bare', async (kind) => {
    const args = ['-p', 'The llama', '-n', '12', '--seed', '3', '--log-disable'];
    const { stdout, code, stderr } = await run(['--policy', vouched, fixture(kind), ...args]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^The llama \w+/);
  });
});

describe('signals', () => {
  const started = (args: string[], detached: boolean) => {
    const child = spawn(process.execPath, [PADDOCK, 'run', '-q', elf, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH, HOME: home, XDG_STATE_HOME: join(home, 'state') },
      detached,
    });
    let text = '';
    const ready = new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk) => {
        text += chunk;
        if (text.startsWith('ready')) resolve();
      });
    });
    const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
      child.once('close', (code, signal) => resolve(signal ?? code));
    });
    return { child, ready, ended, text: () => text };
  };

  it('a signal to the launcher reaches the program', async () => {
    const session = started(['sleep'], false);
    await session.ready;
    session.child.kill('SIGTERM');
    expect(await session.ended).toBe('SIGTERM');
  });

  it('one to the launcher alone arrives once', async () => {
    const session = started(['interrupts'], false);
    await session.ready;
    session.child.kill('SIGINT');
    expect(await session.ended).toBe(0);
    expect(session.text()).toBe('ready\n1\n');
  });

  it('one to the whole process group arrives once, too', async () => {
    const session = started(['interrupts'], true);
    await session.ready;
    process.kill(-(session.child.pid ?? Number.NaN), 'SIGINT');
    expect(await session.ended).toBe(0);
    expect(session.text()).toBe('ready\n1\n');
  });
});

describe('what the program sees', () => {
  it('an environment of its own', async () => {
    const env = {
      SECRET_TOKEN: 'x',
      LD_PRELOAD: '/tmp/x.so',
      COSMOPOLITAN_INIT_ZIPOS: '/tmp/x',
      TZ: 'UTC',
      LLAMA_ARG_HOST: '0.0.0.0',
    };
    const { stdout } = await run([elf, 'env'], { env });
    const names = stdout.split('\n').map((line) => line.split('=')[0]);
    for (const name of ['SECRET_TOKEN', 'LD_PRELOAD', 'COSMOPOLITAN_INIT_ZIPOS', 'LLAMA_ARG_HOST'])
      expect(names).not.toContain(name);
    expect(names).toContain('TZ');
    expect(stdout).toMatch(/^HOME=.*paddock-.*\/home$/m);
    expect((await run(['--env', 'SECRET_TOKEN', elf, 'env'], { env })).stdout).toContain('SECRET_TOKEN=x');
  });

  it('an empty working directory: a file of the caller’s does not stand in for the weights', async () => {
    const folder = join(home, 'caller');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'model.gguf'), 'not the weights');
    const { stdout, code } = await run([fixture('elf'), '-p', 'The llama', '-n', '4', '--log-disable'], {
      cwd: folder,
    });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^The llama/);
    expect((await run([elf, 'cwd'], { cwd: folder })).stdout).toMatch(/paddock-.*\/work\n$/);
  });

  it('the files that the user names, and no others', async () => {
    const prompt = join(home, 'prompt.txt');
    const other = join(home, 'other.txt');
    writeFileSync(prompt, 'The llama');
    writeFileSync(other, 'secret');
    const { stdout } = await run([fixture('elf'), '-f', 'prompt.txt', '-n', '4', '--log-disable'], {
      cwd: home,
    });
    expect(stdout).toMatch(/^The llama/);
    const denied = await run([elf, 'show', 'other.txt'], { cwd: home });
    expect(denied.stdout).not.toContain('secret');
    expect((await run(['--read', other, elf, 'show', other])).stdout).toBe('secret');
  });

  it('nothing to write to but its own folders, which go away', async () => {
    const out = join(home, 'out');
    mkdirSync(out, { recursive: true });
    const target = join(out, 'target.txt');
    const denied = await run([elf, 'write', target.replace('/', '//')]);
    expect(denied.code).toBe(1);
    expect(existsSync(target)).toBe(false);
    expect((await run(['--write', out, elf, 'write', target])).code).toBe(0);
    const { stdout } = await run([elf, 'cwd']);
    expect(existsSync(stdout.trim())).toBe(false);
    const own = await run(['--write', home, elf, 'exit', '0']); // its records lie below
    expect(own.code).toBe(126);
    expect(own.stderr).toMatch(/paddock keeps/);
  });

  it('its standard input again by name, when that is a file', async () => {
    const script = `exec "${process.execPath}" "${PADDOCK}" run -q "${elf}" show /dev/stdin < "${join(home, 'in.txt')}"`;
    writeFileSync(join(home, 'in.txt'), 'again\n');
    const child = spawn('sh', ['-c', script], {
      env: { PATH: process.env.PATH, HOME: home },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await new Promise((resolve) => child.once('close', resolve));
    expect(text).toBe('again\n');
  });

  it('a stream that is open for reading cannot be opened again for writing', async () => {
    const path = join(home, 'only-read.txt');
    writeFileSync(path, 'as it was\n');
    const fd = openSync(path, 'r');
    const child = spawn(process.execPath, [PADDOCK, 'run', '-q', elf, 'write', '/proc/self/fd/2'], {
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: home, XDG_STATE_HOME: join(home, 'state') },
      stdio: ['ignore', 'ignore', fd],
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    closeSync(fd);
    expect(code).toBe(1);
    expect(readFileSync(path, 'utf8')).toBe('as it was\n');
  });
});

describe('limits and plans', () => {
  it('the time limit ends the session', async () => {
    const { code, stderr } = await run(['--time', '500ms', elf, 'sleep']);
    expect(code).toBe(124);
    expect(stderr).toMatch(/ended for time: 500 ms reached/);
  });

  it('--dry-run prints the whole plan and starts nothing', async () => {
    const target = join(home, 'dry.txt');
    const { stdout, code } = await run(['--dry-run', '--write', join(home, 'out'), elf, 'write', target]);
    expect(code).toBe(0);
    const plan = JSON.parse(stdout);
    expect(plan).toMatchObject({ schema: 'paddock/launch-plan/v1', form: 'elf', network: { mode: 'none' } });
    const names = plan.operations.map(({ op }: { op: string }) => op);
    expect(names).toEqual(
      expect.arrayContaining(['fork', 'no-new-privileges', 'landlock-restrict', 'seccomp-notify', 'exec']),
    );
    expect(names.at(-1)).toBe('exec');
    expect(existsSync(target)).toBe(false);
  });

  it('a server may listen on the port that it was asked for', async () => {
    const { stdout } = await run(['--dry-run', fixture('elf'), '--server', '--port', '18080', '--nobrowser']);
    expect(JSON.parse(stdout).network).toEqual({ mode: 'serve', address: '127.0.0.1', port: 18080 });
    const wide = await run(['--dry-run', fixture('elf'), '--server', '--host', '0.0.0.0']);
    expect(wide.code).toBe(126);
    expect(wide.stderr).toMatch(/0\.0\.0\.0/);
  });

  it('a denied flag is refused with the line of the policy', async () => {
    const { code, stderr } = await run([fixture('elf'), '--rpc', '127.0.0.1:1']);
    expect(code).toBe(126);
    expect(stderr).toMatch(/--rpc/);
    expect(stderr).toMatch(/default\.yaml/);
  });

  it('strict refuses an unknown runtime', async () => {
    const { code, stderr } = await run(['--preset', 'strict', elf, 'exit', '0']);
    expect(code).toBe(126);
    expect(stderr).toMatch(/unknown/);
  });
});

describe('the record', () => {
  it('holds the session and its events, readable by the user alone', async () => {
    const state = join(home, 'own-state');
    // What the user names on the command line is granted: here the policy says otherwise.
    const policy = join(home, 'no-grants.yaml');
    writeFileSync(policy, 'apiVersion: paddock/v1\narguments:\n  grantFiles: false\n');
    await run(['--policy', policy, elf, 'show', '/etc/shadow'], { env: { XDG_STATE_HOME: state } });
    const sessions = join(state, 'paddock', 'sessions');
    const [id = ''] = readdirSync(sessions);
    const record = JSON.parse(readFileSync(join(sessions, id, 'session.json'), 'utf8'));
    expect(record).toMatchObject({
      id,
      verdict: { standing: 'unknown', tier: 'C' },
      end: { result: { kind: 'exit', code: 1 } },
    });
    const lines = readFileSync(join(sessions, id, 'events.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, index) => index));
    expect(
      lines.some(
        ({ event, label, target }) => event === 'call' && label === 'read' && target === '/etc/shadow',
      ),
    ).toBe(true);
    const listed = await paddock(['ps', '--all', '--json'], { home, env: { XDG_STATE_HOME: state } });
    expect(listed.code).toBe(0);
    expect(listed.stdout).toContain(id);
  });
});
