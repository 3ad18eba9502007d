import { describe, expect, it } from 'vitest';
import { ATTACKS } from './attacks.ts';
import { FAMILIES, FAMILY_OF } from './families.ts';
import { CLOSES_OF, REFERENCE } from './reference.ts';

const attempts = new Set(ATTACKS.map(({ attempt }) => attempt));

describe('the attacks', () => {
  it('are at least 80 attempts, of at least 12 families', () => {
    expect(attempts.size).toBeGreaterThanOrEqual(80);
    expect(new Set(ATTACKS.map(({ family }) => family)).size).toBeGreaterThanOrEqual(12);
  });

  it.each(FAMILIES)('try %s in at least four ways', (family) => {
    const of = ATTACKS.filter((attack) => attack.family === family);
    expect(new Set(of.map(({ attempt, name }) => `${attempt} ${name}`)).size).toBeGreaterThanOrEqual(4);
  });

  it('have names of their own', () => {
    const names = ATTACKS.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it.each(Object.entries(REFERENCE))('try %s: %s', (id) => {
    // Those that a machine cannot even be asked for need no attempt there: x32 and i386 are of x86-64.
    if (process.arch !== 'x64' && ['filter-x32', 'filter-i386'].includes(id)) return;
    const trying = ATTACKS.filter(({ closes }) => closes.some((one) => one === id));
    expect(trying.length).toBeGreaterThan(0);
    // Without a control run it would show nothing.
    expect(trying.some(({ control }) => control !== 'none')).toBe(true);
  });

  it('are those that the lists of families and of the reference name', () => {
    for (const attempt of [...Object.keys(FAMILY_OF), ...Object.keys(CLOSES_OF)])
      expect(attempts, attempt).toContain(attempt);
  });
});
