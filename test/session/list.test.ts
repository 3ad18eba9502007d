import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listSessions } from '../../src/session/read.ts';
import { createSession } from '../../src/session/record.ts';
import type { SessionStart } from '../../src/session/types.ts';
import { end, machine, start } from './sessions.ts';

const UID = process.getuid?.() ?? 0;
let state: string;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'paddock-test-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

const id = (second: number): string => `20261122T2230${String(second).padStart(2, '0')}-4f2a9c`;
const make = (second: number, facts: Partial<SessionStart> = {}) =>
  createSession(state, UID, start({ id: id(second), ...facts }));
const states = (files = machine()) => listSessions(state, files).map((entry) => [entry.id, entry.state]);

it('tells live, ended and crashed apart, newest first', () => {
  make(1).end(end(), false);
  make(2);
  make(3, { launcher: { pid: 60, startTime: 600 } });
  const files = machine().process(60, { startTime: 600 });
  expect(states(files)).toEqual([
    [id(3), 'live'],
    [id(2), 'crashed'],
    [id(1), 'ended'],
  ]);
  expect(listSessions(state, files, 2)).toHaveLength(2);
});

it('is live while the gate or the program runs, though the launcher is gone', () => {
  make(1).running({ pid: 71, startTime: 711 }, { pid: 70, startTime: 700 });
  expect(states(machine().process(70, { startTime: 700 }))).toEqual([[id(1), 'live']]);
  expect(states(machine().process(71, { startTime: 711 }))).toEqual([[id(1), 'live']]);
});

it('is not misled by a later process with the same number, or by a zombie', () => {
  make(1);
  expect(states(machine().process(50, { startTime: 9999 }))).toEqual([[id(1), 'crashed']]);
  expect(states(machine().process(50, { startTime: 500, state: 'Z' }))).toEqual([[id(1), 'crashed']]);
});

it('does not judge processes of another machine or container; a machine that was started again is the same', () => {
  const { host } = start();
  make(1, { host: { ...host, hostname: 'other' } });
  make(2, { host: { ...host, pidNamespace: 'pid:[2]' } });
  make(3, { host: { ...host, bootId: 'boot-0' } });
  expect(states()).toEqual([
    [id(3), 'crashed'],
    [id(2), 'elsewhere'],
    [id(1), 'elsewhere'],
  ]);
});

it('shows what it cannot read, and leaves out what is no session', () => {
  const sessions = join(state, 'sessions');
  for (const name of [id(1), id(2), id(3), 'notes', '..x'])
    mkdirSync(join(sessions, name), { recursive: true });
  writeFileSync(join(sessions, id(2), 'session.json'), '{"format":"paddock-sess');
  symlinkSync('/etc/passwd', join(sessions, id(3), 'session.json'));
  mkdirSync(join(sessions, id(4), 'session.json'), { recursive: true });
  expect(states().map(([, one]) => one)).toEqual(['unreadable', 'unreadable', 'unreadable', 'unreadable']);
  expect(listSessions(state, machine()).every(({ fault }) => fault !== undefined)).toBe(true);
});

it('a record that was copied to another name is not believed', () => {
  const session = make(1);
  const other = join(state, 'sessions', id(2));
  mkdirSync(other);
  session.end(end(), false);
  writeFileSync(
    join(other, 'session.json'),
    JSON.stringify({ format: 'paddock-session', version: 1, ...start({ id: id(1) }) }),
  );
  expect(states()[0]).toEqual([id(2), 'unreadable']);
});

it('no directory, no sessions', () => {
  expect(listSessions(join(state, 'nothing'), machine())).toEqual([]);
});
