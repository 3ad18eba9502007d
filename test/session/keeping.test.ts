import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PaddockError } from '../../src/lib/errors.ts';
import { PROC_FILES } from '../../src/lib/proc.ts';
import { readEvents } from '../../src/session/read.ts';
import { createSession, type SessionWriter } from '../../src/session/record.ts';
import { pruneSessions } from '../../src/session/retention.ts';
import { mirrored, type OpenSink, openSinks, type SinkTool } from '../../src/session/sinks.ts';
import { sessionId } from '../../src/session/start.ts';
import { goingOn } from '../../src/session/unrecorded.ts';
import { end, ID, start } from './sessions.ts';

const UID = process.getuid?.() ?? 0;
const TIME = 1_700_000_000_000;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('logs of the host', () => {
  // A log that is a file: the tool writes what it gets.
  const tool = (script: string): SinkTool => ({
    socket: folder,
    programs: ['/nowhere/tool', process.execPath],
    args: ['-e', script, join(folder, 'log')],
  });
  const WRITES = 'process.stdin.pipe(require("fs").createWriteStream(process.argv[1]))';
  const tools = (script: string) => ({ journal: tool(script), syslog: tool(script) });
  const logged = () =>
    readFileSync(join(folder, 'log'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('get every line but the samples, with the session’s id', async () => {
    const sinks = await openSinks(['journal'], undefined, tools(WRITES));
    const writer = mirrored(createSession(join(folder, 'state'), UID, start()), ID, sinks);
    writer.append(TIME, { event: 'alert', message: 'caf\u00e9 \u202e' });
    writer.append(TIME, { event: 'sample', memoryBytes: 1 });
    writer.end(end(), false);
    await Promise.all(sinks.map((sink) => sink.close()));
    expect(logged().map(({ session, event }) => [session, event])).toEqual([
      [ID, 'alert'],
      [ID, 'end'],
    ]);
    expect(readFileSync(join(folder, 'log'), 'utf8')).toMatch(/^[ -~\n]*$/);
    expect(readEvents(writer.directory).map(({ event }) => event)).toEqual([
      'session',
      'alert',
      'sample',
      'end',
    ]);
  });

  it('that have ended are an error of the next line', async () => {
    const [sink] = await openSinks(['syslog'], undefined, tools('process.exit(0)'));
    await sink?.close();
    expect(() => sink?.write('x')).toThrow(/has ended/);
  });

  it('that do not read are an error before they fill the memory', async () => {
    const [sink] = await openSinks(['syslog'], undefined, tools('setTimeout(() => {}, 60_000)'));
    expect(() => {
      for (let i = 0; i < 4096; i++) sink?.write('x'.repeat(1024));
    }).toThrow(/does not take lines/);
    const before = Date.now();
    await sink?.close();
    expect(Date.now() - before).toBeLessThan(60_000);
  });

  it('that are not there are an error, or are told', async () => {
    const absent = { ...tool(''), socket: join(folder, 'nothing') };
    const both = { journal: absent, syslog: absent };
    await expect(openSinks(['journal'], undefined, both)).rejects.toMatchObject({ code: 'host-lacks' });
    const missing = vi.fn<(failure: PaddockError) => void>();
    expect(await openSinks(['journal', 'syslog'], missing, both)).toEqual([]);
    expect(missing.mock.calls.map(([{ message }]) => message)).toEqual([
      'the journal cannot be written on this host',
      'the syslog cannot be written on this host',
    ]);
  });
});

describe('a record that cannot be kept', () => {
  const broken = (): never => {
    throw new Error('disk full');
  };

  it('is told once, and the session goes on', () => {
    const tell = vi.fn<(failure: PaddockError) => void>();
    const inner: SessionWriter = { ...createSession(folder, UID, start()), append: vi.fn(broken) };
    const writer = goingOn(() => inner, start(), tell);
    writer.append(TIME, { event: 'alert' });
    writer.append(TIME, { event: 'alert' });
    expect(writer.end(end(), true)).toMatchObject({ id: ID, end: { result: end().result } });
    expect(inner.append).toHaveBeenCalledTimes(1);
    expect(tell).toHaveBeenCalledTimes(1);
    expect(tell.mock.calls[0]?.[0].detail.found).toBe('disk full');
  });

  it('from its first line on leaves a session without a folder', () => {
    const tell = vi.fn();
    const writer = goingOn(broken, start(), tell);
    writer.running({ pid: 1, startTime: 1 }, undefined);
    expect(writer.directory).toBe('');
    expect(writer.end(end(), false)).toMatchObject({ format: 'paddock-session', id: ID });
    expect(tell).toHaveBeenCalledTimes(1);
  });

  it('by a log of the host counts as one that cannot be kept', () => {
    const sink: OpenSink = { write: broken, close: async () => {} };
    const writer = mirrored(createSession(folder, UID, start()), ID, [sink]);
    expect(() => writer.append(TIME, { event: 'alert' })).toThrow('disk full');
  });
});

describe('retention', () => {
  const DAY = 86_400_000;
  const now = Date.parse('2026-11-22T00:00:00Z');

  function make(
    daysAgo: number,
    options: { readonly bytes?: number; readonly ended?: boolean } = {},
  ): string {
    const id = sessionId(new Date(now - daysAgo * DAY), Buffer.from([daysAgo % 256, 0, 0]));
    const writer = createSession(folder, UID, { ...start(), id });
    if (options.bytes !== undefined)
      writeFileSync(join(writer.directory, 'big'), Buffer.alloc(options.bytes));
    if (options.ended !== false) writer.end(end(), false);
    return id;
  }
  const left = () => readdirSync(join(folder, 'sessions')).sort();

  it('without bounds removes nothing', () => {
    make(1000);
    expect(pruneSessions(folder, { ageMs: null, bytes: null }, now, PROC_FILES)).toEqual([]);
    expect(left()).toHaveLength(1);
  });

  it('removes what is older', () => {
    const [old, young] = [make(91), make(89)];
    expect(pruneSessions(folder, { ageMs: 90 * DAY, bytes: null }, now, PROC_FILES)).toEqual([old]);
    expect(left()).toEqual([young]);
  });

  it('removes the oldest until the rest fits', () => {
    const ids = [5, 4, 3, 2].map((days) => make(days, { bytes: 10_000 }));
    expect(pruneSessions(folder, { ageMs: null, bytes: 28_000 }, now, PROC_FILES)).toEqual(ids.slice(0, 2));
    expect(left()).toEqual(ids.slice(2));
  });

  it('leaves sessions that live, and folders that are none', () => {
    const live = make(1000, { ended: false });
    mkdirSync(join(folder, 'sessions', 'notes'));
    const record = join(folder, 'sessions', live, 'session.json');
    const text = readFileSync(record, 'utf8');
    const { launcher, host } = JSON.parse(text);
    const machine = {
      hostname: readFileSync('/proc/sys/kernel/hostname', 'utf8').trim(),
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    };
    expect(launcher.pid).toBeGreaterThan(0);
    writeFileSync(
      record,
      JSON.stringify({ ...JSON.parse(text), host: { ...host, ...machine, pidNamespace: 'elsewhere' } }),
    );
    expect(pruneSessions(folder, { ageMs: 1, bytes: 0 }, now, PROC_FILES)).toEqual([]);
    expect(existsSync(join(folder, 'sessions', live))).toBe(true);
    expect(left()).toContain('notes');
  });
});
