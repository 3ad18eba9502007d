import { describe, expect, it } from 'vitest';
import { ABIS } from '../../src/launch/landlock.ts';
import {
  differences,
  holding,
  lacking,
  landlockHolds,
  MATRIX,
  type MatrixFacts,
  NEWEST_ABI,
  sinceAbi,
} from '../../src/launch/matrix.ts';

const FULL: MatrixFacts = { landlockAbi: NEWEST_ABI, seccomp: true, supervisor: true, namespaces: false };
const ABI = Array.from({ length: NEWEST_ABI }, (_, index) => index + 1);

function by(id: string, facts: Partial<MatrixFacts>): readonly string[] | undefined {
  const closure = MATRIX.find((one) => one.id === id);
  return closure && holding(closure, { ...FULL, ...facts })?.way.by;
}

describe('the matrix', () => {
  it('has one row for each protection', () => {
    expect(new Set(MATRIX.map(({ id }) => id)).size).toBe(MATRIX.length);
  });

  it.each(ABI)('leaves nothing open at ABI %i, serving or not, with a supervisor', (landlockAbi) => {
    expect(lacking({ ...FULL, landlockAbi }, true)).toEqual([]);
  });

  it('closes by seccomp what Landlock does not know yet', () => {
    expect(ABI.map((landlockAbi) => by('truncate', { landlockAbi })?.join())).toEqual([
      ...Array(2).fill('landlock,seccomp'),
      ...Array(5).fill('landlock'),
    ]);
    expect(ABI.map((landlockAbi) => by('signals', { landlockAbi })?.join())).toEqual([
      ...Array(5).fill('seccomp,supervisor'),
      ...Array(2).fill('landlock'),
    ]);
    expect([2, 3].map((abi) => landlockHolds('truncate', abi))).toEqual([false, true]);
    expect([5, 6].map((abi) => landlockHolds('signals', abi))).toEqual([false, true]);
  });

  it('takes namespaces where neither Landlock nor a supervisor holds signals, and else refuses', () => {
    const poor = { landlockAbi: 5, supervisor: false };
    expect(by('signals', { ...poor, namespaces: true })).toEqual(['namespaces', 'seccomp']);
    expect(by('signals', poor)).toBeUndefined();
    expect(lacking({ ...FULL, ...poor }, false)).toEqual(['landlock-scope']);
    expect(lacking({ ...FULL, ...poor, namespaces: true }, false)).toEqual([]);
  });

  it('refuses to serve without a supervisor, at any ABI', () => {
    expect(lacking({ ...FULL, supervisor: false }, true)).toEqual(['seccomp-notify']);
    expect(lacking({ ...FULL, supervisor: false }, false)).toEqual([]);
  });

  it('refuses without Landlock, and without seccomp', () => {
    expect(lacking({ ...FULL, landlockAbi: 0 }, false)).toEqual(['landlock-files']);
    expect(lacking({ ...FULL, seccomp: false, supervisor: false }, false)).toContain('seccomp');
  });

  it('rests on rights that the fence uses', () => {
    for (const { ways, beneath } of MATRIX)
      for (const { right } of [...ways, ...(beneath ?? [])])
        if (right !== undefined) expect(sinceAbi(right), right).toBeLessThanOrEqual(NEWEST_ABI);
    expect(NEWEST_ABI).toBe(Math.max(...ABIS.filter(({ used }) => used).map(({ abi }) => abi)));
  });

  it('says in which ways an older host differs', () => {
    expect(differences(NEWEST_ABI)).toEqual([]);
    expect(differences(6)).toEqual([]);
    expect(differences(5).join()).toMatch(/signals.*seccomp and the supervisor/);
    expect(differences(3).join()).toMatch(/TCP: seccomp without Landlock beneath/);
    expect(differences(2).join()).toMatch(/cutting a file short/);
    expect(differences(1).join()).toMatch(/refused everywhere/);
    expect(differences(0).join()).toMatch(/held by nothing/);
  });
});
