import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/context.ts';
import { run } from '../../src/cli/policy/test.ts';
import { PRESETS } from '../../src/policy/preset-names.ts';
import { capture } from './capture.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'paddock-test-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const POLICY = `apiVersion: paddock/v1
arguments: { bounds: { --ctx-size: { max: 100 } } }
rules:
  - name: nobody at night
    when: time.hour < 6
    refuse: it is night
`;

async function tried(table: string, policy = POLICY) {
  writeFileSync(join(home, 'site.yaml'), policy);
  writeFileSync(join(home, 'site.test.yaml'), `apiVersion: paddock/policy-test/v1\n${table}`);
  const context = capture(home);
  const code = await run(context, { files: [join(home, 'site.yaml')] });
  return { code, out: context.out() };
}

const DAY = 'facts: { time.hour: 12 }';

describe('policy test', () => {
  it.each(PRESETS.map((name) => [name]))('the table of %s passes', async (name) => {
    const context = capture(home);
    const file = fileURLToPath(new URL(`../../policies/${name}.yaml`, import.meta.url));
    expect(await run(context, { files: [file] })).toBe(EXIT.ok);
    expect(context.out()).toMatch(/^\d+ cases, all as expected\n$/);
  });

  it('knows rules, arguments and values', async () => {
    const { code, out } = await tried(`cases:
  - name: by day
    given: { ${DAY}, args: [-c, "100"] }
    expect: { outcome: allow, rules: [] }
  - name: by night
    given: { facts: { time.hour: 3 } }
    expect: { outcome: refuse, by: [rules], rules: [nobody at night] }
  - name: without a clock
    expect: { outcome: refuse, by: [rules] }
`);
    expect(out).toBe('3 cases, all as expected\n');
    expect(code).toBe(EXIT.ok);
  });

  it('tells what comes out otherwise, and where the case stands', async () => {
    const { code, out } = await tried(`cases:
  - name: too much
    given: { ${DAY}, args: [-c, "101"] }
    expect: { outcome: allow, rules: [nobody at night], values: { limits.memroy: 1GiB, watch.exec: kill } }
  - name: the wrong reason
    given: { ${DAY}, standing: tampered }
    expect: { outcome: refuse, by: [trust.tiers] }
`);
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/^wrong {2}.*site\.test\.yaml:3: too much$/),
      '         expected allow, found refuse by arguments.bounds',
      '         expected rules that hold: nobody at night; found none',
      '         there is no value limits.memroy',
      '         expected watch.exec: kill; found warn',
      expect.stringMatching(/^wrong {2}.*site\.test\.yaml:6: the wrong reason$/),
      '         expected trust.tiers among the reasons, found trust.refuse',
      '2 cases, 2 otherwise',
      '',
    ]);
    expect(code).toBe(EXIT.policy);
  });

  it.each([
    [
      'an unknown key',
      'cases: [{ name: x, given: { standng: release }, expect: { outcome: allow } }]',
      /:2:\d+/,
    ],
    [
      'an unknown fact',
      'cases: [{ name: x, given: { facts: { user.nam: ada } }, expect: { outcome: allow } }]',
      /user\.nam/,
    ],
    ['no cases', 'cases: []', /for cases/],
    [
      'a check that is none',
      'cases: [{ name: x, given: { findings: [ZIP-999] }, expect: { outcome: allow } }]',
      /the id of a check/,
    ],
    [
      'a user below a user',
      'cases: [{ name: x, given: { user: {} }, expect: { outcome: allow } }]',
      /as: system/,
    ],
    ['no YAML', 'cases: [', /YAML/],
  ])('a table with %s is not valid', async (_, table, words) => {
    const { code, out } = await tried(table);
    expect(out).toMatch(words);
    expect(code).toBe(EXIT.policy);
  });

  it('a table that is not there, and a policy that is none', async () => {
    const context = capture(home);
    expect(await run(context, { files: [join(home, 'none.yaml')] })).toBe(EXIT.incomplete);
    expect(context.out()).toMatch(/there is no table of cases/);
    const { code, out } = await tried('cases: [{ name: x, expect: { outcome: allow } }]', 'limts: {}');
    expect(code).toBe(EXIT.policy);
    expect(out).toMatch(/limts/);
  });

  it('--json says the same', async () => {
    await tried('cases: [{ name: x, given: { standing: tampered }, expect: { outcome: allow } }]');
    const context = capture(home);
    expect(await run(context, { files: [join(home, 'site.test.yaml')], json: true })).toBe(EXIT.policy);
    expect(JSON.parse(context.out())).toMatchObject({
      schema: 'paddock/policy-test-result/v1',
      passed: 0,
      failed: 1,
      rows: [{ name: 'x', line: 2 }],
      problems: [],
    });
  });
});
