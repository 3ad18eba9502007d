import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeText } from '../../src/lib/text.ts';

describe('escapeText', () => {
  it.each([
    ['plain text stays', 'llama 3 – “größe” 猫 🦙', 'llama 3 – “größe” 猫 🦙'],
    ['terminal sequences', '\x1b[2Jx', '\\x1b[2Jx'],
    ['line breaks', 'a\nb\tc\r', 'a\\nb\\tc\\x0d'],
    ['C1 controls', 'a\u009bb', 'a\\x9bb'],
    ['bidirectional overrides', 'a\u202egpj.exe', 'a\\u{202e}gpj.exe'],
    ['zero-width characters', 'a\u200b\u2060\ufeffb', 'a\\u{200b}\\u{2060}\\u{feff}b'],
    ['invisible fillers', 'a\u3164\u2800b', 'a\\u{3164}\\u{2800}b'],
    ['variation selectors and tags', 'a\ufe0f\u{e0041}', 'a\\u{fe0f}\\u{e0041}'],
    ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
    ['a backslash, so that an escape cannot be forged', 'a\\x1b', 'a\\\\x1b'],
  ])('%s', (_, text, shown) => expect(escapeText(text)).toBe(shown));

  it('cuts long text and says so', () => {
    expect(escapeText('x'.repeat(300), 10)).toBe(`${'x'.repeat(10)}…`);
  });

  it('never lets an unsafe character through, and is bounded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 50 }), (text, limit) => {
        const shown = escapeText(text, limit);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u);
        expect(shown.length).toBeLessThanOrEqual(limit * 10 + 1);
      }),
    );
  });

  it('different texts stay different while they fit', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.string({ unit: 'binary', maxLength: 40 }),
        (a, b) => {
          if (a !== b) expect(escapeText(a)).not.toBe(escapeText(b));
        },
      ),
    );
  });
});
