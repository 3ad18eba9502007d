import { expect, it } from 'vitest';
import { PaddockError } from '../../src/lib/errors.ts';

it('tells everything that is known, one fact a line', () => {
  const error = new PaddockError('malformed', 'a segment leaves the file', {
    where: '/models/x.llamafile',
    offset: 4096,
    expected: 'an end before byte 8192',
    found: 'byte 9000',
    remedy: 'get the file again',
  });
  expect(error.explain()).toBe(
    [
      'a segment leaves the file',
      '  at: /models/x.llamafile',
      '  at: byte 4096 (0x1000)',
      '  expected: an end before byte 8192',
      '  found: byte 9000',
      '  to do: get the file again',
    ].join('\n'),
  );
});

it('does not let a path reach the terminal as it is', () => {
  expect(new PaddockError('io', 'x', { where: '/a\x1b[2J\u202e:1:1' }).explain()).toBe(
    'x\n  at: /a\\x1b[2J\\u{202e}:1:1',
  );
});

it('keeps its cause', () => {
  const cause = new Error('y');
  expect(new PaddockError('io', 'x', { cause }).cause).toBe(cause);
});
