import { expect, it } from 'vitest';
import { nearest } from '../../src/policy/nearest.ts';

const KEYS = ['memory', 'processes', 'cpus', 'openFiles', 'fileSize', 'time'];

it.each([
  ['memroy', 'memory'],
  ['Memory', 'memory'],
  ['proceses', 'processes'],
  ['cpu', 'cpus'],
  ['openfiles', 'openFiles'],
  ['tmie', 'time'],
  ['', undefined],
  ['network', undefined],
  ['x', undefined],
  ['m'.repeat(10_000), undefined],
])('%s', (word, expected) => expect(nearest(word, KEYS)).toBe(expected));
