import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { STILLNESS } from '../../src/launch/still.ts';

it('docs/check-to-exec.md shows the table that decides', () => {
  const rows = STILLNESS.map(({ copy = '', verity, lease = '', changers = '', how, why }) =>
    ['', copy, verity === true ? 'yes' : '', lease, changers, `**${how}**`, why, '']
      .map((cell) => (cell === '' ? '' : ` ${cell} `))
      .join('|')
      .replaceAll('||', '| |')
      .replaceAll('||', '| |'),
  );
  const text = readFileSync(new URL('../../docs/check-to-exec.md', import.meta.url), 'utf8');
  const shown = text.split('\n').filter((line) => line.includes('**') && line.startsWith('|'));
  expect(shown).toEqual(rows);
});
