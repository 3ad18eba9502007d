import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { EffectiveToken } from '../../src/format/args/effective.ts';
import { findFlag, flagName, flagUses, isKnownTo, parseFlags } from '../../src/integrity/flags.ts';
import { PaddockError } from '../../src/lib/errors.ts';

const file = readFileSync(new URL('../../src/integrity/data/flags.tsv', import.meta.url), 'utf8');
const HEAD = 'flag\tvalue\tsince\tuntil\tclass\twhy\n';

describe('the table', () => {
  const all = parseFlags(file);

  it('has every flag once', () => {
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    expect(all.length).toBeGreaterThan(500);
  });

  it('denies or grants by policy whatever writes or opens something', () => {
    for (const flag of all.filter(({ value }) => value === 'write' || value === 'folder'))
      expect(['grant', 'deny'], flag.name).toContain(flag.class);
  });

  it.each([
    ['a class', '--x\tnone\t0.1\t\tfine\t'],
    ['a value', '--x\tfile\t0.1\t\tbenign\t'],
    ['a version', '--x\tnone\tsoon\t\tbenign\t'],
    ['a reason', '--x\tnone\t0.1\t\tdeny\t'],
    ['a reason for nothing', '--x\tnone\t0.1\t\tbenign\tbecause'],
    ['a name', 'x\tnone\t0.1\t\tbenign\t'],
    ['columns', '--x\tnone'],
  ])('that lacks %s is refused', (_, row) => {
    expect(() => parseFlags(`${HEAD}${row}\n`)).toThrow(PaddockError);
  });
});

describe('a flag', () => {
  it.each<[string, string | undefined]>([
    ['-m', '-m'],
    ['--ctx_size', '--ctx-size'],
    ['--unsecure', '--unsecure'],
    ['-unsecure', '--unsecure'], // one dash: only what is denied
    ['--db_startup_sql', '--db-startup-sql'],
    ['-host', undefined],
    ['--tools-of-tomorrow', '--tools-*'],
    ['--mcp_x', '--mcp-*'],
    ['--rpcs', undefined],
    ['--no-agent', '--no-agent'],
    ['-', undefined],
  ])('%s', (name, found) => {
    expect(findFlag(name)?.name).toBe(found);
  });

  it.each([
    ['--host=1', '--host'],
    ['--host', '--host'],
    ['-p=a=b', '-p'],
    ['host', undefined],
    ['-', undefined],
    ['--', undefined],
    ['', undefined],
  ])('%s has the name %s', (argument, name) => {
    expect(flagName(argument)).toBe(name);
  });

  it.each<[string, string, boolean]>([
    ['--gpu', '0.4.1', false],
    ['--gpu', '0.5', true],
    ['--chatml', '0.8.12', true],
    ['--chatml', '0.8.13', false],
    ['--frobnicate', '0.9.3', false],
    ['--frobnicate', '0.10.0', true], // not all are known there
  ])('%s in %s: %s', (name, version, known) => {
    expect(isKnownTo(findFlag(name), version)).toBe(known);
  });
});

it('uses of flags on a command line, with what may be their values', () => {
  const tokens = ['-p', '--rpc', 'x', '--host=::1', '--mlock', '-m', 'a.gguf', '-c'].map(
    (text, index): EffectiveToken => ({ text, origin: { from: 'command line', index } }),
  );
  expect(flagUses(tokens).map(({ name, value, swallowed }) => [name, value?.text, swallowed])).toEqual([
    ['-p', '--rpc', false],
    ['--rpc', 'x', true], // text of the prompt, or a flag: both are told
    ['--host', '::1', false],
    ['--mlock', '-m', false],
    ['-m', 'a.gguf', false],
    ['-c', undefined, false],
  ]);
});
