import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/context.ts';
import { run as check } from '../../src/cli/policy/check.ts';
import { run as show } from '../../src/cli/policy/show.ts';
import { LEAVES } from '../../src/policy/layer.ts';
import { capture } from './capture.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'paddock-test-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(home, name);
  writeFileSync(path, text);
  return path;
}

const GOOD = 'apiVersion: paddock/v1\nextends: strict\n';

describe('check', () => {
  it('accepts the shipped policies', async () => {
    const context = capture(home);
    const files = ['default', 'strict', 'audit'].map((name) =>
      fileURLToPath(new URL(`../../policies/${name}.yaml`, import.meta.url)),
    );
    expect(await check(context, { files })).toBe(EXIT.ok);
    expect(context.out().match(/: ok$/gm)).toHaveLength(3);
  });

  it('tells file, line, column, and the nearest key, for each thing that is wrong', async () => {
    const context = capture(home);
    const bad = file('bad.yaml', 'apiVersion: paddock/v1\nlimits:\n  memroy: 4GiB\nwatch: { exec: stop }\n');
    expect(await check(context, { files: [bad, file('good.yaml', GOOD)] })).toBe(EXIT.policy);
    expect(context.out()).toBe(
      [
        `${bad}: wrong: the policy has a key that does not exist: limits.memroy`,
        `  at: ${bad}:3:3`,
        '    3 |   memroy: 4GiB',
        '      |   ^',
        '  expected: one of memory, swap, processes, cpus, cpuWeight, openFiles, fileSize, disk, time, idle, output, nice, ioWeight',
        '  to do: did you mean `memory`?',
        `${bad}: wrong: the policy says something impossible for watch.exec`,
        `  at: ${bad}:4:16`,
        '    4 | watch: { exec: stop }',
        '      |                ^',
        '  expected: record, warn or kill',
        '  found: "stop"',
        '  to do: the comments in policies/default.yaml explain every value',
        `${join(home, 'good.yaml')}: ok`,
        '',
      ].join('\n'),
    );
  });

  it('tells a file that cannot be read from one that is wrong', async () => {
    const context = capture(home);
    const files = [join(home, 'none.yaml'), file('bad.yaml', 'x: 1\n')];
    expect(await check(context, { files })).toBe(EXIT.incomplete);
    expect(context.out()).toContain('none.yaml: wrong: the policy file is not there');
  });

  it('shows nothing of a file that could mislead a reader', async () => {
    const context = capture(home);
    const bad = file('bad.yaml', 'apiVersion: paddock/v1\n"li\\e[2Jmits\u202e": "\u202e\u001b[2J"\n');
    expect(await check(context, { files: [bad] })).toBe(EXIT.policy);
    expect(context.out()).not.toContain('\u202e');
    expect(context.out()).not.toContain('\u001b');
  });
});

describe('show', () => {
  it('names every value and where it is from, in 80 columns', async () => {
    const context = capture(home);
    mkdirSync(join(home, '.config/paddock'), { recursive: true });
    file('.config/paddock/policy.yaml', `${GOOD}limits: { memory: 2GiB, time: 90s }\n`);
    expect(await show(context, { policy: [] })).toBe(EXIT.ok);
    const lines = context.out().trimEnd().split('\n');
    expect(lines).toHaveLength(LEAVES.length + 1);
    expect(context.out()).toMatch(/^limits\.memory +2\.0GiB +\S*policy\.yaml:3$/m);
    expect(context.out()).toMatch(/^limits\.time +90s +\S*policy\.yaml:3$/m);
    expect(context.out()).toMatch(/^trust\.tiers +\[A, B\] +strict\.yaml:\d+$/m);
    expect(context.out()).toMatch(/^limits\.openFiles +1024 +default\.yaml:\d+$/m);
  });

  it('gives all of it as JSON', async () => {
    const context = capture(home);
    const policy = [file('p.yaml', `${GOOD}files: { read: ["~/x"] }\n`)];
    expect(await show(context, { json: true, policy })).toBe(EXIT.ok);
    const shown = JSON.parse(context.out());
    expect(shown).toMatchObject({
      schema: 'paddock/policy/v1',
      policy: { trust: { tiers: ['A', 'B'] }, files: { read: [join(home, 'x')] } },
      origins: { 'files.read': { layer: policy[0], line: 3, column: 10 } },
      rejected: [],
      hasCeiling: false,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('takes the preset from the command line, from preferences, or the default', async () => {
    const tiers = async (preset?: string): Promise<string[]> => {
      const context = capture(home);
      await show(context, { policy: [], json: true, ...(preset === undefined ? {} : { preset }) });
      return JSON.parse(context.out()).policy.trust.tiers;
    };
    expect(await tiers()).toEqual(['A', 'B', 'C']);
    expect(await tiers('strict')).toEqual(['A', 'B']);
    mkdirSync(join(home, '.config/paddock'), { recursive: true });
    file('.config/paddock/config.json', '{"preset":"strict"}');
    expect(await tiers()).toEqual(['A', 'B']);
    expect(await tiers('audit')).toEqual(['A', 'B', 'C']);
  });

  it('refuses a preset that does not exist', async () => {
    await expect(show(capture(home), { policy: [], preset: 'auditt' })).rejects.toMatchObject({
      code: 'usage',
      detail: { remedy: 'did you mean `audit`?' },
    });
  });
});
