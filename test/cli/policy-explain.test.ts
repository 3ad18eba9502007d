import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/context.ts';
import { type ExplainInput, run } from '../../src/cli/policy/explain.ts';
import { buildDemoLlamafile } from '../../src/demo/build.ts';
import { buildDemoModel } from '../../src/demo/model.ts';
import { syntheticElf } from '../../src/demo/synthetic-elf.ts';
import { capture } from './capture.ts';

let home: string;
let file: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'paddock-test-'));
  file = join(home, 'model.llamafile');
  writeFileSync(
    file,
    buildDemoLlamafile({
      engine: syntheticElf(),
      model: buildDemoModel(),
      args: '-m\nmodel.gguf\n...\n',
      form: 'elf',
    }),
  );
  chmodSync(file, 0o755);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function explained(more: Partial<ExplainInput> = {}, policy?: string) {
  const context = capture(home);
  const files = policy === undefined ? [] : [join(home, 'p.yaml')];
  if (policy !== undefined) writeFileSync(join(home, 'p.yaml'), `apiVersion: paddock/v1\n${policy}\n`);
  const code = await run(context, { file, args: [], policy: files, ...more });
  return { code, out: context.out() };
}

describe('policy explain', () => {
  it('says that a file would run, what it would be given, and where each value is from', async () => {
    const { code, out } = await explained({ args: ['-p', 'hi'], memory: 2 ** 31 });
    expect(code).toBe(EXIT.ok);
    expect(out).toMatch(/model\.llamafile would run\n {2}it is of tier C, unknown\n/);
    expect(out).toMatch(/^ {2}given {4}-p hi$/m);
    expect(out).toMatch(/^limits\.memory +2\.0GiB +the command line$/m);
    expect(out).toMatch(/^limits\.processes +\d+ +default\.yaml:\d+$/m);
  });

  it('says what it would be refused for, with the line of the policy', async () => {
    const { code, out } = await explained({ preset: 'strict' });
    expect(code).toBe(EXIT.refused);
    expect(out).toMatch(/would be refused\n/);
    expect(out).toMatch(
      /refused {2}its runtime is unknown \[trust\.refuse\]\n {11}at: strict\.yaml:\d+\n {11}to do: /,
    );
  });

  it('also for its arguments', async () => {
    const { code, out } = await explained(
      { args: ['-c', '500'] },
      'arguments: { bounds: { --ctx-size: { max: 100 } } }',
    );
    expect(code).toBe(EXIT.refused);
    expect(out).toMatch(/refused {2}the policy bounds the number of --ctx-size/);
    expect(out).toMatch(/p\.yaml:2 \(arguments\.bounds\)/);
  });

  it('tells which rules hold, and what they change', async () => {
    const rules = `rules:
  - { name: small files, when: file.size < 100000000, then: { limits: { processes: 7 } } }
  - { name: large files, when: file.size > 100000000, refuse: too large for this machine }`;
    const { out } = await explained({}, rules);
    expect(out).toMatch(/rule {5}"small files" holds \(.*p\.yaml:3\)/);
    expect(out).toMatch(/rule {5}"large files" does not hold \(.*p\.yaml:4\)/);
    expect(out).toMatch(/^limits\.processes +7 /m);
  });

  it('--json says the same', async () => {
    const { code, out } = await explained({ preset: 'strict', json: true, args: ['--rpc', 'x'] });
    expect(code).toBe(EXIT.refused);
    expect(JSON.parse(out)).toMatchObject({
      schema: 'paddock/policy-explain/v1',
      verdict: { standing: 'unknown', tier: 'C' },
      decision: { outcome: 'refuse', reasons: [{ id: 'trust.refuse' }] },
      refusal: { rule: 'arguments.deny' },
      origins: { 'limits.memoryBytes': { layer: 'strict.yaml' } },
    });
  });

  it('a file that is not there is told as by run', async () => {
    await expect(explained({ file: join(home, 'none') })).rejects.toMatchObject({ code: 'not-found' });
  });
});
