import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EffectiveToken } from '../../src/format/args/effective.ts';
import { parseFlags } from '../../src/integrity/flags.ts';
import { canMean, meansOneOf, parseSpellings } from '../../src/integrity/spellings.ts';
import { checkArguments, userTokens } from '../../src/launch/argument-rules.ts';
import { prepareArguments } from '../../src/launch/arguments.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import type { EffectivePolicy, Policy } from '../../src/policy/policy.ts';
import { dotArgsMember, effective, fakePaths } from './fixtures.ts';

type Rules = Partial<Policy['arguments']>;

function check(rules: Rules, args: readonly string[]): () => void {
  return () => checkArguments(userTokens(args), effective({ arguments: rules }));
}

const data = new URL('../../src/integrity/data/', import.meta.url);

describe('spellings of a flag', () => {
  it('are all known flags', () => {
    const known = new Set(
      parseFlags(readFileSync(new URL('flags.tsv', data), 'utf8')).map(({ name }) => name),
    );
    const rows = readFileSync(new URL('flag-spellings.tsv', data), 'utf8').split('\n').slice(3);
    const spellings = rows.flatMap((row) => row.split(' ')).filter((name) => name !== '');
    expect(spellings.length).toBeGreaterThan(200);
    expect(spellings.filter((name) => !known.has(name))).toEqual([]);
  });

  it('stand in several groups where releases differ', () => {
    expect([canMean('-l', '--listen'), canMean('-l', '--logit-bias')]).toEqual([true, true]);
    expect(canMean('--listen', '--logit-bias')).toBe(false);
    expect([meansOneOf('-l', ['--listen']), meansOneOf('-l', ['--listen', '--logit-bias'])]).toEqual([
      false,
      true,
    ]);
    expect(meansOneOf('-l', ['-l'])).toBe(true);
  });

  it.each(['-a', 'a -b', '--a\t--b'])('a damaged row is refused: %j', (row) => {
    expect(() => parseSpellings(`spellings\n${row}\n`)).toThrow(PaddockError);
  });
});

describe('arguments.deny', () => {
  it.each([
    ['--hf-repo', '-hf'],
    ['-mu', '--model-url=x'],
    ['--tools', '-tools'],
    ['--tools-runtime', '--tools_runtime'],
  ])('of %s denies %s', (flag, argument) => {
    expect(check({ deny: [flag] }, [argument])).toThrow(/denies the flag/);
    expect(check({ deny: [flag] }, [`${argument.split('=')[0]}x`])).not.toThrow();
  });
});

describe('arguments.allow', () => {
  const allow = ['--ctx-size', '-p', '-s'];

  it.each<[string[]]>([
    [['-c', '4096', '--prompt', 'hi there']],
    [['--ctx_size=4096']],
    [['--seed', '-1', '-p', '- a list', '--slots']],
    [['-']],
    [['-p', '-- quoted --']],
  ])('%j is allowed', (args) => {
    expect(check({ allow }, args)).not.toThrow();
  });

  it.each<[string[], string]>([
    [['-m', 'x.gguf'], '-m'],
    [['-p', '--host'], '--host'], // a prompt, unless the release reads it otherwise
    [['--unheard-of=1'], '--unheard-of'],
    [['-l', '15043+1'], '-l'],
  ])('%j is not', (args, name) => {
    expect(check({ allow }, args)).toThrow(/allows other flags only/);
    try {
      check({ allow }, args)();
    } catch (error) {
      expect((error as PaddockError).explain()).toContain(`found: ${name} on the command line\n`);
    }
  });

  it('of nothing leaves words only', () => {
    expect(check({ allow: [] }, ['word'])).not.toThrow();
    expect(check({ allow: [] }, ['-v'])).toThrow(PaddockError);
  });
});

describe('arguments.bounds', () => {
  const bounds = {
    '--ctx-size': { min: 1, max: 8192 },
    '-t': { max: 4 },
    '--temp': { min: 0, max: 1.5 },
    '-n': { min: 1 },
  };

  it.each<[string[]]>([
    [['-c', '8192', '-t', '4']],
    [['--ctx_size=1', '--threads', '-1']],
    [['--temperature', '0.8', '--predict', '2147483647']],
    [['--seed', '99999999999']],
  ])('%j is within', (args) => {
    expect(check({ bounds }, args)).not.toThrow();
  });

  it.each<[string[]]>([
    [['-c', '8193']],
    [['-c', '100', '-c', '0']],
    [['--ctx-size=0x10']],
    [['--ctx-size=']],
    [['-c', '0100']],
    [['-c', '1e3']],
    [['-c', '4k']],
    [['-c', ' 4']],
    [['-c', '+4']],
    [['-c']],
    [['-c', '-t', '2']],
    [['-n', '4294967295']], // a negative number to programs that read 32 bits
    [['-n', '-1']],
    [['--threads', '5']],
    [['--threads', '99999999999']],
    [['--threads', '-9999999999']],
    [['--temp', '1.6']],
    [['--temp', 'NaN']],
  ])('%j is not', (args) => {
    expect(check({ bounds }, args)).toThrow(/bounds the number/);
  });
});

describe('whose arguments they are', () => {
  const PATHS = fakePaths([]);
  const prepare = (policy: EffectivePolicy, args: string[], dotArgs?: string) =>
    prepareArguments({
      args,
      cwd: '/',
      members: new Set(),
      hasModel: true,
      effective: policy,
      paths: PATHS,
      version: '0.9.3',
      ...(dotArgs === undefined ? {} : { dotArgs: [dotArgsMember(Buffer.from(dotArgs))] }),
    });

  it('those in .args are held against all of the rules', () => {
    const rules: Rules = { allow: ['-c', '-m', '-p'], bounds: { '-c': { max: 10 } } };
    const policy = effective({ arguments: rules });
    expect(() => prepare(policy, [], '-m\n/zip/x.gguf\n-c\n10\n...\n')).not.toThrow();
    expect(() => prepare(policy, [], '-c\n11\n...\n')).toThrow(/bounds the number/);
    expect(() => prepare(policy, [], '-ngl\n11\n...\n')).toThrow(/allows other flags only/);
  });

  it('a number behind the flag counts wherever it comes from', () => {
    const policy = effective({ arguments: { bounds: { '-c': { max: 10 } } } });
    expect(() => prepare(policy, ['99999'], '-c\n...\n')).toThrow(/bounds the number/);
  });

  const force = ['--host', '127.0.0.1'];
  const own = { ...effective({ arguments: { deny: ['--host', '--rpc'], force } }) };

  it('the administrator’s own are not', () => {
    expect(() => prepare(own, ['-p', 'x'])).not.toThrow();
    expect(() => prepare({ ...own, hasCeiling: true, systemForce: force }, ['-p', 'x'])).not.toThrow();
  });

  it('those that a later policy puts in front of the administrator’s are', () => {
    const widened = effective({ arguments: { deny: ['--rpc'], force: ['--rpc', 'evil:1', ...force] } });
    expect(() => prepare({ ...widened, hasCeiling: true, systemForce: force }, [])).toThrow(
      /denies the flag --rpc/,
    );
    const swallowing = effective({ arguments: { deny: [], force: ['-p', ...force] } });
    expect(() => prepare({ ...swallowing, hasCeiling: true, systemForce: force }, [])).toThrow(/last word/);
    expect(() => prepare(swallowing, [])).not.toThrow();
  });

  it('the message names the place in the policy', () => {
    const tokens: EffectiveToken[] = [{ text: '--rpc', origin: { from: 'command line', index: 0 } }];
    try {
      checkArguments(tokens, own);
      expect.unreachable();
    } catch (error) {
      const text = (error as PaddockError).explain();
      expect(text).toContain('found: --rpc on the command line\n');
      expect(text).toContain('at: /etc/paddock/policy.yaml:12 (arguments.deny)\n');
    }
  });
});
