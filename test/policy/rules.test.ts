import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../../src/integrity/verdict.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import { type Conditions, compileRules, examineRules } from '../../src/policy/compile.ts';
import { compileCondition } from '../../src/policy/conditions/condition.ts';
import type { Facts } from '../../src/policy/conditions/variables.ts';
import { decide } from '../../src/policy/decide.ts';
import type { Layer } from '../../src/policy/layer.ts';
import { mergeLayers } from '../../src/policy/merge.ts';
import { examinePolicy, parsePolicy } from '../../src/policy/parse.ts';
import type { EffectivePolicy } from '../../src/policy/policy.ts';
import { presetLayers } from '../../src/policy/presets.ts';
import type { Rule } from '../../src/policy/rules.ts';
import { anyLayers, layer, PARSE_HOST, partialPolicy } from './arbitrary.ts';
import { FACTS, without } from './conditions/facts.ts';
import { widened } from './widened.ts';

const DEFAULT = presetLayers('default', PARSE_HOST);
const RELEASE: Verdict = { standing: 'release', tier: 'A', release: 'llamafile-0.9.3', findings: [] };

const parse = (text: string, name = 'p.yaml'): Layer =>
  parsePolicy(`apiVersion: paddock/v1\n${text}`, name, PARSE_HOST).layer;

interface Layers {
  readonly system?: string;
  readonly user?: string;
  readonly flags?: Layer['values'];
}

async function resolve({ system, user, flags }: Layers, facts?: Facts): Promise<EffectivePolicy> {
  const highest = system === undefined ? [] : [...DEFAULT, parse(system, 'system.yaml')];
  const layers = [
    ...(system === undefined ? DEFAULT : highest),
    ...(user === undefined ? [] : [parse(user, 'user.yaml')]),
    ...(flags === undefined ? [] : [layer('flags', flags, 'add')]),
  ];
  const conditions = await compileRules(layers);
  return mergeLayers({ layers, ceiling: highest.length, conditions, ...(facts && { facts }) });
}

const reasons = (effective: EffectivePolicy): string[] => {
  const decision = decide({ effective, verdict: RELEASE });
  return decision.outcome === 'refuse' ? decision.reasons.map(({ message }) => message) : [];
};

describe('a rule that holds', () => {
  const BIG = `limits: { memory: 4GiB, processes: 8 }
rules:
  - name: researchers get more
    when: '"research" in user.groups'
    then: { limits: { memory: 32GiB } }
`;

  it('sets what its layer could set, and the origin says which rule', async () => {
    const { policy, origins, rules } = await resolve({ user: BIG }, FACTS);
    expect(policy.limits).toMatchObject({ memoryBytes: 32 * 2 ** 30, processes: 8 });
    expect(origins.get('limits.memoryBytes')).toEqual({
      layer: 'user.yaml',
      line: 6,
      column: 23,
      rule: 'researchers get more',
    });
    expect(origins.get('limits.processes')?.rule).toBeUndefined();
    expect(rules).toEqual([
      {
        name: 'researchers get more',
        state: 'held',
        origin: { layer: 'user.yaml', line: 5, column: 12, rule: 'researchers get more' },
        bySystem: false,
      },
    ]);
  });

  it('sets nothing where it does not hold', async () => {
    const { policy, rules } = await resolve(
      { user: BIG },
      { ...FACTS, values: { ...FACTS.values, 'user.groups': ['ada'] } },
    );
    expect(policy.limits.memoryBytes).toBe(4 * 2 ** 30);
    expect(rules).toMatchObject([{ state: 'not held' }]);
  });

  it('is laid on the one before it', async () => {
    const user = `rules:
  - { name: one, when: "true", then: { limits: { processes: 10, openFiles: 100 } } }
  - { name: two, when: "true", then: { limits: { processes: 20 } } }
`;
    const { policy, origins } = await resolve({ user }, FACTS);
    expect(policy.limits).toMatchObject({ processes: 20, openFiles: 100 });
    expect(origins.get('limits.processes')?.rule).toBe('two');
    expect(origins.get('limits.openFiles')?.rule).toBe('one');
  });

  it('of the administrator raises and lowers his ceiling, whatever the user wants', async () => {
    const system = `limits: { processes: 50 }
rules:
  - { name: night, when: time.hour >= 22, then: { limits: { processes: 100 } } }
  - { name: big, when: model.parameters > 30000000000, then: { limits: { processes: 10 } } }
`;
    const user = 'rules: [{ name: mine, when: "true", then: { limits: { processes: 80 } } }]';
    const big = { ...FACTS, values: { ...FACTS.values, 'model.parameters': 70_000_000_000 } };
    const day = { ...FACTS, values: { ...FACTS.values, 'time.hour': 12 } };
    expect((await resolve({ system, user }, FACTS)).policy.limits.processes).toBe(80);
    expect((await resolve({ system, user }, big)).policy.limits.processes).toBe(10);
    const kept = await resolve({ system, user }, day);
    expect(kept.policy.limits.processes).toBe(50);
    expect(kept.rejected).toMatchObject([
      { path: 'limits.processes', wantedBy: { layer: 'user.yaml', rule: 'mine' } },
    ]);
  });

  it('counts behind the plain keys of its layer and before the next one', async () => {
    const user = 'rules: [{ name: mine, when: "true", then: { limits: { processes: 80 } } }]';
    const { policy } = await resolve({ user, flags: { limits: { processes: 5 } } }, FACTS);
    expect(policy.limits.processes).toBe(5);
  });

  it('refuses with its reason, its place, and whom to ask', async () => {
    const rule = 'rules: [{ name: big, when: file.size > 1000, refuse: "too large for this host" }]';
    const decision = decide({ effective: await resolve({ system: rule }, FACTS), verdict: RELEASE });
    expect(decision).toMatchObject({
      outcome: 'refuse',
      reasons: [
        {
          id: 'rules',
          message: 'rule "big" refuses it: too large for this host',
          remedy: expect.stringContaining('administrator'),
          origin: { layer: 'system.yaml', line: 2, column: 28, rule: 'big' },
        },
      ],
    });
    expect(reasons(await resolve({ user: rule }, FACTS))).toHaveLength(1);
  });

  it('asks for signers of its own side: the administrator’s rules do not believe the user’s', async () => {
    const rule =
      'rules: [{ name: known, when: \'"friend" in signers\', then: { limits: { processes: 9 } } }]';
    expect((await resolve({ user: rule }, FACTS)).rules).toMatchObject([{ state: 'held' }]);
    expect((await resolve({ system: rule }, FACTS)).rules).toMatchObject([{ state: 'not held' }]);
  });

  it('grants what a file grants: home and machine are counted in', async () => {
    const user =
      'rules: [{ name: mine, when: "true", then: { files: { read: [~/x] }, limits: { memory: 50% } } }]';
    const { policy } = await resolve({ user }, FACTS);
    expect(policy.files.read).toEqual([`${PARSE_HOST.home}/x`]);
    expect(policy.limits.memoryBytes).toBe(PARSE_HOST.memoryBytes / 2);
  });
});

describe('a rule that cannot be judged', () => {
  const GROUPS = `rules:
  - name: interns
    when: |
      file.size > 1 &&
      "interns" in user.groups
    refuse: not for interns of ours
`;

  it('refuses, with the place in the expression', async () => {
    const decision = decide({
      effective: await resolve({ system: GROUPS }, without('user.groups')),
      verdict: RELEASE,
    });
    expect(decision).toMatchObject({
      outcome: 'refuse',
      reasons: [
        {
          id: 'rules',
          message: 'rule "interns" cannot be judged: user.groups is not known',
          origin: { layer: 'system.yaml', line: 6, rule: 'interns' },
        },
      ],
    });
  });

  it('does not where the outcome does not depend on what is not known', async () => {
    const facts = without('user.groups');
    const small = { ...facts, values: { ...facts.values, 'file.size': 1 } };
    expect(reasons(await resolve({ system: GROUPS }, small))).toEqual([]);
  });

  it('sets nothing', async () => {
    const user =
      'rules: [{ name: mine, when: file.size / user.uid > 0, then: { limits: { processes: 9 } } }]';
    const root = { ...FACTS, values: { ...FACTS.values, 'user.uid': 0 } };
    const effective = await resolve({ user }, root);
    expect(effective.policy.limits.processes).not.toBe(9);
    expect(reasons(effective)).toEqual([expect.stringContaining('rule "mine" cannot be judged')]);
  });

  it('is every rule where nothing is known, or nobody has checked it', async () => {
    const user = 'rules: [{ name: mine, when: "false", refuse: "never at all, really" }]';
    expect(reasons(await resolve({ user }))).toHaveLength(1);
    const unchecked = mergeLayers({ layers: [...DEFAULT, parse(user)], ceiling: 0, facts: FACTS });
    expect(reasons(unchecked)).toEqual(['rule "mine" cannot be judged: its condition was not checked']);
  });
});

describe('what is wrong with a rule', () => {
  async function problems(text: string): Promise<readonly PaddockError[]> {
    const result = examinePolicy(`apiVersion: paddock/v1\n${text}`, 'p.yaml', PARSE_HOST);
    if ('problems' in result) return result.problems;
    return (await examineRules(result.parsed.layer.rules ?? [])).problems;
  }

  it.each([
    ['no list', 'rules: { name: x }', '2:8', 'rules'],
    [
      'too many',
      `rules: [${Array.from({ length: 201 }, (_, index) => `{ name: r${index}, when: "true", then: {} }`).join(', ')}]`,
      '2:8',
      'impossible for rules',
    ],
    ['a list in a list', 'rules: [[]]', '2:9', 'is no mapping'],
    ['a word', 'rules: [x]', '2:9', 'impossible for rules'],
    ['no name', 'rules: [{ when: "true", refuse: "for some reason" }]', '2:9', 'lacks rules.name'],
    ['no condition', 'rules: [{ name: x, refuse: "for some reason" }]', '2:9', 'lacks rules.when'],
    [
      'a condition that is no text',
      'rules: [{ name: x, when: true, refuse: "for some reason" }]',
      '2:26',
      'rules.when',
    ],
    ['neither refuse nor then', 'rules: [{ name: x, when: "true" }]', '2:9', 'impossible for rules'],
    [
      'both',
      'rules: [{ name: x, when: "true", refuse: "for some reason", then: {} }]',
      '2:9',
      'impossible for rules',
    ],
    ['a short reason', 'rules: [{ name: x, when: "true", refuse: no }]', '2:42', 'rules.refuse'],
    ['a name with a newline', 'rules: [{ name: "a\\nb", when: "true", then: {} }]', '2:17', 'rules.name'],
    ['an unknown key', 'rules: [{ name: x, wen: "true", then: {} }]', '2:20', 'rules.wen'],
    [
      'a key of objects',
      'rules: [{ name: x, when: "true", then: {}, constructor: 1 }]',
      '2:44',
      'rules.constructor',
    ],
    [
      'an unknown part',
      'rules: [{ name: x, when: "true", then: { limts: {} } }]',
      '2:42',
      'rules.then.limts',
    ],
    [
      'rules in a rule',
      'rules: [{ name: x, when: "true", then: { rules: [] } }]',
      '2:42',
      'rules.then.rules',
    ],
    [
      'an unknown leaf',
      'rules: [{ name: x, when: "true", then: { limits: { memroy: 1 } } }]',
      '2:52',
      'limits.memroy',
    ],
    ['a list as then', 'rules: [{ name: x, when: "true", then: [] }]', '2:40', 'is no mapping'],
    [
      'a wrong value',
      'rules: [{ name: x, when: "true", then: { limits: { memory: 0 } } }]',
      '2:60',
      'rules.then.limits.memory',
    ],
    [
      'two of a name',
      'rules: [{ name: x, when: "true", then: {} }, { name: x, when: "true", then: {} }]',
      '2:54',
      'two rules are named x',
    ],
    ['a wrong condition', 'rules: [{ name: x, when: user.nme == "a", then: {} }]', '2:31', 'user.nme'],
    [
      'a condition over lines',
      'rules:\n- name: x\n  when: |\n    true &&\n    user.uid == "a"\n  then: {}',
      '6:5',
      'not valid',
    ],
  ])('%s', async (_, text, at, what) => {
    const found = await problems(text);
    const places = found.map(({ detail }) => detail.where);
    expect(places, found.map((one) => one.explain()).join('\n')).toContain(`p.yaml:${at}`);
    expect(found.map(({ message }) => message).join('\n')).toContain(what);
  });

  it('is told with the line, a mark, and the nearest name', async () => {
    const [error] = await problems('rules:\n  - name: x\n    when: file.sise > 3\n    then: {}\n');
    expect(error?.explain()).toBe(
      [
        'conditions know no file.sise',
        '  at: p.yaml:4:16',
        '    4 |     when: file.sise > 3',
        '      |                ^',
        '  expected: `file.size`?',
        '  to do: docs/policy.md lists the variables',
      ].join('\n'),
    );
  });

  it('of a `then` is told with what is expected of a policy', async () => {
    const [error] = await problems('rules: [{ name: x, when: "true", then: { limits: { memory: 0 } } }]');
    expect(error?.detail.expected).toBe('a size such as 8GiB, a percentage such as 75%, or unlimited');
  });

  it('is told of each rule by `policy check`, and of the first by a run', async () => {
    const text = 'rules: [{ name: a, when: "1", then: {} }, { name: b, when: "2", then: {} }]';
    expect(await problems(text)).toHaveLength(2);
    const refused = await compileRules([parse(text)]).catch((cause: unknown) => cause);
    expect(refused).toBeInstanceOf(PaddockError);
  });
});

describe('under a ceiling with rules of its own', () => {
  const CONDITIONS = [
    'true',
    'file.size > 1000',
    'user.uid == 0 || "a" in user.groups',
    'model.known && model.parameters > 10',
    '"friend" in signers',
    '10 / user.uid > 3',
    'time.hour >= 22 ? host.name == "x" : runtime.tier == "A"',
    '!user.groups.exists(g, g == "b")',
  ];
  const condition = fc.constantFrom(...CONDITIONS);
  const rule = fc.tuple(condition, partialPolicy).map(([when, values]): Rule => {
    const origin = { layer: 'a rule' };
    const place = { origin, where: '', excerpt: '' };
    return { name: when, when, origin, effect: { values, origins: new Map() }, pointAt: () => place };
  });
  const ruled = fc
    .tuple(anyLayers, fc.array(rule, { maxLength: 3 }))
    .map(([layers, rules]) =>
      layers.map((one, index): Layer => (index === layers.length - 1 ? { ...one, rules } : one)),
    );
  const value = {
    'user.uid': fc.constantFrom(0, 1, 2),
    'user.groups': fc.subarray(['a', 'b', 'c']),
    'file.size': fc.constantFrom(1, 2000),
    'model.known': fc.boolean(),
    'model.parameters': fc.constantFrom(1, 100),
    'time.hour': fc.constantFrom(1, 23),
    'host.name': fc.constantFrom('x', 'y'),
    'runtime.tier': fc.constantFrom('A', 'B'),
  };
  const anyFacts = fc.record({
    values: fc.record(value, { requiredKeys: [] }),
    signers: fc.subarray(FACTS.signers.map((one) => ({ ...one }))),
  }) as fc.Arbitrary<Facts>;

  it('no later layer permits what the ceiling does not, whatever the file and the user', async () => {
    const checked = new Map(
      await Promise.all(CONDITIONS.map(async (when) => [when, await compileCondition(when)] as const)),
    );
    const conditionsOf = (layers: readonly Layer[]): Conditions =>
      new Map(
        layers.flatMap(({ rules = [] }) =>
          rules.flatMap((one) => {
            const compiled = checked.get(one.when);
            return compiled === undefined ? [] : [[one, compiled] as const];
          }),
        ),
      );
    let held = 0;
    fc.assert(
      fc.property(
        fc.array(ruled, { minLength: 1, maxLength: 2 }),
        fc.array(ruled, { maxLength: 3 }),
        anyFacts,
        (above, below, facts) => {
          const system = [...DEFAULT, ...above.flat()];
          const layers = [...system, ...below.flat()];
          const conditions = conditionsOf(layers);
          const alone = mergeLayers({ layers: system, ceiling: system.length, conditions, facts });
          const both = mergeLayers({ layers, ceiling: system.length, conditions, facts });
          held += both.rules.filter(({ state }) => state === 'held').length;
          expect(widened(alone.policy, both.policy)).toEqual([]);
          // What refuses by the ceiling alone refuses with later layers, too.
          expect(both.rules.slice(0, alone.rules.length)).toEqual(alone.rules);
          expect(both.systemRequires).toEqual(alone.systemRequires);
          expect(both.systemForce).toEqual(alone.systemForce);
          expect(both.systemMatch).toBe(alone.systemMatch);
        },
      ),
      { numRuns: 700 },
    );
    expect(held).toBeGreaterThan(200);
  });
});
