import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { knownTemplates, matchScript, type Template } from '../../../src/format/script/script.ts';
import { hole, type Line, spell } from '../../../src/format/script/words.ts';
import { fillScript } from '../../fixtures/apelink.ts';

const START = 0x20f;
const octal = (byte: number) => `\\${byte.toString(8).padStart(3, '0')}`.repeat(64);
const HOLES = {
  headers: [
    { architecture: 'x86-64' as const, octal: octal(62) },
    { architecture: 'aarch64' as const, octal: octal(183) },
  ],
  x86: { skip: 1000, count: 10 },
  arm: { skip: 2000, count: 20 },
  m1: { skip: 3000, count: 30 },
  macho: { skip: 4000, count: 40 },
  comment: '',
};
const text = (template: Template) => fillScript(template, HOLES);
const match = (script: string) => matchScript(script, START, knownTemplates());
const template = (lines: readonly Line[]): Template => ({ name: 'one', lines, behind: 'nothing' });

describe('every known script', () => {
  it.each(knownTemplates().map((each) => [each.name, each] as const))('%s matches itself', (_, each) => {
    const found = match(text(each));
    expect('template' in found && found.template.lines).toEqual(each.lines);
  });

  it('differs from every other: no two have the same lines', () => {
    const all = knownTemplates().map(({ lines }) => lines.map(spell).join('\n'));
    expect(new Set(all).size).toBe(all.length);
  });

  it('gives back what was filled in', () => {
    const found = match(text(knownTemplates()[0] as Template));
    const filled = 'filled' in found ? found.filled : [];
    const numbers = filled.flatMap(({ hole: { role, field }, value }) =>
      field === 'skip' ? [[role, value]] : [],
    );
    expect(numbers).toEqual([
      ['macho', 4000],
      ['x86-64', 1000],
      ['loader-macho', 5],
      ['apple', 3000],
      ['x86-64', 1000],
      ['aarch64', 2000],
    ]);
    const headers = filled.filter(({ hole: { field } }) => field === 'header').map(({ bytes }) => bytes[0]);
    expect(headers).toEqual([62, 183]);
  });
});

describe('a script that is not one of them', () => {
  it('is told by line, offset and both texts', () => {
    const script = text(knownTemplates()[0] as Template);
    const found = match(script.replace('chmod 755', 'chmod 4755'));
    const at = script.indexOf('chmod 755') + 'chmod '.length;
    const line = script.slice(0, at).split('\n').length;
    expect(found).toMatchObject({
      difference: {
        line,
        offset: START + at,
        nearest: knownTemplates()[0]?.name,
        expected: 'chmod 755 "$t.$$" ||exit',
        found: 'chmod 4755 "$t.$$" ||exit',
      },
    });
  });

  it('is shown escaped and cut', () => {
    const found = match(`#'"\n\u001b[2J${'x'.repeat(500)}\n`);
    expect('difference' in found && found.difference.found).toMatch(/^\\x1b\[2Jx+…$/);
  });

  it('may be empty, or end early', () => {
    expect(match('')).toMatchObject({
      difference: { line: 1, offset: START, found: 'the end of the script' },
    });
    const script = text(knownTemplates()[0] as Template);
    expect(match(script.slice(0, -2))).toHaveProperty('difference');
  });

  it('has any one character changed, dropped or doubled, but digits and padding of numbers', () => {
    const [known] = knownTemplates();
    const script = text(known as Template);
    const spans = [...script.matchAll(/(skip|count)=\d+ *|printf '[^']*'|\.ape-[\d.]+/g)].map(
      ({ index, 0: all }) => [index, index + all.length] as const,
    );
    const fixed = [...script].flatMap((_, at) =>
      spans.some(([from, to]) => at >= from && at < to) ? [] : [at],
    );
    expect(fixed.length).toBeGreaterThan(1500);
    const same = fixed.filter((at) =>
      ['', `${script[at]}${script[at]}`, script[at] === 'x' ? 'y' : 'x'].some(
        (other) => 'template' in match(script.slice(0, at) + other + script.slice(at + 1)),
      ),
    );
    expect(same).toEqual([]);
  });
});

describe('holes', () => {
  const padded = template([['a', ['n=', hole('left10', 'macho', 'skip')], 'b']]);
  const ok = (script: string, one = padded) => 'template' in matchScript(script, 0, [one]);

  it('numbers of ten columns', () => {
    expect(ok('a n=1          b\n')).toBe(true);
    expect(ok('a n=1234567890 b\n')).toBe(true);
    for (const wrong of [
      '1         ',
      '1           ',
      ' 1         ',
      '01         ',
      '           ',
      '12345678901',
      '1x         ',
    ]) {
      expect(ok(`a n=${wrong}b\n`), wrong).toBe(false);
    }
  });

  it('quoted numbers, plain ones, versions', () => {
    const quoted = template([[['n=', hole('right8', 'macho', 'skip')]]]);
    expect(ok('n="      76"\n', quoted)).toBe(true);
    for (const wrong of ['"76      "', '"     076"', '"       "', '"      76" ', '"$(ls 76)"']) {
      expect(ok(`n=${wrong}\n`, quoted), wrong).toBe(false);
    }
    const plain = template([[['n=', hole('number', 'macho', 'skip')]]]);
    expect(ok('n=5\n', plain)).toBe(true);
    for (const wrong of ['', '05', '12345', '5;ls']) expect(ok(`n=${wrong}\n`, plain), wrong).toBe(false);
    const version = template([
      [['v-', { ...hole('version', 'macho', 'version'), values: ['1.1', '1.10'] }, '"']],
    ]);
    expect(ok('v-1.1"\n', version)).toBe(true);
    expect(ok('v-1.10"\n', version)).toBe(true);
    expect(ok('v-1.2"\n', version)).toBe(false);
  });

  it('headers: 64 bytes, as literal characters and octal numbers of which eight bits count', () => {
    const header = template([['printf', [hole('header', 'x86-64', 'header')]]]);
    const with62 = (more: string) => `printf '${'\\177'.repeat(62)}${more}'\n`;
    expect(ok(with62('>@'), header)).toBe(true);
    const found = matchScript(with62('\\510>'), 0, [header]);
    expect('filled' in found && found.filled[0]?.bytes.subarray(62)).toEqual(Buffer.from([0x48, 0x3e]));
    for (const wrong of ['>', '>>>', '%s', '\\x4', '\\8', '5>', "'>", '\n>']) {
      expect(ok(with62(wrong), header), wrong).toBe(false);
    }
  });
});

it('any text is matched or told of, never an error', () => {
  const [known] = knownTemplates();
  const script = text(known as Template);
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), fc.nat(script.length), fc.nat(40), (insert, at, cut) => {
      const changed = script.slice(0, at) + insert + script.slice(at + cut);
      const found = match(changed);
      if ('template' in found) return;
      const { offset, line } = found.difference;
      expect(offset).toBeGreaterThanOrEqual(START);
      expect(offset).toBeLessThanOrEqual(START + changed.length);
      expect(line).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});
