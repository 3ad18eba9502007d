import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { examineRules } from '../../../src/policy/compile.ts';
import { VARIABLE_NAMES, VARIABLES } from '../../../src/policy/conditions/variables.ts';
import { examinePolicy } from '../../../src/policy/parse.ts';
import { PARSE_HOST } from '../arbitrary.ts';

const PAGE = '../../../docs/policy.md';
const page = readFileSync(new URL(PAGE, import.meta.url), 'utf8');

function table(): string {
  const rows = VARIABLE_NAMES.map((name) => {
    const {
      type,
      means,
      unknown = 'never',
    }: { type: string; means: string; unknown?: string } = VARIABLES[name];
    return `| \`${name}\` | \`${type}\` | ${means} | ${unknown} |`;
  });
  return ['| name | type | what it is | not known when |', '|---|---|---|---|', ...rows].join('\n');
}

it('has the table of variables; `npx vitest run test/policy/conditions/page.test.ts -u` writes it', async () => {
  const made = page.replace(/(<!-- variables: .* -->\n)[\s\S]*?(<!-- end -->)/, `$1\n${table()}\n\n$2`);
  expect(made).toContain(table());
  await expect(made).toMatchFileSnapshot(PAGE);
});

it('has an example that is valid', async () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const result = examinePolicy(example, 'docs/policy.md', PARSE_HOST);
  if ('problems' in result) throw result.problems[0];
  const { rules = [] } = result.parsed.layer;
  expect(rules).toHaveLength(3);
  expect((await examineRules(rules)).problems).toEqual([]);
});
