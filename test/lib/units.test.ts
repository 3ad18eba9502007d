import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, parseBytes, parseDuration } from '../../src/lib/units.ts';

describe('sizes', () => {
  it.each([
    ['512', 512],
    ['1K', 1024],
    ['2GiB', 2 ** 31],
    ['1.5 MiB', 1572864],
    ['1GB', 1e9],
  ])('%s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each(['', 'x', '-1', '1 parsec', '1e3', '99999999999TiB', '1.2.3'])('refuses %j', (text) =>
    expect(parseBytes(text)).toBeUndefined(),
  );

  it('reads back what it prints, to the precision that it prints', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), (bytes) => {
        const again = parseBytes(formatBytes(bytes)) ?? Number.NaN;
        expect(Math.abs(again - bytes)).toBeLessThanOrEqual(Math.max(1, bytes * 0.06));
      }),
    );
  });
});

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['90s', 90_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
  ])('%s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '5', 's', '1 year', '-3s'])('refuses %j', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );

  it.each([
    [12, '12 ms'],
    [4200, '4.2 s'],
    [90_500, '1m 31s'],
    [3_660_000, '1h 1m'],
  ])('%d', (ms, text) => expect(formatDuration(ms)).toBe(text));
});
