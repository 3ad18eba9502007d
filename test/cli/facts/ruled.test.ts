import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fileFacts } from '../../../src/cli/facts/file.ts';
import { judgeRuled } from '../../../src/cli/facts/ruled.ts';
import { type JudgedBy, judgeFile, judgeOpened } from '../../../src/cli/judged.ts';
import { syntheticElf } from '../../../src/demo/ape-writer.ts';
import { type GgufModel, writeGguf } from '../../../src/demo/gguf-writer.ts';
import { zipalignAppend } from '../../../src/demo/zip-writer.ts';
import { type JudgedFile, openJudged } from '../../../src/format/open.ts';
import type { PaddockError } from '../../../src/lib/errors.ts';
import type { Facts } from '../../../src/policy/conditions/variables.ts';
import { VARIABLE_NAMES } from '../../../src/policy/conditions/variables.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { TINY_MODEL } from '../../fixtures/llamafile.ts';
import { HOST } from '../../policy/arbitrary.ts';
import { capture } from '../capture.ts';
import { scratch } from '../paddock.ts';

const folder = scratch();
const ALL = new Set(VARIABLE_NAMES);
const OTHER: GgufModel = {
  ...TINY_MODEL,
  metadata: TINY_MODEL.metadata.map((entry) =>
    entry[0] === 'general.architecture' ? ['general.architecture', 'string', 'qwen2'] : entry,
  ),
};

interface Made {
  readonly args?: string;
  readonly models?: Readonly<Record<string, GgufModel>>;
}

function make(name: string, { args, models = { 'model.gguf': TINY_MODEL } }: Made = {}): string {
  const path = join(folder, name);
  const members = Object.entries(models).map(([member, model]) => ({
    name: member,
    content: writeGguf(model),
  }));
  const dotArgs = args === undefined ? [] : [{ name: '.args', content: Buffer.from(args) }];
  writeFileSync(path, zipalignAppend(syntheticElf(), [...members, ...dotArgs]), { mode: 0o755 });
  return path;
}

async function factsOf(path: string, by: JudgedBy = {}, needs = ALL): Promise<Facts> {
  const judged = await judgeFile(path, by);
  try {
    return await fileFacts({ path, judged, by, cwd: folder, needs });
  } finally {
    closeSync(judged.file.fd);
  }
}

describe('facts of a file', () => {
  it('tell of the file itself, links followed', async () => {
    const path = make('a.llamafile', { args: '-m\nmodel.gguf\n--temp\n0.7\n' });
    const link = join(folder, 'link.llamafile');
    symlinkSync(path, link);
    const { values, signers } = await factsOf(link);
    const bytes = readFileSync(path);
    expect(values).toMatchObject({
      'file.path': path,
      'file.name': 'a.llamafile',
      'file.size': bytes.length,
      'file.digest': createHash('sha256').update(bytes).digest('hex'),
      'runtime.standing': 'unknown',
      'runtime.release': '',
      'model.known': true,
      'model.inside': true,
      'model.architecture': 'llama',
      'model.name': 'tiny',
      'model.parameters': 44,
      'model.context': 0,
      arguments: ['-m', 'model.gguf', '--temp', '0.7'],
    });
    expect(signers).toEqual([]);
  });

  it('read the whole file only where its digest is asked for', async () => {
    const path = make('b.llamafile');
    const { values } = await factsOf(path, {}, new Set(['file.size', 'user.name']));
    expect(values).not.toHaveProperty('file.digest');
    expect(values).not.toHaveProperty('arguments');
    expect(values).not.toHaveProperty('model.known');
  });

  it('count the user’s arguments, and not what the policy appends', async () => {
    const path = make('c.llamafile', { args: '-m\nmodel.gguf\n...\n' });
    const { values } = await factsOf(path, { given: { user: ['--server'], append: ['--gpu', 'disable'] } });
    expect(values.arguments).toEqual(['-m', 'model.gguf', '--server']);
    expect(values['network.serve']).toBe(true);
  });
});

describe('the weights', () => {
  const outside = join(folder, 'outside.gguf');
  writeFileSync(outside, writeGguf(OTHER));
  const both = { 'model.gguf': TINY_MODEL, 'other.gguf': OTHER };
  mkdirSync(join(folder, 'elsewhere'));

  it.each<[string, Made, readonly string[], Record<string, unknown>]>([
    ['the only ones inside', {}, [], { 'model.architecture': 'llama', 'model.inside': true }],
    ['outside, by -m', {}, ['-m', outside], { 'model.architecture': 'qwen2', 'model.inside': false }],
    ['outside, relative', {}, ['--model', 'outside.gguf'], { 'model.architecture': 'qwen2' }],
    ['the last -m', {}, ['-m', 'model.gguf', '-m', outside], { 'model.architecture': 'qwen2' }],
    ['a member by name', { models: both }, ['-m', '/zip/other.gguf'], { 'model.architecture': 'qwen2' }],
    ['one of several', { models: both, args: '-m\nother.gguf\n' }, [], { 'model.architecture': 'qwen2' }],
    ['none that is named of several', { models: both }, [], { 'model.known': false }],
    ['none inside', { models: {}, args: '-c\n64\n' }, [], { 'model.known': false }],
    ['one that is not there', {}, ['-m', '/nowhere/x.gguf'], { 'model.known': false }],
    ['one that is no weights', {}, ['-m', '/etc/passwd'], { 'model.known': false }],
    ['a folder', {}, ['-m', folder], { 'model.known': false }],
    ['a download', {}, ['-hf', 'someone/model'], { 'model.known': false }],
    ['a download by url', {}, ['--model-url', 'http://x/y'], { 'model.known': false }],
    ['-m without a value', {}, ['-m'], { 'model.known': false }],
  ])('%s', async (name, made, user, expected) => {
    const { values } = await factsOf(make(`w ${name}.llamafile`, made), { given: { user } });
    expect(values).toMatchObject(expected);
    if (expected['model.known'] === false)
      expect(Object.keys(values).filter((one) => one.startsWith('model.'))).toEqual(['model.known']);
  });

  it('are not known where a variable of the environment could choose others', async () => {
    const path = make('env.llamafile');
    const given = { environment: { LLAMA_ARG_MODEL: '/x' } };
    expect((await factsOf(path, { given })).values['model.known']).toBe(false);
  });

  it('in several files are not known: the header of each part tells of its own', async () => {
    const part: GgufModel = {
      ...TINY_MODEL,
      metadata: [...TINY_MODEL.metadata, ['split.count', 'u32', 2]],
    };
    const path = make('split.llamafile', { models: { 'model.gguf': part } });
    expect((await factsOf(path)).values['model.known']).toBe(false);
  });
});

describe('a file under rules', () => {
  const open: JudgedFile[] = [];
  afterEach(() => {
    for (const { fd } of open.splice(0)) closeSync(fd);
  });

  async function ruled(rules: string, user: readonly string[] = [], path = make('ruled.llamafile')) {
    const policy = join(folder, 'rules.yaml');
    writeFileSync(policy, `apiVersion: paddock/v1\n${rules}\n`);
    const context = { ...capture(folder), cwd: folder };
    const loaded = await loadPolicy({
      files: [policy],
      flags: {},
      home: folder,
      host: HOST,
      systemDir: join(folder, 'no-system'),
    });
    const file = openJudged(path);
    open.push(file);
    let judgements = 0;
    const result = await judgeRuled(context, {
      path,
      loaded,
      by: ({ policy: { arguments: args } }) => ({ given: { user, append: args.force } }),
      judge: (by) => {
        judgements++;
        return judgeOpened(path, file, by);
      },
    });
    return { ...result, judgements };
  }

  it('is judged once where no rule changes by what', async () => {
    const { effective, judgements } = await ruled(
      `rules: [{ name: small, when: 'file.name.endsWith(".llamafile")', then: { limits: { processes: 9 } } }]`,
    );
    expect(effective.policy.limits.processes).toBe(9);
    expect(judgements).toBe(1);
  });

  it('is judged with what a rule forces', async () => {
    const { effective, judgements } = await ruled(
      `rules: [{ name: cool, when: '"--temp" in arguments', then: { arguments: { force: [--temp, "0"] } } }]`,
      ['--temp', '1'],
    );
    expect(effective.policy.arguments.force).toEqual(['--temp', '0']);
    expect(judgements).toBe(2);
  });

  it('is refused where a rule changes what it asks about', async () => {
    const rules = `rules: [{ name: odd, when: model.known, then: { arguments: { force: [-m, /nowhere/x.gguf] } } }]`;
    const error = (await ruled(rules).catch((cause: unknown) => cause)) as PaddockError;
    expect(error.code).toBe('policy-invalid');
    expect(error.detail.where).toContain(basename('rules.yaml'));
  });
});
