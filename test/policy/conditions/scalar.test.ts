import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isScalar, parseDocument, type Scalar, stringify } from 'yaml';
import { offsetInScalar } from '../../../src/policy/conditions/scalar.ts';

function scalar(text: string): Scalar<string> {
  const node: unknown = parseDocument(text).get('when', true);
  if (!isScalar(node) || typeof node.value !== 'string') throw new Error(`no text: ${text}`);
  return node as Scalar<string>;
}

describe('the place of a character', () => {
  it.each([
    ['plain', 'when: a == bad && c', 'bad'],
    ['plain over lines', 'when: a ==\n    1 &&\n    bad', 'bad'],
    ['plain with an anchor', 'when: &x a == bad', 'bad'],
    ['plain with a comment behind', 'when: a == bad # bad', 'bad # bad'],
    ['single quotes', "when: 'a == ''x'' && bad'", 'bad'],
    ['single quotes over lines', "when: 'a\n\n  == ''x'' &&\n  bad'", 'bad'],
    ['double quotes', 'when: "a == \\"x\\" && bad"', 'bad'],
    ['double quotes with escapes', 'when: "a\\n\\t == \\u00e9\\x41 && \\\n   bad"', 'bad'],
    ['a literal block', 'when: |\n  a ==\n    "x" &&\n  bad\n', 'bad'],
    ['a literal block with a comment', 'when: |- # bad\n  a == bad\n', 'bad\n'],
    ['a folded block', 'when: >-\n  a == "x"\n  && bad\n\n', 'bad'],
    ['a folded block with indentation', 'when: >2\n    a\n   bad\n', 'bad'],
    ['characters of two units', 'when: a == "\u{1f600}" && bad', 'bad'],
    ['Windows lines', 'when: |\r\n  a ==\r\n  bad\r\n', 'bad'],
  ])('in %s', (_, text, mark) => {
    const node = scalar(text);
    expect(offsetInScalar(text, node, node.value.indexOf('bad'))).toBe(text.lastIndexOf(mark));
  });

  it('behind the last is where something is missing', () => {
    const text = 'when: |\n  a ==\n\nnext: 1\n';
    const node = scalar(text);
    expect(offsetInScalar(text, node, node.value.length)).toBe(text.indexOf('==') + 2);
    expect(offsetInScalar('when: ""', scalar('when: ""'), 0)).toBe(6);
  });

  it('is that character itself, however the text is written', () => {
    const texts = fc.string({
      minLength: 1,
      maxLength: 60,
      unit: fc.constantFrom('a', 'b', ' ', '\n', '"', "'", '\\', 'é', '\u{1f600}', '&', '#', '(', '.'),
    });
    const styles = fc.constantFrom(
      'PLAIN',
      'QUOTE_SINGLE',
      'QUOTE_DOUBLE',
      'BLOCK_LITERAL',
      'BLOCK_FOLDED',
    ) as fc.Arbitrary<Scalar.Type>;
    fc.assert(
      fc.property(texts, styles, (written, defaultStringType) => {
        const text = stringify({ when: written }, { defaultStringType, lineWidth: 20 });
        fc.pre(Buffer.from(text).toString() === text); // a line may be folded within a pair of units: no file holds that
        const node = scalar(text);
        const { value } = node;
        let before = 0;
        for (let index = 0; index < value.length; index++) {
          const offset = offsetInScalar(text, node, index);
          expect(offset).toBeGreaterThanOrEqual(before);
          before = offset;
          if (/[ab&#(.é]/.test(value[index] ?? '')) expect(text[offset]).toBe(value[index]);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
