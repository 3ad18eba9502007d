import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PaddockError } from '../../src/lib/errors.ts';
import { asUntrusted } from '../../src/lib/text.ts';
import { eventEntry, sampleEntries } from '../../src/session/entries.ts';
import { parseEvents, parseRecord, readEvents } from '../../src/session/read.ts';
import { createSession } from '../../src/session/record.ts';
import { SESSION_ID, sessionId, withoutPrompts } from '../../src/session/start.ts';
import { callEvent, sampleAt } from '../watch/inputs.ts';
import { end, ID, start } from './sessions.ts';

const UID = process.getuid?.() ?? 0;
let state: string;

beforeEach(() => {
  state = join(mkdtempSync(join(tmpdir(), 'paddock-test-')), 'a', 'b', 'paddock');
});
afterEach(() => rmSync(join(state, '../../..'), { recursive: true, force: true }));

const sessions = (): string => join(state, 'sessions');
const mode = (path: string): number => statSync(path).mode & 0o777;

describe('createSession', () => {
  it('keeps a session from its start to its end, for its owner alone', () => {
    const session = createSession(state, UID, start());
    expect(session.directory).toBe(join(sessions(), ID));
    const file = join(session.directory, 'session.json');
    const read = () => parseRecord(readFileSync(file, 'utf8'));
    expect(read()).toMatchObject({ id: ID, launcher: { pid: 50, startTime: 500 } });
    expect(read()?.end).toBeUndefined();

    session.running({ pid: 7, startTime: 70 }, { pid: 6, startTime: 60 });
    expect(read()?.running).toEqual({ child: { pid: 7, startTime: 70 }, gate: { pid: 6, startTime: 60 } });

    session.append(1_700_000_000_000, { event: 'started', child: 7 });
    session.end(end(), true);
    expect(read()?.end).toEqual(end());
    expect(readEvents(session.directory)).toEqual([
      {
        seq: 0,
        time: '2026-11-22T22:30:15.000Z',
        event: 'session',
        format: 'paddock-events',
        version: 1,
        id: ID,
      },
      { seq: 1, time: '2023-11-14T22:13:20.000Z', event: 'started', child: 7 },
      { seq: 2, time: '2026-11-22T22:30:27.300Z', event: 'end', result: { kind: 'exit', code: 0 } },
    ]);

    for (const folder of [state, sessions(), session.directory]) expect(mode(folder)).toBe(0o700);
    expect(readdirSync(session.directory).sort()).toEqual(['events.jsonl', 'session.json']);
    for (const name of readdirSync(session.directory))
      expect(mode(join(session.directory, name))).toBe(0o600);
  });

  it('never takes a directory that is there already', () => {
    createSession(state, UID, start());
    expect(() => createSession(state, UID, start())).toThrow(PaddockError);
  });

  it('never follows a link that a stranger put there', () => {
    mkdirSync(sessions(), { recursive: true, mode: 0o700 });
    const elsewhere = join(state, 'elsewhere');
    symlinkSync(elsewhere, join(sessions(), ID)); // dangling: mkdir must not go through it
    expect(() => createSession(state, UID, start())).toThrow(PaddockError);
    expect(existsSync(elsewhere)).toBe(false);
  });

  it.each([
    [
      'is a link',
      () => {
        mkdirSync(join(state, '..', 'real'), { recursive: true });
        symlinkSync(join(state, '..', 'real'), state);
      },
    ],
    [
      'can be written by others',
      () => {
        mkdirSync(sessions(), { recursive: true });
        chmodSync(sessions(), 0o777);
      },
    ],
    [
      'can be written by a group',
      () => {
        mkdirSync(sessions(), { recursive: true });
        chmodSync(state, 0o770);
      },
    ],
    [
      'is a file',
      () => {
        mkdirSync(join(state, '..'), { recursive: true });
        writeFileSync(state, '');
      },
    ],
  ])('refuses when the directory above %s', (_, prepare) => {
    prepare();
    expect(() => createSession(state, UID, start())).toThrow(
      expect.objectContaining({ name: 'PaddockError', code: 'io' }),
    );
  });

  it('refuses a directory of somebody else', () => {
    mkdirSync(sessions(), { recursive: true, mode: 0o700 });
    expect(() => createSession(state, UID + 1, start())).toThrow(/not safe/);
  });

  it('is ASCII to the last byte, whatever the program put into it', () => {
    const session = createSession(
      state,
      UID,
      start({ file: { path: '/größe\u202e\u009b.llamafile', sizeBytes: 1 } }),
    );
    session.append(
      1,
      eventEntry(callEvent({ target: Buffer.from('/größe\x1b[2J\u202e').toString('latin1') })),
    );
    session.end(end(), false);
    for (const name of ['session.json', 'events.jsonl']) {
      expect(readFileSync(join(session.directory, name), 'latin1')).toMatch(/^[\n\x20-\x7e]*$/);
    }
    expect(readEvents(session.directory)[1]?.target).toBe('/größe\x1b[2J\u202e');
  });

  it('stops recording calls at its bound, but not what matters', () => {
    const session = createSession(state, UID, start());
    const big = { event: 'call', target: 'x'.repeat(1 << 20) };
    for (let count = 0; count < 80; count++) session.append(1, big);
    session.append(2, { event: 'exited', code: 0 }, true);
    session.end(end(), false);
    const events = readEvents(session.directory);
    expect(events.length).toBeLessThan(70);
    expect(events.slice(-3).map(({ event }) => event)).toEqual(['full', 'exited', 'end']);
    expect(statSync(session.eventsFile).size).toBeLessThan(66 << 20);
  });
});

describe('parseEvents', () => {
  const lines = [0, 1, 2].map((seq) => JSON.stringify({ seq, time: 't', event: 'x' }));

  it('leaves out a line that was being written, wherever it was cut', () => {
    const text = `${lines.join('\n')}\n`;
    for (let length = 0; length <= text.length; length++) {
      const whole = text.slice(0, length).split('\n').length - 1;
      expect(parseEvents(text.slice(0, length))).toHaveLength(whole);
    }
  });

  it.each([
    ['a missing line', [lines[0], lines[2]]],
    ['a repeated line', [lines[0], lines[0]]],
    ['half a line in the middle', [lines[0], '{"seq":1', lines[2]]],
    ['something else', ['[]']],
    ['an empty line', [lines[0], '', lines[1]]],
  ])('tells %s', (_, damaged) => {
    expect(() => parseEvents(`${damaged.join('\n')}\n`)).toThrow(PaddockError);
  });

  it('random text gives nothing but PaddockError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseEvents(`${text}\n`);
        } catch (cause) {
          expect(cause).toBeInstanceOf(PaddockError);
        }
      }),
    );
  });
});

describe('parseRecord', () => {
  const whole = { format: 'paddock-session', version: 1, ...start(), end: end() };

  it('takes what was written, and nothing that lacks a part', () => {
    expect(parseRecord(JSON.stringify(whole))).toEqual(whole);
    for (const key of ['format', 'id', 'started', 'file', 'verdict', 'plan', 'host', 'launcher']) {
      expect(parseRecord(JSON.stringify({ ...whole, [key]: undefined }))).toBeUndefined();
      expect(parseRecord(JSON.stringify({ ...whole, [key]: 5 }))).toBeUndefined();
    }
    expect(parseRecord(JSON.stringify({ ...whole, end: { ...end(), peaks: {} } }))).toBeUndefined();
    expect(parseRecord(JSON.stringify({ ...whole, plan: { ...whole.plan, cgroups: [5] } }))).toBeUndefined();
  });

  it('random text and cut records are no records, and never an error', () => {
    const text = JSON.stringify(whole);
    fc.assert(
      fc.property(fc.nat(text.length - 1), (length) => {
        expect(parseRecord(text.slice(0, length))).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(parseRecord(json)).toBeUndefined();
      }),
    );
  });
});

describe('names and arguments', () => {
  it('ids sort by time and look as expected', () => {
    const id = sessionId(new Date('2026-11-22T22:30:15.123Z'), Uint8Array.of(0x4f, 0x2a, 0x9c));
    expect(id).toBe(ID);
    fc.assert(
      fc.property(
        fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }),
        fc.uint8Array({ minLength: 3 }),
        (now, random) => {
          expect(sessionId(now, random)).toMatch(SESSION_ID);
        },
      ),
    );
  });

  it('prompts do not enter the record', () => {
    const argv = [
      'x',
      '-m',
      'm.gguf',
      '-p',
      'geheim 🦙',
      '--prompt=also',
      '--system-prompt',
      '-p',
      '-n',
      '5',
    ];
    expect(withoutPrompts(argv)).toEqual([
      'x',
      '-m',
      'm.gguf',
      '-p',
      '<8 characters>',
      '--prompt=<4 characters>',
      '--system-prompt',
      '<2 characters>',
      '-n',
      '5',
    ]);
  });
});

describe('entries', () => {
  it('a target that is no UTF-8 stays as bytes', () => {
    expect(eventEntry(callEvent({ target: '/\xe9b' }))).toMatchObject({
      event: 'call',
      target: asUntrusted('/\xe9b'),
    });
    expect(eventEntry({ event: 'started', time: 1, child: 2 })).toEqual({ event: 'started', child: 2 });
  });

  it('a day of samples is a few thousand lines', () => {
    const entry = sampleEntries(0);
    let kept = 0;
    for (let second = 0; second < 86_400; second++) if (entry(sampleAt(second * 1000)) !== undefined) kept++;
    expect(kept).toBeGreaterThan(1000);
    expect(kept).toBeLessThan(3000);
  });
});
