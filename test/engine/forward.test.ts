import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { storyChain } from '../../src/demo/chain.ts';
import { buildDemoModel } from '../../src/demo/model.ts';
import { distPath, fixture, modelBytes } from '../fixtures/llamafiles.ts';
import { logits, readWeights } from './oracle.ts';
import { NO_STORIES, runToEnd, STORIES } from './run.ts';
import { smallModel } from './small-model.ts';

const TOLERANCE = 1e-3;

describe('the forward pass', () => {
  it.skipIf(NO_STORIES)(`agrees with the oracle on trained weights (skipped if ${STORIES} is absent)`, () => {
    expect(worstDifference(STORIES, 'Lily went to the park and found a big')).toBeLessThan(TOLERANCE);
  });

  it('agrees with the oracle on the demo model', () => {
    const path = join(tmpdir(), `paddock-demo-${process.pid}.gguf`);
    writeFileSync(path, modelBytes());
    expect(worstDifference(path, 'The llama may not open')).toBeLessThan(0.02); // F16 attention scores reach 400
  });

  it.each([
    { type: 'F32', tied: false, kvHeads: 2 },
    { type: 'F16', tied: false, kvHeads: 1 },
    { type: 'F32', tied: true, kvHeads: 4 },
  ] as const)(
    'agrees with the oracle on random weights: $type, tied output $tied, $kvHeads of 4 heads',
    (shape) => {
      const path = join(tmpdir(), `paddock-random-${process.pid}.gguf`);
      writeFileSync(path, smallModel({ ...shape, layers: 3 }));
      expect(worstDifference(path, 'abc cab bca')).toBeLessThan(TOLERANCE);
    },
  );

  it('says the same with any number of threads', () => {
    const say = (threads: string) =>
      runToEnd(fixture('elf'), ['-p', 'The', '-n', '40', '--seed', '5', '-t', threads, '--log-disable'])
        .stdout;
    expect(new Set([say('1'), say('2'), say('7')]).size).toBe(1);
  });
});

describe.skipIf(NO_STORIES)(`a story (skipped if ${STORIES} is absent)`, () => {
  const tell = (...args: string[]) =>
    runToEnd(distPath('demo-engine'), ['-m', STORIES, '-p', 'Once upon a time', '--log-disable', ...args])
      .stdout;

  it('is told greedily in fluent English', () => {
    expect(tell('--temp', '0', '-n', '128')).toMatch(
      /^Once upon a time, there was a little girl named Lily\. She loved to play outside in the park\. One day, she saw a big, red ball\./,
    );
  });

  it('is told with chance, the same for the same seed', () => {
    const story = tell('--seed', '7', '-n', '200');
    expect(story).toBe(tell('--seed', '7', '-n', '200'));
    expect(story).not.toBe(tell('--seed', '8', '-n', '200'));
    const words = story.toLowerCase().match(/[a-z]+/g) ?? [];
    const common = new Set(
      'the a and to was he she they it had with said in his her of day one time there'.split(' '),
    );
    expect(words.length).toBeGreaterThan(50);
    expect(words.filter((word) => common.has(word)).length / words.length).toBeGreaterThan(0.2);
  });
});

describe('the demo model', () => {
  it('is the same every time', () => {
    expect(buildDemoModel().equals(modelBytes())).toBe(true);
  });

  it('says what the text says: each word has followed the one before it', () => {
    const chain = storyChain();
    const text = runToEnd(fixture('elf'), [
      '-p',
      'The llama',
      '-n',
      '200',
      '--seed',
      '3',
      '--log-disable',
    ]).stdout;
    const words = text.match(/\w+|[.,]/g) ?? [];
    expect(words.length).toBeGreaterThan(50);
    for (const [at, word] of words.slice(0, -1).entries()) {
      const next = chain.next.get(chain.words.indexOf(word));
      expect(next?.has(chain.words.indexOf(words[at + 1] ?? '')), `${word} → ${words[at + 1]}`).toBe(true);
    }
  });

  it('goes on after words that it does not know', () => {
    const { stdout } = runToEnd(fixture('elf'), [
      '-p',
      'Grüße, 🦙!',
      '-n',
      '12',
      '--seed',
      '1',
      '--log-disable',
    ]);
    expect(stdout).toMatch(/^Grüße, 🦙! (The|Every|One|A|In) \w+/);
  });
});

/** The largest difference between the engine's logits and the oracle's, over all positions and tokens. */
function worstDifference(path: string, prompt: string): number {
  const { stdout, stderr } = runToEnd(distPath('demo-engine'), [
    '-m',
    path,
    '-p',
    prompt,
    '--print-logits',
    '--cli',
  ]);
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  const tokens = rows.map((row) => row[0] ?? Number.NaN);
  expect(tokens.length, stderr).toBeGreaterThan(3);
  const expected = logits(readWeights(readFileSync(path)), tokens);
  const differences = rows.flatMap((row, at) =>
    row.slice(1).map((value, i) => Math.abs(value - (expected[at]?.[i] ?? Number.NaN))),
  );
  return differences.reduce((worst, value) => (value <= worst ? worst : value), 0);
}
