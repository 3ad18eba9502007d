import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { puppet } from '../fixtures/puppet.ts';
import { paddock, scratch } from './paddock.ts';

const home = scratch();
const elf = puppet('elf');
const digest = createHash('sha256').update(readFileSync(elf)).digest('hex');

function policy(name: string, rules: string): string {
  const path = join(home, `${name}.yaml`);
  writeFileSync(path, `apiVersion: paddock/v1\nrules:\n${rules}`);
  return path;
}

/** The record of the session that began last. */
function lastSession() {
  const folder = join(home, 'state', 'paddock', 'sessions');
  const all = readdirSync(folder).map((id) =>
    JSON.parse(readFileSync(join(folder, id, 'session.json'), 'utf8')),
  );
  return all.sort((a, b) => a.started.localeCompare(b.started)).at(-1);
}

const SMALL = `  - name: this file
    when: file.digest == "${digest}" && user.uid == ${process.getuid?.()}
    then: { limits: { openFiles: 77 } }
  - name: another
    when: file.size > 1000000000000
    then: { limits: { openFiles: 88 } }
`;
const NOBODY = '  - { name: nobody, when: user.uid >= 0, refuse: nobody starts anything here }\n';
const UNKNOWN = '  - { name: large, when: model.parameters > 30, refuse: too large for this machine }\n';

describe('run', () => {
  it('runs under what a rule sets, and the record names the rules that held', async () => {
    const path = policy('small', SMALL);
    const { stdout, code } = await paddock(['run', '--dry-run', '--policy', path, elf, 'true'], { home });
    expect(code).toBe(0);
    expect(stdout).toContain('77');
    const ran = await paddock(['run', '--policy', path, elf, 'exit', '3'], { home });
    expect(ran.code, ran.stderr).toBe(3);
    const { decision } = lastSession();
    expect(decision.rules).toEqual([{ name: 'this file', layer: path, line: 4 }]);
  });

  it('knows path and digest of a file whose private copy is judged', async () => {
    const path = policy(
      'copied',
      `  - { name: copy, when: file.path == "${elf}", then: { isolation: { copy: always } } }
  - { name: other, when: file.digest != "${digest}", refuse: these are other bytes than before }
`,
    );
    const ran = await paddock(['run', '--policy', path, elf, 'exit', '3'], { home });
    expect(ran.code, ran.stderr).toBe(3);
    const { plan, decision } = lastSession();
    expect(plan.still.how).toBe('copy');
    expect(decision.rules).toMatchObject([{ name: 'copy' }]);
  });

  it('starts nothing where a rule refuses, and tells which', async () => {
    const path = policy('nobody', NOBODY);
    const { stderr, code } = await paddock(['run', '--policy', path, elf, 'exit', '3'], { home });
    expect(code).toBe(126);
    expect(stderr).toContain('rule "nobody" refuses it: nobody starts anything here [rules]');
    expect(stderr).toContain(`${path}:3:27`);
  });

  it('starts nothing where a rule asks what is not known', async () => {
    const path = policy('unknown', UNKNOWN);
    const { stderr, code } = await paddock(['run', '--policy', path, elf, 'exit', '3'], { home });
    expect(code).toBe(126);
    expect(stderr).toContain('rule "large" cannot be judged: model.parameters is not known');
  });
});

it('verify asks the rules, too', async () => {
  const refused = await paddock(['verify', '--policy', policy('nobody', NOBODY), elf], { home });
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain('nobody starts anything here');
  const passed = await paddock(['verify', '--policy', policy('small', SMALL), '--jobs', '2', elf, elf], {
    home,
  });
  expect(passed.code, passed.stdout).toBe(0);
});

it('verify judges once more what a rule requires', async () => {
  const path = policy(
    'required',
    '  - { name: signed, when: file.size > 0, then: { trust: { require: [approval] } } }\n',
  );
  const refused = await paddock(['verify', '--policy', path, elf], { home });
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain('it has no approval that counts');
});

it('policy show tells the rules, and policy check what is wrong with them', async () => {
  const shown = await paddock(['policy', 'show', '--policy', policy('small', SMALL + NOBODY)], { home });
  expect(shown.stdout).toMatch(
    /rule "this file" .*small\.yaml:4\n {2}when {2}file\.digest == .*\n {2}then {2}limits\.openFiles: 77\n/,
  );
  expect(shown.stdout).toContain('refuse  nobody starts anything here');
  const wrong = policy('wrong', '  - { name: x, when: user.nme == "a", then: {} }\n');
  const checked = await paddock(['policy', 'check', wrong], { home });
  expect(checked.code).toBe(1);
  expect(checked.stdout).toContain('`user.name`?');
  expect(checked.stdout).toContain(`${wrong}:3:27`);
});
