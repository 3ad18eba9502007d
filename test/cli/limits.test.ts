import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { SessionRecord } from '../../src/session/types.ts';
import { puppet } from '../fixtures/puppet.ts';
import { paddock, scratch } from './paddock.ts';

const PADDOCK = fileURLToPath(new URL('../../bin/paddock.js', import.meta.url));
const elf = puppet('elf');
const home = scratch();

interface Run {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly record: SessionRecord;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

/** Runs the puppet under limits and reads what the session left. */
async function run(options: readonly string[], ...args: string[]): Promise<Run> {
  const sessions = join(home, 'state/paddock/sessions');
  const before = new Set(existsSync(sessions) ? readdirSync(sessions) : []);
  const outcome = await paddock(['run', ...options, elf, ...args], { home });
  const id = readdirSync(sessions).find((name) => !before.has(name)) ?? '';
  const text = (name: string): string => readFileSync(join(sessions, id, name), 'utf8');
  return {
    ...outcome,
    record: JSON.parse(text('session.json')) as SessionRecord,
    events: text('events.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

/** Told on the terminal, in the record, in the events: everywhere the same words. */
function expectTold({ stderr, record, events }: Run, limit: string, words: RegExp): void {
  expect(record.end?.limit).toMatchObject({ limit, message: expect.stringMatching(words) });
  expect(events.find(({ event }) => event === 'limit')).toMatchObject({
    limit,
    message: record.end?.limit?.message,
  });
  expect(stderr).toContain(`paddock: ${record.end?.limit?.message}`);
}

const whole = (await run([], 'exit', '0')).record.plan.protections.includes('limits-session');

describe('the end of a session says which limit ended it', () => {
  it.runIf(whole)('memory, by the kernel', async () => {
    const outcome = await run(['--memory', '64MiB'], 'hog', '256');
    expect(outcome).toMatchObject({ code: null, signal: 'SIGKILL' });
    expectTold(outcome, 'memory', /^killed for memory: 64\.0 MiB reached at [\d:]{8} UTC while loading$/);
    const almost = await run(['--memory', '64MiB'], 'hog', '32');
    expect(almost).toMatchObject({ code: 0, stdout: 'had it\n' });
    expect(almost.record.end).not.toHaveProperty('limit');
  });

  it('time', async () => {
    const outcome = await run(['--time', '500ms'], 'sleep');
    expect(outcome).toMatchObject({ code: 124, signal: null });
    expectTold(outcome, 'time', /^ended for time: 500 ms reached at /);
    expect((await run(['--time', '1m'], 'exit', '3')).code).toBe(3);
  });

  it('idleness', async () => {
    const outcome = await run(['--idle', '1500ms'], 'sleep');
    expect(outcome.code).toBe(124);
    expectTold(outcome, 'idle', /^ended for being idle: 1\.5 s without work at /);
    expect(await run(['--idle', '1500ms'], 'burn', '3')).toMatchObject({ code: 0, stdout: 'burnt\n' });
  });

  it('output', async () => {
    const outcome = await run(['--output-limit', '1MiB'], 'spam', '50000000');
    expect(outcome.code).toBe(124);
    expectTold(outcome, 'output', /^ended for output: 1\.0 MiB reached at /);
    expect(outcome.stdout.length).toBeLessThan(4 << 20);
    const almost = await run(['--output-limit', '1MiB'], 'spam', String(1 << 20));
    expect(almost.code).toBe(0);
    expect(almost.stdout.length).toBe(1 << 20);
    expect(almost.record.end?.outputBytes[1]).toBe(1 << 20);
  });

  it('disk space, over many small files', async () => {
    const outcome = await run(['--disk', '8MiB'], 'fill', '4000', '4');
    expect(outcome.code).toBe(124);
    expectTold(outcome, 'disk', /^ended for disk space: 8\.0 MiB reached at /);
    expect(await run(['--disk', '8MiB'], 'fill', '1000', '4')).toMatchObject({ code: 0, stdout: 'filled\n' });
  });

  it('the size of a file, by the kernel', async () => {
    const outcome = await run(['--file-size', '2MiB'], 'large', '3');
    expect(outcome.code ?? outcome.signal).toBe('SIGXFSZ');
    expectTold(outcome, 'file-size', /^killed for file size: 2\.0 MiB reached at /);
    expect(await run(['--file-size', '2MiB'], 'large', '2')).toMatchObject({ code: 0, stdout: 'written\n' });
  });
});

it.runIf(whole)('processes that are one too many are refused and counted', async () => {
  const outcome = await run(['--processes', '8'], 'breed', '20');
  expect(outcome).toMatchObject({ code: 0, stdout: '7\n' });
  expect(outcome.record.end?.peaks.processRefusals).toBe(1);
  expect(outcome.stderr).toMatch(/8 processes and threads reached; 1 more was refused/);
  expect((await run(['--processes', '21'], 'breed', '20')).record.end?.peaks.processRefusals).toBe(0);
});

it('the program stands back for others, and leaves no core dump', async () => {
  const { stdout } = await run(['--nice', '7', '--io-weight', '50', '--cpu-weight', '20'], 'limits');
  expect(stdout).toMatch(/^nice 7 io 2,5 core [01] cpus \d+\n$|^nice 7 io 2,6 core [01] cpus \d+\n$/);
});

it('flags are a layer that the record shows', async () => {
  const { record } = await run(
    ['--swap', '1GiB', '--open-files', '100', '--cpu-weight', '7', '--disk', '1GiB', '--processes', '50'],
    'exit',
    '0',
  );
  expect(record.policy.limits).toMatchObject({
    swapBytes: 2 ** 30,
    openFiles: 100,
    cpuWeight: 7,
    diskBytes: 2 ** 30,
    processes: 50,
  });
});

it('ceilings hold for sessions that start at once, and end with the sessions', async () => {
  const policy = join(home, 'two.yaml');
  writeFileSync(policy, 'apiVersion: paddock/v1\nsessions: { perUser: 2 }\n');
  const env = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: home, XDG_STATE_HOME: join(home, 'state') };
  const start = () =>
    spawn(process.execPath, [PADDOCK, 'run', '--policy', policy, elf, 'sleep'], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const children = Array.from({ length: 5 }, start);
  const said = await Promise.all(children.map(firstWord));
  expect(said.filter((word) => word === 'ready')).toHaveLength(2);
  const refused = said.filter((word) => word !== 'ready');
  expect(refused).toHaveLength(3);
  for (const text of refused) {
    expect(text).toMatch(/sessions\.perUser: this session would be more than may run at the same time/);
    expect(text).toMatch(/at most 2 sessions, as \S*two\.yaml:2:\d+ says/);
    expect(text).toMatch(/\(yours, process \d+, /);
    expect(text).toMatch(/exit 126$/);
  }
  await Promise.all(children.map(killed)); // not even asked to end
  for (let tries = 0; tries < 100; tries++) {
    // The supervisors hold their entries until the last process is gone.
    const { code } = await paddock(['run', '--policy', policy, elf, 'exit', '7'], { home });
    if (code === 126) continue;
    expect(code).toBe(7);
    break;
  }
  expect(readdirSync(join(home, 'state/paddock/register'))).toEqual([]);
}, 60_000);

it.each([
  ['--nice', '20', /0 to 19/],
  ['--nice', 'x', /0 to 19/],
  ['--cpu-weight', '0', /1 to 10000/],
  ['--io-weight', '10001', /1 to 10000/],
  ['--swap', '-1', /size is expected/],
  ['--idle', '0', /duration is expected/],
])('%s %s is no limit', async (flag, value, words) => {
  const outcome = await paddock(['run', flag, value, elf], { home });
  expect(outcome.code).toBe(125);
  expect(outcome.stderr).toMatch(words);
});

/** "ready", or all that a refused one says, with its exit code. */
function firstWord(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    let errors = '';
    child.stdout?.setEncoding('utf8').once('data', (text: string) => resolve(text.trim()));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.once('close', (code) => resolve(`${errors.trim()}\nexit ${code}`));
  });
}

function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
