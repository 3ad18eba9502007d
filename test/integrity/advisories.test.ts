import { describe, expect, it } from 'vitest';
import { exposureOf, parseAdvisories, shippedAdvisories } from '../../src/integrity/advisories.ts';
import { PaddockError } from '../../src/lib/errors.ts';

const HEAD = 'id\tcomponent\tfrom\tlast\tfixed\tfeature\tsummary\tnote\tsource\n';
const ROW = ['CVE-2099-0001', 'llama.cpp', '0.7', '0.8.9', '0.9.0', 'server', 'it breaks', 'how', 'where'];
const table = (row: readonly string[]): string => `${HEAD}${row.join('\t')}\n`;
const changed = (index: number, text: string): string[] => ROW.map((cell, i) => (i === index ? text : cell));

it('the shipped table has every vulnerability once, each with its source', () => {
  const all = shippedAdvisories();
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  expect(all.length).toBeGreaterThan(10);
});

describe('a release', () => {
  it.each<[string, string]>([
    ['0.6.2', 'none'],
    ['0.7.0', 'affected'],
    ['0.8.9', 'affected'],
    ['0.8.17', 'open'],
    ['0.9.0', 'none'],
    ['1.0', 'none'],
    ['next', 'none'],
  ])('%s: %s', (version, exposure) => {
    const [row] = parseAdvisories(table(ROW));
    expect(row && exposureOf(row, version)).toBe(exposure);
  });

  it('is open to what nobody established, up to the newest that was looked at', () => {
    const [row] = parseAdvisories(table(changed(3, '').map((cell, i) => (i === 4 ? '' : cell))));
    expect(row && exposureOf(row, '0.10.6')).toBe('open');
    expect(row && exposureOf(row, '0.10.7')).toBe('none');
  });
});

it.each([
  ['an id', 0, 'CVE-1'],
  ['versions in order', 4, '0.8.1'],
  ['a version', 2, ''],
  ['a feature', 5, 'magic'],
  ['a source', 8, ''],
  ['a note', 7, ''],
])('a row without %s is refused', (_, index, text) => {
  expect(() => parseAdvisories(table(changed(index, text)))).toThrow(PaddockError);
});

describe('of the shipped table', () => {
  const of = (version: string, feature: string): string[] =>
    shippedAdvisories()
      .filter((one) => one.feature === feature && exposureOf(one, version) === 'affected')
      .map(({ id }) => id);

  it('the first releases have the five faults of early 2024, and 0.7 has none of them', () => {
    expect(of('0.6.2', 'weights')).toEqual(expect.arrayContaining(['CVE-2024-21802', 'CVE-2024-23605']));
    expect(of('0.7', 'weights')).not.toContain('CVE-2024-21802');
  });

  it('the release that takes n_discard from a request has its fault, the ones before do not', () => {
    expect(of('0.10.0', 'server')).toContain('CVE-2026-21869');
    expect(of('0.9.3', 'server')).not.toContain('CVE-2026-21869');
  });
});
