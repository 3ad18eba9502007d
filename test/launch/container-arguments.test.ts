import { describe, expect, it } from 'vitest';
import { containerArguments } from '../../src/launch/container-arguments.ts';

const PATH = '/proc/self/fd/10';
const mapped = (words: readonly string[], more: Partial<Parameters<typeof containerArguments>[0]> = {}) =>
  containerArguments({
    line: words.map((text, index) => ({ text, origin: { from: 'command line', index } })),
    path: PATH,
    members: new Set(['model.gguf', 'mmproj.gguf', 'prompt.txt', '.args', 'both.txt']),
    models: ['model.gguf', 'mmproj.gguf'],
    own: new Set(['www/index.html', 'grammar.gbnf', 'both.txt']),
    ...more,
  });

describe('what a known engine is told', () => {
  it.each([
    [
      ['-m', 'model.gguf'],
      ['-m', `${PATH}@model.gguf`],
    ],
    [
      ['-m', '/zip/model.gguf'],
      ['-m', `${PATH}@model.gguf`],
    ],
    [['--model=model.gguf'], [`--model=${PATH}@model.gguf`]],
    [
      ['--mmproj', 'mmproj.gguf', '-m', '/zip/model.gguf'],
      ['--mmproj', `${PATH}@mmproj.gguf`, '-m', `${PATH}@model.gguf`],
    ],
    [
      ['-m', '/home/u/other.gguf'],
      ['-m', '/home/u/other.gguf'],
    ],
    [
      ['-m', 'missing.gguf'],
      ['-m', 'missing.gguf'],
    ],
    [
      ['-m', '/zip/missing.gguf'],
      ['-m', `${PATH}@missing.gguf`],
    ], // the engine says that it is not there
    [
      ['-p', 'model.gguf', '-m', 'model.gguf'],
      ['-p', 'model.gguf', '-m', `${PATH}@model.gguf`],
    ],
    [
      ['-m', 'x.gguf', '--grammar-file', '/zip/grammar.gbnf'],
      ['-m', 'x.gguf', '--grammar-file', '/zip/grammar.gbnf'],
    ],
    [
      ['-p', 'hi'],
      ['-p', 'hi'],
    ],
  ])('%j becomes %j', (words, expected) => {
    expect(mapped(words)).toEqual(expected);
  });

  it('takes the one model of the file where none is named', () => {
    expect(mapped(['-p', 'hi'], { models: ['model.gguf'] })).toEqual([
      ...['-m', `${PATH}@model.gguf`, '-p', 'hi'],
    ]);
    expect(mapped([], { models: [] })).toEqual([]);
  });

  it.each([
    ['-f', 'prompt.txt'],
    ['-f', '/zip/prompt.txt'],
    ['--file=/zip/prompt.txt'],
    ['-f', '/zip/both.txt'],
  ])('is not told what its release cannot read out of another file: %s %s', (...words) => {
    expect(() => mapped(words.filter((word) => word !== undefined))).toThrow(/cannot read this out/);
  });

  it.each(['0.1', '0.4.1', '0.5'])('release %s reads weights out of no other file', (version) => {
    expect(() => mapped(['-m', 'model.gguf'], { version })).toThrow(/out of no other file/);
  });

  it.each(['0.6', '0.6.2', '0.9.3', '0.10.1'])('release %s does', (version) => {
    expect(mapped(['-m', 'model.gguf'], { version })).toEqual(['-m', `${PATH}@model.gguf`]);
  });
});
