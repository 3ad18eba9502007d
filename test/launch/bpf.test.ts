import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble, DATA_NR, type Item, MAX_INSTRUCTIONS } from '../../src/launch/bpf.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import { interpret } from './bpf-interpreter.ts';

const load: Item = { kind: 'load', offset: DATA_NR };
const give = (value: number): Item => ({ kind: 'return', value });
const run = (items: readonly Item[], nr: number): number => interpret(assemble(items), { arch: 0, nr }).value;

describe('assemble', () => {
  it('writes the instructions of linux/filter.h', () => {
    const items: Item[] = [
      load,
      { kind: 'jump', test: 'eq', value: 5, yes: 'hit' },
      give(0),
      { kind: 'label', name: 'hit' },
      { kind: 'and', value: 4 },
      give(1),
    ];
    expect(Buffer.from(assemble(items)).toString('hex')).toBe(
      [
        '2000000000000000', // ld [0]
        '1500010005000000', // jeq #5, +1, +0
        '0600000000000000', // ret #0
        '5400000004000000', // and #4
        '0600000001000000', // ret #1
      ].join(''),
    );
  });

  it('tests in all four ways', () => {
    const test = (name: 'eq' | 'gt' | 'ge' | 'set', value: number, nr: number): number =>
      run(
        [
          load,
          { kind: 'jump', test: name, value, yes: 'y', no: 'n' },
          { kind: 'label', name: 'n' },
          give(0),
          { kind: 'label', name: 'y' },
          give(1),
        ],
        nr,
      );
    expect([test('eq', 7, 7), test('eq', 7, 8)]).toEqual([1, 0]);
    expect([test('gt', 7, 8), test('gt', 7, 7)]).toEqual([1, 0]);
    expect([test('ge', 7, 7), test('ge', 7, 6)]).toEqual([1, 0]);
    expect([test('set', 6, 2), test('set', 6, 9)]).toEqual([1, 0]);
    expect(test('gt', 0x7fff_ffff, 0xffff_ffff)).toBe(1); // unsigned
  });

  it.each([254, 255, 256, 257, 1000])('reaches over %i instructions on either side', (gap) => {
    const filler = Array.from({ length: gap }, (): Item => give(2));
    for (const side of ['yes', 'no'] as const) {
      const items: Item[] = [
        load,
        { kind: 'jump', test: 'eq', value: 1, [side]: 'far' },
        ...filler,
        { kind: 'label', name: 'far' },
        give(3),
      ];
      expect(run(items, side === 'yes' ? 1 : 0)).toBe(3);
      expect(run(items, side === 'yes' ? 0 : 1)).toBe(2);
    }
    const both: Item[] = [
      load,
      { kind: 'jump', test: 'eq', value: 1, yes: 'one', no: 'two' },
      ...filler,
      { kind: 'label', name: 'one' },
      give(3),
      { kind: 'label', name: 'two' },
      give(4),
    ];
    expect([run(both, 1), run(both, 0)]).toEqual([3, 4]);
  });

  it('selects as a chain of comparisons does, whatever the order and length', () => {
    const table = fc.uniqueArray(fc.nat(2000), { minLength: 1, maxLength: 400 });
    fc.assert(
      fc.property(table, fc.nat(2100), (values, nr) => {
        const items: Item[] = [load];
        for (const [i, value] of values.entries())
          items.push({ kind: 'jump', test: 'eq', value, yes: `v${i}` });
        items.push(give(0));
        for (const i of values.keys()) items.push({ kind: 'label', name: `v${i}` }, give(i + 1));
        expect(run(items, nr)).toBe(values.indexOf(nr) + 1);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses what the kernel would refuse', () => {
    const bad: [string, Item[]][] = [
      ['an unknown label', [{ kind: 'goto', target: 'nowhere' }]],
      ['a jump back', [{ kind: 'label', name: 'up' }, load, { kind: 'goto', target: 'up' }]],
      ['a label twice', [{ kind: 'label', name: 'a' }, { kind: 'label', name: 'a' }, give(0)]],
      ['no return', [load]],
      ['nothing', []],
      ['too long', [...Array.from({ length: MAX_INSTRUCTIONS }, () => load), give(0)]],
    ];
    for (const [name, items] of bad) expect(() => assemble(items), name).toThrow(PaddockError);
    expect(() =>
      assemble([...Array.from({ length: MAX_INSTRUCTIONS - 1 }, () => load), give(0)]),
    ).not.toThrow();
  });
});
