import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLoaders, parseReleases, shippedTables } from '../../src/integrity/tables.ts';
import { PaddockError } from '../../src/lib/errors.ts';

const digest = (digit: string): string => digit.repeat(64);
const release = (...fields: string[]): string => ['# why', 'a\tb\tc\td\te', fields.join('\t'), ''].join('\n');

describe('the shipped tables', () => {
  const { loaders, releases } = shippedTables();

  it('are whole', () => {
    expect(loaders.size).toBeGreaterThan(150);
    expect(releases.size).toBeGreaterThanOrEqual(26);
    expect(
      [...loaders.values()].filter(({ architecture }) => architecture === 'aarch64').length,
    ).toBeGreaterThan(10);
  });

  it('name only what can be the prefix of a llamafile', () => {
    for (const { artifact, version, source } of releases.values()) {
      expect(artifact).toMatch(new RegExp(`^llamafile-${version.replaceAll('.', '\\.')}(-thin)?$`));
      expect(source).not.toBe('');
    }
  });

  it('are parsed once', () => {
    expect(shippedTables()).toBe(shippedTables());
  });
});

describe('a row', () => {
  it('of a release, with and without its size', () => {
    expect([...parseReleases(release('x', '1', digest('a'), '12', 's')).values()]).toEqual([
      { artifact: 'x', version: '1', sha256: digest('a'), size: 12, source: 's' },
    ]);
    expect(parseReleases(release('x', '1', digest('a'), '', 's')).get(digest('a'))).not.toHaveProperty(
      'size',
    );
  });

  it.each([
    ['too few columns', release('x', '1', digest('a'), '12')],
    ['a digest that is too short', release('x', '1', 'abc', '12', 's')],
    ['a digest in capitals', release('x', '1', digest('A'), '12', 's')],
    ['a size that is no number', release('x', '1', digest('a'), '87 MB', 's')],
    ['a size of nothing', release('x', '1', digest('a'), '0', 's')],
    ['the same digest twice', `${release('x', '1', digest('a'), '', 's')}y\t2\t${digest('a')}\t\ts\n`],
  ])('with %s is a bug, not an omission', (_, text) => {
    expect(() => parseReleases(text)).toThrow(PaddockError);
  });

  it('of a loader for a machine that nobody has', () => {
    expect(() => parseLoaders(release(digest('a'), 'sparc', '1', '2', 's'))).toThrow(PaddockError);
  });

  it('is never anything but read or refused', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.string(), { maxLength: 6 }), { maxLength: 6 }), (rows) => {
        const text = rows.map((row) => row.join('\t')).join('\n');
        for (const parse of [parseLoaders, parseReleases]) {
          try {
            parse(text);
          } catch (cause) {
            expect(cause).toBeInstanceOf(PaddockError);
          }
        }
      }),
    );
  });
});
