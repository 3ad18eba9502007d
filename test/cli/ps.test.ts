import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { run } from '../../src/cli/ps.ts';
import { nameProcess, PROC_FILES } from '../../src/lib/proc.ts';
import { createSession } from '../../src/session/record.ts';
import { readMachine } from '../../src/session/start.ts';
import type { SessionStart } from '../../src/session/types.ts';
import { end, start } from '../session/sessions.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function ps(input: Parameters<typeof run>[1]): Promise<string> {
  let shown = '';
  const write = (text: string): void => {
    shown += text;
  };
  const output = { write, isTTY: false, columns: 80 };
  const context: Context = {
    env: { XDG_STATE_HOME: folder },
    cwd: '/',
    home: '/nowhere',
    uid: process.getuid?.() ?? 0,
    stdout: output,
    stderr: output,
    now: () => new Date('2026-11-22T22:31:15.000Z'),
  };
  expect(await run(context, input)).toBe(0);
  return shown;
}

function make(id: string, facts: Partial<SessionStart> = {}) {
  return createSession(join(folder, 'paddock'), process.getuid?.() ?? 0, start({ id, ...facts }));
}

it('says so when there is nothing', async () => {
  expect(await ps({})).toBe('No sessions.\n');
  expect(await ps({ json: true })).toBe('{\n  "schema": "paddock/ps/v1",\n  "sessions": []\n}\n');
});

it.skipIf(process.platform !== 'linux')('lists what runs, and all with --all', async () => {
  const self = nameProcess(PROC_FILES, process.pid) ?? { pid: 0, startTime: 0 };
  const { host, plan } = start();
  const denied = {
    read: { denied: 3, continued: 0, emulated: 0 },
    fallback: { denied: 9, continued: 0, emulated: 0 },
  };
  make('20261122T223001-aaaaaa').end(end({ labels: denied, result: { kind: 'exit', code: 7 } }), false);
  const network = { mode: 'serve', address: '127.0.0.1', port: 8080 } as const;
  const facts = { launcher: self, host: { ...host, ...readMachine(PROC_FILES) } };
  make('20261122T223015-bbbbbb', { ...facts, plan: { ...plan, network, missing: ['limits-session'] } });
  mkdirSync(join(folder, 'paddock/sessions/20261122T223002-cccccc'));

  expect((await ps({})).split('\n')).toEqual([
    'SESSION                 STATE    AGE  MEMORY  NETWORK         DENIED  FILE',
    '20261122T223015-bbbbbb  live   1m 0s          127.0.0.1:8080          /models/story.llamafile (degraded)',
    '',
  ]);
  const all = await ps({ all: true });
  expect(all).toMatch(
    /^20261122T223001-aaaaaa +exit 7 +12 s +331\.9 MiB +none +3 +\/models\/story\.llamafile$/m,
  );
  expect(all).toMatch(/^20261122T223002-cccccc +unreadable +no session\.json$/m);
  const json = JSON.parse(await ps({ json: true, all: true })) as { sessions: { state: string }[] };
  expect(json.sessions.map(({ state }) => state)).toEqual(['live', 'unreadable', 'ended']);
});

it('nothing that a program named itself reaches the terminal raw', async () => {
  make('20261122T223001-aaaaaa', { file: { path: '/m/\x1b[2J\u202ex.llamafile', sizeBytes: 1 } }).end(
    end(),
    false,
  );
  const shown = await ps({ all: true });
  expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  expect(shown).toContain('\\x1b[2J\\u{202e}x');
});
