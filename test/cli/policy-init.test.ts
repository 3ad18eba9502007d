import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/context.ts';
import { interview, policyText, run } from '../../src/cli/policy/init.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import { PRESETS } from '../../src/policy/preset-names.ts';
import type { CallerStreams } from '../../src/terminal/streams.ts';
import { capture } from './capture.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'paddock-test-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const nobody = { isTerminal: [false, false, false] } as unknown as CallerStreams;
const HOST = { memoryBytes: 2 ** 34, home: '/home/u' };

describe('policy init', () => {
  it.each(PRESETS.map((preset) => [preset]))(
    '--preset %s writes a policy that extends it',
    async (preset) => {
      const context = capture(home);
      expect(await run(context, { preset, output: '-' }, nobody)).toBe(EXIT.ok);
      expect(parsePolicy(context.out(), 'new', HOST).extends).toBe(preset);
      expect(
        parsePolicy(context.out().replace(/^# (?=files:|limits:|rules:| {2})/gm, ''), 'new', HOST),
      ).toBeDefined();
    },
  );

  it('writes the user’s own policy, which only he can write, and not over one that is there', async () => {
    const context = capture(home);
    const path = join(home, '.config/paddock/policy.yaml');
    expect(await run(context, { preset: 'strict' }, nobody)).toBe(EXIT.ok);
    expect(statSync(path).mode & 0o022).toBe(0);
    expect(context.err()).toMatch(/`paddock run` reads it from now on/);
    writeFileSync(path, 'mine');
    await expect(run(context, { preset: 'strict' }, nobody)).rejects.toMatchObject({ code: 'usage' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(await run(context, { preset: 'strict', force: true }, nobody)).toBe(EXIT.ok);
  });

  it('says what to do where nobody can be asked, and for a preset that is none', async () => {
    const context = capture(home);
    await expect(run(context, {}, nobody)).rejects.toMatchObject({
      code: 'usage',
      detail: { remedy: expect.stringMatching(/--preset default/) },
    });
    await expect(run(context, { preset: 'strikt' }, nobody)).rejects.toMatchObject({
      detail: { remedy: 'did you mean `strict`?' },
    });
    expect(existsSync(join(home, '.config/paddock/policy.yaml'))).toBe(false);
  });
});

describe('the questions', () => {
  async function answered(...answers: string[]) {
    const said: string[] = [];
    const questions: string[] = [];
    const result = await interview(
      async (text) => {
        questions.push(text);
        return answers.shift() ?? '';
      },
      (line) => said.push(line),
    );
    return { result, said, questions };
  }

  it('nothing but Enter gives the default policy', async () => {
    expect((await answered()).result).toEqual({ preset: 'default' });
  });

  it('answers become values', async () => {
    const { result } = await answered('4', '8080-8090', '8GiB', '/srv/models, ~/more');
    expect(result).toEqual({
      preset: 'shared-server',
      ports: '8080-8090',
      memory: '8GiB',
      folders: ['/srv/models', '~/more'],
    });
    const { layer } = parsePolicy(policyText(result), 'new', HOST);
    expect(layer.values).toMatchObject({
      network: { ports: [8080, 8090] },
      limits: { memoryBytes: 2 ** 33 },
      files: { read: ['/srv/models', '/home/u/more'] },
    });
  });

  it('what cannot be is asked again, with what is expected', async () => {
    const { result, said } = await answered('7', '1', '99999', '8080', 'lots', '75%', 'relative', '');
    expect(result).toEqual({ preset: 'default', ports: '8080', memory: '75%' });
    expect(said.filter((line) => line.includes('expected'))).toHaveLength(4);
  });

  it('text that speaks YAML stays text', async () => {
    const { result } = await answered('1', '', '', '/a"]\nnetwork: {mode: serve, /b');
    const { layer } = parsePolicy(policyText(result), 'new', HOST);
    expect(layer.values.network).toBeUndefined();
  });

  it('a chat without network is not asked for ports', async () => {
    expect((await answered('2')).questions.join()).not.toMatch(/ports/);
  });

  it('end after ten answers that cannot be used', async () => {
    await expect(answered(...Array.from({ length: 12 }, () => 'x'))).rejects.toMatchObject({ code: 'usage' });
  });
});
