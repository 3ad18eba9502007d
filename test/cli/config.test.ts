import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigInput, run } from '../../src/cli/config.ts';
import { EXIT } from '../../src/cli/context.ts';
import { preferences } from '../../src/cli/preferences.ts';
import { capture } from './capture.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'paddock-test-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const path = (): string => join(home, '.config/paddock/config.json');

async function config(input: ConfigInput): Promise<string> {
  const context = capture(home);
  expect(await run(context, input)).toBe(EXIT.ok);
  return context.out();
}

function write(text: string): void {
  mkdirSync(join(home, '.config/paddock'), { recursive: true });
  writeFileSync(path(), text);
}

it('sets, gets, lists and forgets', async () => {
  expect(await config({ action: 'get', key: 'preset' })).toBe('\n');
  await config({ action: 'set', key: 'preset', value: 'strict' });
  await config({ action: 'set', key: 'quiet', value: 'true' });
  expect(await config({ action: 'get', key: 'preset' })).toBe('strict\n');
  expect(await config({ action: 'list' })).toMatch(/^preset +strict .*\nquiet +true /);
  expect(preferences(capture(home))).toEqual({ preset: 'strict', quiet: true });
  await config({ action: 'unset', key: 'preset' });
  expect(await config({ action: 'list' })).toMatch(/^preset +not set /);
  expect(JSON.parse(readFileSync(path(), 'utf8'))).toEqual({ quiet: true });
});

it('keeps the file to its user', async () => {
  await config({ action: 'set', key: 'quiet', value: 'true' });
  expect(statSync(path()).mode & 0o777).toBe(0o600);
});

it('follows XDG_CONFIG_HOME', async () => {
  const context = { ...capture(home), env: { XDG_CONFIG_HOME: join(home, 'elsewhere') } };
  expect(await run(context, { action: 'set', key: 'quiet', value: 'false' })).toBe(EXIT.ok);
  expect(readFileSync(join(home, 'elsewhere/paddock/config.json'), 'utf8')).toContain('false');
});

describe('mistakes', () => {
  it.each([
    ['preset', 'strikt', 'usage'],
    ['preset', '', 'usage'],
    ['quiet', 'yes', 'usage'],
    ['prest', 'strict', 'usage'],
    ['__proto__', 'x', 'usage'],
    ['constructor', 'x', 'usage'],
  ])('refuses %s = %j', async (key, value, code) => {
    await expect(run(capture(home), { action: 'set', key, value })).rejects.toMatchObject({ code });
  });

  it('names the nearest preference', async () => {
    await expect(run(capture(home), { action: 'get', key: 'prest' })).rejects.toMatchObject({
      detail: { remedy: 'did you mean `preset`?' },
    });
  });

  it.each([
    '{',
    'null',
    '[]',
    '"x"',
    '{"preset":1}',
    '{"preset":"mine"}',
    '{"quiet":"yes"}',
    '{"colour":true}',
    '\xff',
  ])('does not go on with a file that says %j', async (text) => {
    write(text);
    expect(() => preferences(capture(home))).toThrow(/preferences/);
    await expect(run(capture(home), { action: 'list' })).rejects.toMatchObject({
      code: 'io',
      detail: { where: path() },
    });
  });

  it('takes an empty object, and no file', () => {
    expect(preferences(capture(home))).toEqual({});
    write('{}');
    expect(preferences(capture(home))).toEqual({});
  });
});
