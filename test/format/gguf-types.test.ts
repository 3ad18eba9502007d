import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANY_TYPES, compareVersions, tensorTypesOf } from '../../src/format/gguf-types.ts';

const name = (version: string, id: number) => tensorTypesOf(version)[id]?.[0];

describe('what a number of a tensor type means', () => {
  it.each([
    ['0.1', 16, 'I8'],
    ['0.6', 18, 'I32'],
    ['0.6', 19, undefined],
    ['0.6.1', 16, 'IQ2_XXS'],
    ['0.6.1', 17, 'I8'],
    ['0.6.2', 17, 'IQ2_XS'],
    ['0.6.2', 20, 'I32'],
    ['0.7', 20, 'IQ4_NL'],
    ['0.7', 29, 'BF16'],
    ['0.7', 30, undefined],
    ['0.7.1', 29, 'IQ1_M'],
    ['0.7.4', 30, 'BF16'],
    ['0.8.12', 31, undefined],
    ['0.8.13', 31, 'Q4_0_4_4'],
    ['0.9.3', 33, 'Q4_0_8_8'],
    ['0.9.3', 34, undefined],
    ['0.10.0', 31, undefined],
    ['0.10.6', 39, 'MXFP4'],
    ['1.0', 42, 'Q2_0'],
  ])('%s: %i is %s', (version, id, expected) => {
    expect(name(version, id)).toBe(expected);
  });

  it('the first sixteen never changed', () => {
    for (const version of ['0.1', '0.6.1', '0.7', '0.9.3', '0.10.6']) {
      for (const id of [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) {
        expect(tensorTypesOf(version)[id]).toEqual(ANY_TYPES[id]);
      }
      expect([4, 5].map((id) => name(version, id))).toEqual([undefined, undefined]);
    }
  });

  it('a type of today is never longer than the one that had its number before', () => {
    for (const version of ['0.1', '0.6.1', '0.6.2', '0.7']) {
      for (const [id, [, elements, bytes]] of Object.entries(tensorTypesOf(version))) {
        const [, todaysElements = 1, todaysBytes = Number.POSITIVE_INFINITY] = ANY_TYPES[Number(id)] ?? [];
        expect(todaysBytes / todaysElements).toBeLessThanOrEqual(bytes / elements);
      }
    }
  });
});

describe('the order of releases', () => {
  it.each([
    ['0.9.3', '0.10.0'],
    ['0.8.9', '0.8.13'],
    ['0.7', '0.7.1'],
    ['0.6.2', '0.7'],
  ])('%s is before %s', (a, b) => {
    expect(compareVersions(a, b)).toBeLessThan(0);
    expect(compareVersions(b, a)).toBeGreaterThan(0);
  });

  it('the same release is the same, however it is written', () => {
    expect(compareVersions('0.10', '0.10.0')).toBe(0);
    expect(compareVersions('v0.10.0', '0.10')).toBe(0);
  });

  it('any text has its place', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(Math.sign(compareVersions(a, b))).toBe(0 - Math.sign(compareVersions(b, a)));
      }),
    );
  });
});
