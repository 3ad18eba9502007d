import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { givenFacts } from '../../../src/policy/conditions/given.ts';
import { VARIABLE_NAMES } from '../../../src/policy/conditions/variables.ts';
import { FACTS } from './facts.ts';

const problems = (table: unknown) => {
  const given = givenFacts(table);
  return 'problems' in given ? given.problems : [];
};

describe('facts that are given', () => {
  it('are taken by dotted names and nested, and all of them', () => {
    expect(givenFacts({ ...FACTS.values, signers: FACTS.signers })).toEqual({ facts: FACTS });
    expect(
      givenFacts({
        user: { name: 'ada', groups: ['a'] },
        'user.uid': 7,
        time: { utc: { hour: 3 }, 'utc.minute': 4 },
      }),
    ).toEqual({
      facts: {
        values: {
          'user.name': 'ada',
          'user.groups': ['a'],
          'user.uid': 7,
          'time.utc.hour': 3,
          'time.utc.minute': 4,
        },
        signers: [],
      },
    });
  });

  it('tell of the model, and so that it is known', () => {
    const values = (table: unknown) => {
      const given = givenFacts(table);
      return 'facts' in given ? given.facts.values : undefined;
    };
    expect(values({ 'model.architecture': 'llama' })).toMatchObject({ 'model.known': true });
    expect(values({ model: { known: false } })).toEqual({ 'model.known': false });
    expect(values({})).toEqual({});
  });

  it('have signers whom the system trusts unless they say otherwise', () => {
    expect(givenFacts({ signers: ['a', { name: 'b', anchor: 'user' }] })).toEqual({
      facts: {
        values: {},
        signers: [
          { name: 'a', anchor: 'system' },
          { name: 'b', anchor: 'user' },
        ],
      },
    });
  });

  it.each([
    [{ 'user.nme': 'x' }, ['user.nme'], '`user.name`?'],
    [{ user: { nme: 'x' } }, ['user', 'nme'], '`user.name`?'],
    [{ constructor: 1 }, ['constructor'], expect.stringContaining('user.name')],
    [{ user: 'ada' }, ['user'], expect.stringContaining('names and values')],
    [[], [], expect.stringContaining('names and values')],
    [null, [], expect.stringContaining('names and values')],
    [{ 'file.size': '4GiB' }, ['file.size'], 'a whole number'],
    [{ 'file.size': 1.5 }, ['file.size'], 'a whole number'],
    [{ 'file.size': 2 ** 60 }, ['file.size'], 'a whole number'],
    [{ 'network.serve': 'no' }, ['network.serve'], 'true or false'],
    [{ 'user.groups': 'a' }, ['user.groups'], 'a list of at most 1024 texts'],
    [{ 'user.groups': [1] }, ['user.groups'], 'a list of at most 1024 texts'],
    [{ signers: [{ name: 'a' }] }, ['signers'], expect.stringContaining('system or user')],
    [{ 'user.name': 'a', user: { name: 'b' } }, ['user', 'name'], 'one value for each'],
  ])('are refused with their keys: %j', (table, keys, expected) => {
    expect(problems(table)).toMatchObject([{ keys, expected }]);
  });

  it('come from any table, or problems do', () => {
    const key = fc.oneof(fc.constantFrom(...VARIABLE_NAMES, 'user', 'time', '__proto__'), fc.string());
    const value = fc.oneof(fc.jsonValue(), fc.dictionary(key, fc.jsonValue()));
    fc.assert(
      fc.property(fc.oneof(fc.dictionary(key, value), fc.jsonValue()), (table) => {
        const given = givenFacts(table);
        expect('facts' in given || given.problems.length > 0).toBe(true);
      }),
    );
  });
});
