import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PaddockError } from '../../src/lib/errors.ts';
import { MAX_POLICY_BYTES } from '../../src/policy/files.ts';
import { examinePolicy, parsePolicy } from '../../src/policy/parse.ts';
import { HOME, PARSE_HOST } from './arbitrary.ts';

const parse = (text: string) => parsePolicy(text, 'p.yaml', PARSE_HOST);
const body = (text: string) => `apiVersion: paddock/v1\n${text}`;

function problems(text: string): readonly PaddockError[] {
  const result = examinePolicy(text, 'p.yaml', PARSE_HOST);
  return 'problems' in result ? result.problems : [];
}

function only(text: string): PaddockError {
  const [first, ...others] = problems(text);
  expect(others.map((other) => other.message)).toEqual([]);
  if (first === undefined) throw new Error(`accepted: ${text}`);
  expect(first.code).toBe('policy-invalid');
  return first;
}

describe('values', () => {
  it.each([
    ['limits: { memory: 4GiB }', { limits: { memoryBytes: 4 * 2 ** 30 } }],
    ['limits: { memory: 75% }', { limits: { memoryBytes: 12 * 2 ** 30 } }],
    [
      'limits: { memory: unlimited, time: unlimited, cpus: unlimited }',
      { limits: { memoryBytes: null, timeMs: null, cpus: null } },
    ],
    [
      'limits: { time: 30m, cpus: 2.5, fileSize: 1024 }',
      { limits: { timeMs: 1_800_000, cpus: 2.5, fileBytes: 1024 } },
    ],
    ['watch: { sample: 50ms, exec: kill }', { watch: { sampleMs: 50, exec: 'kill' } }],
    ['files: { read: [~, ~/x/, /a/../b//c] }', undefined], // a bare ~ is YAML's null
    ['files: { read: ["~", ~/x/, /a/../b//c, /] }', { files: { read: [HOME, `${HOME}/x`, '/b/c', '/'] } }],
    ['network: { ports: [80, 80], mode: serve }', { network: { ports: [80, 80], mode: 'serve' } }],
    ['environment: { set: { A: "1", B: x } }', { environment: { set: { A: '1', B: 'x' } } }],
    ['require: []', { require: [] }],
    ['', {}],
  ])('%s', (text, expected) => {
    if (expected === undefined) expect(problems(body(text))).toHaveLength(1);
    else expect(parse(body(text)).layer.values).toEqual(expected);
  });

  it.each([
    ...[
      'limits: { memory: 0 }',
      'limits: { memory: 101% }',
      'limits: { memory: 0% }',
      'limits: { memory: -1GiB }',
    ],
    ...[
      'limits: { memory: null }',
      'limits: { processes: 0 }',
      'limits: { processes: 1.5 }',
      'limits: { processes: .inf }',
    ],
    ...[
      'limits: { cpus: 0 }',
      'limits: { cpus: .nan }',
      'limits: { time: 30 }',
      'limits: { openFiles: 1e9 }',
    ],
    ...[
      'watch: { exec: allow }',
      'watch: { sample: 1ms }',
      'watch: { sample: 1h }',
      'watch: { exec: [kill] }',
    ],
    ...[
      'files: { read: [tmp] }',
      'files: { read: /tmp }',
      'files: { read: [~ada/x] }',
      'files: { read: ["/a\\0b"] }',
    ],
    ...[
      'network: { ports: [90, 80] }',
      'network: { ports: [0, 80] }',
      'network: { ports: [80] }',
      'network: { mode: yes }',
    ],
    ...['arguments: { deny: [tools] }', 'arguments: { grantFiles: yes }', 'arguments: { force: [1] }'],
    ...['trust: { loaders: [abc] }', 'trust: { tiers: [D] }', 'trust: []', 'trust:', 'require: [magic]'],
    ...[
      'environment: { pass: ["A B"] }',
      'environment: { set: { A: 1 } }',
      'extends: mine',
      'extends: [default]',
    ],
  ])('refuses %s, and says what is expected', (text) => {
    const error = only(body(text));
    expect(error.detail.where).toMatch(/^p\.yaml:2:\d+$/);
    expect(error.detail.expected).toBeTruthy();
    expect(error.detail.found).toBeTruthy();
  });
});

describe('places', () => {
  it('gives file, line, column, a mark, and the nearest key', () => {
    const error = only(body('limits:\n  memroy: 4GiB\n'));
    expect(error.detail).toMatchObject({
      where: 'p.yaml:3:3',
      excerpt: '3 |   memroy: 4GiB\n  |   ^',
      expected:
        'one of memory, swap, processes, cpus, cpuWeight, openFiles, fileSize, disk, time, idle, output, nice, ioWeight',
      remedy: 'did you mean `memory`?',
    });
    expect(error.message).toContain('limits.memroy');
  });

  it('names the section of a key that stands outside of it', () => {
    expect(only(body('memory: 4GiB')).detail.remedy).toBe('did you mean `limits.memory`?');
  });

  it('points at the item of a list', () => {
    expect(only(body('trust:\n  tiers:\n    - A\n    - X\n')).detail).toMatchObject({
      where: 'p.yaml:5:7',
      expected: 'some of A, B, C',
      found: '"X"',
    });
  });

  it('finds everything that is wrong, in order, and the first says how many follow', () => {
    const text = body('limits:\n  cpus: many\n  x: 1\nwatch:\n  exec: no\n');
    expect(problems(text).map(({ detail }) => detail.where)).toEqual([
      'p.yaml:3:9',
      'p.yaml:4:3',
      'p.yaml:6:9',
    ]);
    expect(() => parse(text)).toThrow(/2 more problems/);
  });

  it('keeps where each value stands', () => {
    const { layer } = parse(body('limits:\n  memory: 1GiB\nrequire: []\n'));
    expect(layer.origins.get('limits.memoryBytes')).toEqual({ layer: 'p.yaml', line: 3, column: 3 });
    expect(layer.origins.get('require')).toEqual({ layer: 'p.yaml', line: 4, column: 1 });
  });

  it('shows a long line around the place, and nothing that moves the cursor', () => {
    const error = only(body(`limits: { "${'\u202e'}${' '.repeat(300)}": 1 }`));
    expect(error.explain()).not.toContain('\u202e');
    const far = only(body(`limits: { processes: ${' '.repeat(300)} x }`));
    for (const line of far.detail.excerpt?.split('\n') ?? []) expect(line.length).toBeLessThan(210);
  });
});

describe('files that are no policy', () => {
  it.each([
    ['nothing', '', 'lacks apiVersion'],
    ['a comment', '# nothing\n', 'lacks apiVersion'],
    ['a list', '- a\n', 'no mapping'],
    ['a word', 'hello\n', 'no mapping'],
    ['another version', 'apiVersion: paddock/v2\n', 'apiVersion'],
    ['no version', 'limits: {}\n', 'lacks apiVersion'],
    ['a key twice', body('limits: {}\nlimits: {}\n'), 'not valid YAML'],
    ['a key twice in a section', body('limits: { cpus: 1, cpus: 2 }\n'), 'not valid YAML'],
    ['two documents', body('---\nlimits: {}\n'), 'not valid YAML'],
    ['a tab', body('limits:\n\tcpus: 1\n'), 'not valid YAML'],
    ['a tag that makes code', body('extends: !!js/function "x"\n'), 'not valid YAML'],
    ['a tag of its own', body('extends: !mine default\n'), 'not valid YAML'],
    ['a merge key', body('limits: { <<: { cpus: 1 } }\n'), 'does not exist: limits.<<'],
    ['a key that objects have', body('constructor: 1\n'), 'does not exist: constructor'],
    ['the key of prototypes', body('__proto__: { limits: {} }\n'), 'does not exist: __proto__'],
    ['the same in a section', body('limits: { __proto__: {} }\n'), 'does not exist: limits.__proto__'],
    [
      'the same as a variable',
      body('environment: { set: { __proto__: x } }\n'),
      'names no environment variable',
    ],
    ['a number as key', body('1: x\n'), 'a key that is no text'],
    ['a list as key', body('? [a]\n: x\n'), 'a key that is no text'],
    ['an alias that leads nowhere', body('limits: *none\n'), 'cannot be followed'],
  ])('%s', (_, text, message) => {
    expect(problems(text)[0]?.message).toContain(message);
    expect(() => parse(text)).toThrow(PaddockError);
  });

  it('takes the rules of YAML 1.2 whatever the file says', () => {
    expect(problems(`%YAML 1.1\n---\n${body('arguments: { grantFiles: no }\n')}`)).toHaveLength(1);
  });

  it('takes an alias, as a mapping and as a value', () => {
    const { values } = parse(body('watch: { exec: &k kill, connect: *k }\n')).layer;
    expect(values.watch).toEqual({ exec: 'kill', connect: 'kill' });
  });

  it('does not unfold aliases without bound', () => {
    const levels = Array.from(
      { length: 30 },
      (_, i) => `  a${i}: &a${i} [${i === 0 ? 'x' : `*a${i - 1}, *a${i - 1}`}]`,
    );
    expect(problems(body(`limits:\n${levels.join('\n')}\n`))).not.toEqual([]);
  });

  it.each(['[', '{a: ', '- ', '? '])('ends with a reason at 50 000 nested %j', (open) => {
    expect(problems(open.repeat(50_000)).length).toBeGreaterThan(0);
  });

  it('refuses what is longer than a policy can be', () => {
    expect(only(`# ${'x'.repeat(MAX_POLICY_BYTES)}`).message).toContain('too long');
  });

  it('shows nothing of the file unescaped', () => {
    const [problem] = problems('apiVersion: paddock/v1\nlimits: "\x9b2J\u202e"\n');
    expect(problem?.detail).toMatchObject({
      expected: 'lines such as `key: value`',
      found: expect.stringContaining('\\u{202e}'),
    });
    expect(problem?.explain()).not.toMatch(/[\x9b\u202e]/);
  });

  it('never throws anything else, whatever the text', () => {
    const words = [
      'apiVersion: paddock/v1\n',
      'limits:',
      '  memory: ',
      'trust',
      ': ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '\n',
      '&a ',
      '*a ',
      '!!',
      '"',
      '\t',
      '%',
      '? ',
      '| ',
      '~',
      '#',
      '4GiB',
      '\0',
      '\u202e',
    ];
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (input) => {
        for (const problem of problems(input)) {
          expect(problem).toBeInstanceOf(PaddockError);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: none may reach the terminal
          expect(problem.explain()).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
