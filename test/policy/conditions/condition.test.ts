import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOUNDS } from '../../../src/policy/conditions/bounds.ts';
import { compileCondition, type Outcome } from '../../../src/policy/conditions/condition.ts';
import { Fault } from '../../../src/policy/conditions/fault.ts';
import {
  type Facts,
  VARIABLE_NAMES,
  VARIABLES,
  type VariableName,
} from '../../../src/policy/conditions/variables.ts';
import { FACTS, without } from './facts.ts';

async function judged(
  text: string,
  facts: Facts = FACTS,
  signers: 'system' | 'anybody' = 'anybody',
): Promise<Outcome> {
  return (await compileCondition(text)).judge(facts, signers);
}

async function fault(text: string): Promise<Fault> {
  const found = await compileCondition(text).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(found instanceof Fault)) throw new Error(`no fault in ${text.slice(0, 60)}`, { cause: found });
  return found;
}

describe('what a condition can say', () => {
  it.each([
    ['model.parameters > 30e9 && !("research" in user.groups)', false],
    ['model.parameters <= 7000000000', true],
    ['time.hour >= 22 || time.hour < 6', true],
    ['time.utc.hour == 22 && time.weekday in [1, 2, 3, 4, 5]', true],
    ['user.name == "ada" && user.uid >= 1000', true],
    ['user.groups.exists(g, g.startsWith("res"))', true],
    ['user.groups.filter(g, g != "ada").size() == 1', true],
    ['arguments.all(a, !a.startsWith("--rpc"))', true],
    ['file.path.startsWith("/srv/") && file.name.endsWith(".llamafile")', true],
    ['file.path.contains("/" + user.name + "/")', false],
    ['runtime.tier == "A" ? false : true', false],
    ['string(user.uid) == "1000" && user.groups[0] == user.name', true],
    ['double(file.size) > 0.5 * double(host.memory)', false],
    ['file.name.lowerAscii() == "small.llamafile" // by name', true],
    ['"nvidia" in host.gpus && network.serve', true],
  ])('%s', async (text, held) => {
    expect(await judged(text)).toEqual({ held });
  });

  it('knows every variable by its type', async () => {
    const test: Record<string, (name: string) => string> = {
      bool: (name) => name,
      int: (name) => `${name} > -1`,
      string: (name) => `${name} != "\\u0000"`,
      'list<string>': (name) => `size(${name}) > 0`,
    };
    for (const name of VARIABLE_NAMES) {
      const text = test[VARIABLES[name].type]?.(name) ?? '';
      expect(await judged(text), name).toEqual({ held: true });
      expect([...(await compileCondition(text)).mentions]).toEqual([name]);
    }
  });

  it('counts only the signers of the system’s store where the system asks', async () => {
    expect(await judged('"friend" in signers', FACTS, 'anybody')).toEqual({ held: true });
    expect(await judged('"friend" in signers', FACTS, 'system')).toEqual({ held: false });
    expect(await judged('"publisher" in signers', FACTS, 'system')).toEqual({ held: true });
  });

  it('never takes text of the file for an expression', async () => {
    const facts = { ...FACTS, values: { ...FACTS.values, 'model.name': '" == "" || true || "' } };
    expect(await judged('model.name == "Small"', facts)).toEqual({ held: false });
  });
});

describe('what is not known', () => {
  it.each([
    ['model.parameters > 30e9', 'model.parameters is not known'],
    ['model.known || model.parameters > 30e9', 'model.parameters is not known'],
    ['user.groups[7] == "x"', /index out of bounds/],
    ['1 / (user.uid - 1000) == 1', /division by zero/],
    ['9223372036854775807 + user.uid > 0', /overflow/],
    ['int(user.name) == 1', /./],
  ])('makes %s fail', async (text, error) => {
    const facts = {
      ...without('model.parameters'),
      values: { ...without('model.parameters').values, 'model.known': false },
    };
    expect(await judged(text, facts)).toMatchObject({ error: expect.stringMatching(error) });
  });

  it.each([
    ['!model.known || model.parameters > 30e9', true],
    ['model.known && model.parameters > 30e9', false],
    // Whatever it is, the answer is the same.
    ['model.parameters > 30e9 || user.name == "ada"', true],
    ['model.parameters > 30e9 && user.name == "bob"', false],
  ])('does not where %s does not depend on it', async (text, held) => {
    const { values } = without('model.parameters');
    expect(await judged(text, { ...FACTS, values: { ...values, 'model.known': false } })).toEqual({ held });
  });

  it('is what lies beyond the bounds, too', async () => {
    const long = 'x'.repeat(BOUNDS.text + 1);
    const many = Array.from({ length: BOUNDS.items + 1 }, (_, index) => `g${index}`);
    const facts = (values: Facts['values']): Facts => ({ ...FACTS, values: { ...FACTS.values, ...values } });
    expect(await judged('model.name == "x"', facts({ 'model.name': long }))).toMatchObject({
      error: 'model.name has 4097 characters, and conditions judge at most 4096',
    });
    expect(await judged('"-x" in arguments', facts({ arguments: ['a', long] }))).toMatchObject({
      error: 'arguments has 4097 characters in entry 2, and conditions judge at most 4096',
    });
    expect(await judged('!("banned" in user.groups)', facts({ 'user.groups': many }))).toMatchObject({
      error: 'user.groups has 1025 entries, and conditions judge at most 1024',
    });
    expect(await judged('file.size > 1', facts({ 'file.size': 2 ** 60 }))).toMatchObject({
      error: 'file.size is no whole number below 2^53',
    });
    expect(await judged('user.uid == 1000', facts({ arguments: ['a', long] }))).toEqual({ held: true });
  });
});

describe('faults', () => {
  it.each([
    ['user.grups == []', 5, 'conditions know no user.grups', '`user.groups`?'],
    ['usr.groups == []', 0, 'conditions know no usr.groups', '`user.groups`?'],
    ['time.utc.huor > 1', 9, 'conditions know no time.utc.huor', '`time.utc.hour`?'],
    ['user.zzzzzz == 1', 5, 'conditions know no user.zzzzzz', 'user.name, user.uid, user.groups'],
    ['zzz == 1', 0, 'conditions know no zzz', 'user, file'],
    ['user == "ada"', 0, 'user is no value by itself', 'user.name, user.uid, user.groups'],
    ['user.name.first == "a"', 10, 'user.name has no parts', '`user.name` alone'],
    ['user.constructor == 1', 5, 'conditions know no user.constructor', 'user.name'],
    ['__proto__ == 1', 0, 'the condition is not valid: Reserved identifier: __proto__', undefined],
    ['user.groups.exist(g, g == "a")', 0, 'conditions have no function `exist`', '`exists`?'],
    ['user.name.startWith("a")', 0, 'conditions have no function `startWith`', '`startsWith`?'],
    ['user.name.matches("(a+)+$")', 0, 'conditions have no function `matches`', 'a regular expression'],
    ['has(model.name)', 0, 'conditions have no function `has`', '`model.known`'],
    ['dyn(user.uid) == "a"', 0, 'conditions have no function `dyn`', 'size'],
    ['cel.bind(a, user.name + user.name, a == "")', 0, 'conditions have no function `bind`', 'size'],
    ['user.groups.exists(user, user == "a")', 19, '`user` is a variable already', 'another name'],
    ['user.groups.exists(g)', 19, '`exists` takes a name and a condition', 'each'],
    ['user.groups.exists(g.h, true)', 21, /invalid predicate iteration variable/, undefined],
    [
      'user.groups.exists(g, arguments.exists(a, a == g))',
      22,
      '`exists` stands inside another macro',
      'beside',
    ],
    [
      'arguments.exists(a, a in user.groups)',
      25,
      'the list user.groups stands inside a macro',
      'beside one another',
    ],
    ['user.groups.exists(g, g.h == "a")', 24, 'g has no parts', '`g` alone'],
    ['user["name"] == "a"', 5, 'a list is indexed by a written number', '0, 1'],
    ['user.groups[user.uid] == "a"', 12, 'a list is indexed by a written number', '0, 1'],
    ['{"a": 1}["a"] == 1', 9, 'a list is indexed by a written number', '0, 1'],
    ['{"a": 1} == {"a": 1}', 0, 'conditions have no such construct', 'comparisons'],
    ['user.name == null', 13, 'conditions have no such value', 'a text in quotes'],
    ['b"a" == b"a"', 0, 'conditions have no such value', 'a text in quotes'],
    ['user.uid > 3u', 11, 'conditions have no such value', 'a text in quotes'],
    ['user.uid', 0, 'the condition is neither true nor false', 'a comparison'],
    ['user.uid == "ada"', 0, 'the condition is not valid: no such overload: int == string', undefined],
    ['user.uid = 3', 9, 'the condition is not valid: Unexpected character: =', '`==` to compare'],
    ['user.uid > 3 and true', 13, /not valid/, '`&&`'],
    ['not true', 4, /not valid/, undefined],
    ['user.uid >', 10, 'the condition ends too early', undefined],
    ['user.groups[0', 13, /not valid|too early/, undefined],
    ['', 0, 'the condition ends too early', undefined],
    ['user.name == "a\\q"', 15, /Invalid escape/, undefined],
    ['"a" == "\u{1f600}', 7, /Unterminated string/, undefined],
    ['model.known ? true : 1', 0, /same type/, undefined],
  ])('%s', async (text, index, message, expected) => {
    const found = await fault(text);
    expect(found.message).toMatch(message);
    expect(found.index).toBe(index);
    if (expected !== undefined) expect(found.expected).toContain(expected);
  });

  it.each([
    ['parentheses', `${'('.repeat(3000)}true`],
    ['negations', `${'!'.repeat(4000)}true`],
    ['lists', '['.repeat(2000)],
    ['conditions', `${'true?'.repeat(500)}true`],
    ['parts', Array(600).fill('true').join('&&')],
    ['list entries', `1 in [${Array(1025).fill('1').join(',')}]`],
    ['characters', `user.name == "${'x'.repeat(BOUNDS.characters)}"`],
  ])('too many %s', async (_, text) => {
    expect((await fault(text)).message).toMatch(/too (large|long)/);
  });

  it('come from any text at any place inside it, and nothing else comes', async () => {
    const word = fc.oneof(
      fc.constantFrom(...VARIABLE_NAMES),
      fc.constantFrom(
        '&&',
        '||',
        '(',
        ')',
        '!',
        '==',
        '>',
        '"',
        "'",
        '.',
        '[',
        ']',
        ',',
        '?',
        ':',
        'in',
        '\\',
      ),
      fc.constantFrom(
        'exists',
        'all',
        'g',
        'size',
        '1',
        '0x',
        '1e9',
        'true',
        'null',
        'b""',
        'r"',
        '//',
        '\n',
      ),
      fc.string({ maxLength: 4, unit: 'binary' }),
    );
    const texts = fc.array(word, { maxLength: 30 }).map((words) => words.join(' '));
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const result = await compileCondition(text).catch((cause: unknown) => cause);
        expect(result instanceof Fault || 'judge' in (result as object), String(result)).toBe(true);
        if (!(result instanceof Fault)) return;
        expect(result.index).toBeGreaterThanOrEqual(0);
        expect(result.index).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a condition that was taken', () => {
  it('never throws, whatever facts are missing', async () => {
    const conditions = await Promise.all(
      [
        'model.parameters > 30e9 && !("research" in user.groups)',
        'arguments.exists(a, a.startsWith(user.name)) || file.size / user.uid > 3',
        '"x" in signers ? model.context > 10 : host.cpus < 4',
      ].map(compileCondition),
    );
    fc.assert(
      fc.property(fc.subarray([...VARIABLE_NAMES] as Exclude<VariableName, 'signers'>[]), (names) => {
        for (const { judge } of conditions) {
          const outcome = judge(without(...names), 'system');
          expect('error' in outcome ? outcome.error : outcome.held).toBeDefined();
        }
      }),
    );
  });
});
