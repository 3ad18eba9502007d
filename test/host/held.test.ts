import { expect, it } from 'vitest';
import { heldHere } from '../../src/host/held.ts';
import { MATRIX, matrixFacts } from '../../src/launch/matrix.ts';
import { HOST } from '../launch/fixtures.ts';

it('says for every row of the matrix what holds it here', () => {
  const all = heldHere(matrixFacts(HOST));
  expect(all.map(({ what }) => what)).toEqual(MATRIX.map(({ what }) => what));
  expect(all.every(({ by }) => by.length > 0)).toBe(true);
});

it('says where nothing does', () => {
  const open = heldHere(matrixFacts({ ...HOST, seccompNotify: false })).filter(({ by }) => by.length === 0);
  expect(open.map(({ serving }) => serving)).toEqual([true]);
  expect(open[0]?.how).toMatch(/refuses/);
});
