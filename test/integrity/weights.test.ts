import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GgufFacts } from '../../src/format/anatomy.ts';
import { readGguf } from '../../src/format/gguf.ts';
import { bufferSource } from '../../src/format/source.ts';
import { checkTemplates } from '../../src/integrity/checks/templates.ts';
import { checkWeights } from '../../src/integrity/checks/weights.ts';
import type { Finding } from '../../src/integrity/verdict.ts';
import { rawGguf } from '../fixtures/gguf-raw.ts';
import { ATTACKS } from '../fixtures/templates/attacks.ts';
import { ORDINARY } from '../fixtures/templates/ordinary.ts';

const KEY = 'tokenizer.chat_template';

function judgeTemplate(source: string, version?: string): Promise<Finding[]> {
  const facts = {
    offset: 0,
    metadata: new Map([[KEY, source]]),
    entries: new Map([[KEY, { at: 24, type: 8 }]]),
  };
  return checkTemplates(facts as unknown as GgufFacts, version);
}

function judgeWeights(bytes: Buffer, version?: string): Promise<Finding[]> {
  const source = bufferSource(bytes);
  const { facts } = readGguf(source, 0, bytes.length);
  return checkWeights({ models: [facts] } as never, source, version);
}

describe('an attack in a chat template', () => {
  it.each([
    ['0.9.3', 'warn'],
    ['0.8.13', 'warn'],
    ['0.10.0', 'deny'],
    ['0.10.6', 'deny'],
    [undefined, 'deny'],
  ])('in llamafile %s: %s', async (version, severity) => {
    const [found] = await judgeTemplate('{{ lipsum }}', version);
    expect(found).toMatchObject({ id: 'GGUF-051', severity, evidence: { offset: 24 } });
  });

  it('says what it reaches for, a few things only, and escaped', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `{{ x.__a${index}__ }}`).join('');
    const [found] = await judgeTemplate(names);
    expect(found?.evidence.found?.split(', ')).toHaveLength(6);
    const [hidden] = await judgeTemplate("{{ x['__a\u200b__'] }}{{ x['\u202e__class__'] }}{{ x.__class__ }}");
    expect(hidden?.evidence.found).not.toMatch(/[\u200b\u202e]/);
  });
});

it('a template that is too long is searched for signs of an attack all the same', async () => {
  const found = await judgeTemplate(`{{ ''.__class__ }}${'x'.repeat(300_000)}`);
  expect(found.map(({ id }) => id)).toEqual(['GGUF-051', 'GGUF-050']);
});

describe('numbers of types that meant something else once', () => {
  // Two tensors of 256 values of BF16, as llamafile 0.7 numbers it: today the number is of a shorter type.
  const old = rawGguf({
    tensors: [
      { type: 29, dims: [256n] },
      { name: 'u.weight', type: 29, dims: [256n], offset: 512n },
    ],
    dataLength: 1024,
  });

  it('have the size of then where the release is known', async () => {
    expect((await judgeWeights(old, '0.7')).map(({ id }) => id)).toEqual([]);
  });

  it('leave gaps where it is not', async () => {
    expect((await judgeWeights(old)).map(({ id }) => id)).toEqual(['GGUF-037a', 'GGUF-038a']);
  });

  it('are refused where they do not fit by the size of then', async () => {
    const short = rawGguf({ tensors: [{ type: 29, dims: [256n] }], dataLength: 64 });
    expect((await judgeWeights(short)).map(({ id }) => id)).toEqual([]);
    await expect(judgeWeights(short, '0.7')).rejects.toMatchObject({
      code: 'malformed',
      detail: { check: 'GGUF-036' },
    });
  });
});

// Each would take minutes if some step took more than linear time, or end the process if one had no bound.
describe('templates made to be slow end soon', () => {
  const SIZE = 250_000;
  const fill = (piece: string) => piece.repeat(Math.floor(SIZE / piece.length));
  const cases = {
    spaces: fill(' '),
    'spaces in code': `{{ ${fill(' ')} }}`,
    'spaces before tags': fill(`${' '.repeat(60)}{%-`),
    openers: fill('{%'),
    'openers of comments': fill('{#'),
    'open braces': fill('{'),
    parentheses: `{{ ${fill('(')} }}`,
    brackets: `{{ ${fill('[')} }}`,
    'members of members': `{{ x${fill("['a']")} }}`,
    'members in members': `{{ ${fill('x[')} }}`,
    'calls of calls': `{{ x${fill('.format()')} }}`,
    'a sum': `{{ ''[${fill("'a'+")}'a'] }}`,
    'a sum of names': `{% set a = 'aaaa' %}${fill('{% set a = a ~ a %}')}{{ x[a] }}`,
    filters: `{{ x${fill('|lower')} }}`,
    'choices of choices': `{{ x[${fill("'a' if x else ")}'b'] }}`,
    'nested conditions': `${fill('{% if x %}')}`,
    'replacements that grow': fill(
      "{{ x['aaaaaaaaaaaaaaaaaaaaaaaa'|replace('a','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')] }}",
    ),
    'formats that grow': fill("{% set a = '%s%s%s%s%s%s%s%s' % (a,a,a,a,a,a,a,a) %}"),
    underscores: `{{ x.${fill('_')} }}`,
    'numbers with dots': fill('1.1.1.1.'),
    'a URL without end': `https://${fill('a')}`,
    pipes: `{{ ${fill('|select')}`,
  };
  it.each(Object.entries(cases))('%s', async (_, source) => {
    for (const { id } of await judgeTemplate(source)) expect(id).toMatch(/^GGUF-05\d$/);
  });
});

it('any piece of a template, and any mixture, gives findings and nothing else', async () => {
  const pieces = [...Object.values(ATTACKS), ...Object.values(ORDINARY)].flatMap((source) =>
    source.split(/(?<=[%}\s|.([])/),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), async (chosen) => {
      for (const { id, severity } of await judgeTemplate(chosen.join(''))) {
        expect(id).toMatch(/^GGUF-05\d$/);
        expect(severity).toMatch(/^(warn|deny)$/);
      }
    }),
    { numRuns: 1000 },
  );
});
