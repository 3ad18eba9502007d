import { describe, expect, it } from 'vitest';
import { effectiveArguments } from '../../../src/format/args/effective.ts';
import { type Grammar, grammarOf } from '../../../src/format/args/grammar.ts';
import { compareVersions } from '../../../src/format/args/version.ts';

function merged(grammar: Grammar, dotArgs: string, user: string[], append: string[] = []): string[] {
  const [only] = effectiveArguments({ grammar, dotArgs: Buffer.from(dotArgs), user, append });
  return (only?.tokens ?? []).map(({ text }) => text);
}

describe('the user’s arguments', () => {
  it.each<[Grammar, string, string[], string[]]>([
    ['lines-alone', '-m\nx', [], ['-m', 'x']],
    ['lines-alone', '-m\nx', ['-c'], ['-c']], // any argument puts .args out of use
    ['lines-alone', '-m\nx\n...', ['-c'], ['-m', 'x', '-c']],
    ['lines-alone', '...\n-m\nx', ['-c'], ['-c']],
    ['lines-alone', '...\n-m\nx', [], ['...', '-m', 'x']],
    ['lines', '-m\nx', ['-c'], ['-m', 'x', '-c']],
    ['lines', '-m\nx\n...', ['-c'], ['-m', 'x', '-c']],
    ['lines', '...\n-m\nx', ['-c'], ['...', '-m', 'x', '-c']],
    ['shell', '-m x', ['-c'], ['-m', 'x', '-c']],
    ['shell', '-m ... x', ['-c'], ['-m', '-c', 'x']], // and the file has the last word
    ['shell', '-m ... x ...', ['-c'], ['-m', '-c', 'x']],
  ])('%s: %j with %j', (grammar, dotArgs, user, expected) => {
    expect(merged(grammar, dotArgs, user)).toEqual(expected);
  });

  it('are followed by those of the policy, which put .args of old releases out of use as well', () => {
    expect(merged('shell', '-m x ... y', ['-c'], ['--last'])).toEqual(['-m', 'x', '-c', '--last', 'y']);
    expect(merged('lines-alone', '-m\nx', [], ['--last'])).toEqual(['--last']);
    const [only] = effectiveArguments({
      grammar: 'lines-alone',
      dotArgs: Buffer.from('-m\nx'),
      append: ['--last'],
    });
    expect(only?.dropped).toBe(true);
  });

  it('and each token keep their origin', () => {
    const [only] = effectiveArguments({
      grammar: 'shell',
      dotArgs: Buffer.from('-m x\n... -y'),
      user: ['-c'],
      append: ['-z'],
    });
    expect(only?.tokens.map(({ origin }) => origin)).toEqual([
      { from: '.args', offset: 0, length: 2, line: 1, variables: [] },
      { from: '.args', offset: 3, length: 1, line: 1, variables: [] },
      { from: 'command line', index: 0 },
      { from: 'policy', index: 0 },
      { from: '.args', offset: 9, length: 2, line: 2, variables: [] },
    ]);
  });
});

it('an unknown release is read by every grammar, the newest first', () => {
  const all = effectiveArguments({ dotArgs: Buffer.from('-m x\n') });
  expect(all.map(({ grammar, tokens }) => [grammar, tokens.map(({ text }) => text)])).toEqual([
    ['shell', ['-m', 'x']],
    ['lines', ['-m x']],
    ['lines-alone', ['-m x']],
  ]);
});

describe('releases', () => {
  it.each<[string, Grammar | undefined]>([
    ['0.1', 'lines-alone'],
    ['0.6.2', 'lines-alone'],
    ['0.7', 'lines'],
    ['0.7.0', 'lines'],
    ['0.8.9', 'lines'],
    ['0.8.16', 'lines'],
    ['0.8.17', 'shell'],
    ['0.9.3', 'shell'],
    ['0.10.6', 'shell'],
    ['0.0.9', undefined],
    ['next', undefined],
  ])('%s', (version, grammar) => {
    expect(grammarOf(version)).toBe(grammar);
  });

  it('compare by number, not by letter', () => {
    expect(compareVersions('0.8.9', '0.8.17')).toBeLessThan(0);
    expect(compareVersions('0.7', '0.7.0')).toBe(0);
    expect(compareVersions('0.10.0', '0.9.3')).toBeGreaterThan(0);
    expect(compareVersions('x', '0.1')).toBeNaN();
  });
});
