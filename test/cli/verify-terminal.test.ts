import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { run, type VerifyInput } from '../../src/cli/verify.ts';
import { capture } from './capture.ts';
import { scratch } from './paddock.ts';
import { everyOutcome } from './verify-files.ts';

const home = scratch();
mkdirSync(join(home, 'f'));
const files = Object.keys(everyOutcome(join(home, 'f'))).map((name) => join(home, 'f', name));

async function shown(columns: number, env: Record<string, string> = {}, input: Partial<VerifyInput> = {}) {
  const context = capture(home, columns);
  const written: string[] = [];
  const stdout = { write: (text: string) => void written.push(text), isTTY: true, columns };
  await run({ ...context, env, stdout }, { paths: files, policy: [], ...input });
  return written.join('');
}

describe('at a terminal', () => {
  it.each([60, 80, 100, 250])(
    'of %i columns, no line but that of a path is wider, nor than 99',
    async (columns) => {
      const text = stripVTControlCharacters(await shown(columns));
      const lines = text.split('\n').filter((line) => !line.includes(home) && !/[0-9a-f]{64}/.test(line));
      for (const line of lines) expect(line.length).toBeLessThan(Math.min(columns, 100));
    },
  );

  it('it has colours, and none with NO_COLOR or in a file', async () => {
    expect(await shown(80)).toContain('\x1b[31m');
    expect(await shown(80, { NO_COLOR: '1' })).not.toContain('\x1b');
    expect(await shown(80, {}, { output: join(home, 'report.txt') })).toBe('');
  });

  it('reports for programs are the same as in a pipe', async () => {
    for (const format of ['json', 'sarif', 'cyclonedx'] as const)
      expect(await shown(80, {}, { [format]: true })).not.toContain('\x1b');
  });
});
