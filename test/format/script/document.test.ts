import { describe, expect, it } from 'vitest';
import { checkDocument } from '../../../src/format/script/document.ts';
import { BEHIND_DOCUMENT } from '../../../src/format/script/monolithic.ts';
import { fillScript } from '../../fixtures/apelink.ts';

const SECOND = fillScript(BEHIND_DOCUMENT, { headers: [], comment: '' }, '1.0.0');
const check = (text: string) => checkDocument(Buffer.from(text, 'latin1'), 1000);

describe('the document behind an old script', () => {
  it.each([
    ['ends before the known script', `\0\u0001code\n@\n${SECOND}`],
    ['ends with its first line', `@\n${SECOND}`],
    ['ends with a line of which shells drop the NUL bytes', `x\n\0@\0\n${SECOND}`],
    ['has anything behind the line that leaves the shell', `x\n@\n${SECOND}exit 127\nrm\n`],
  ])('%s', (_, text) => {
    expect(check(text)).toBeUndefined();
  });

  it.each([
    ['has no end', 'x\n @\n', 1000],
    ['ends early', `x\n@\nls\n@\n${SECOND}`, 1004],
    ['ends early, with NUL bytes', `x\n\0@\n\0l\0s\n@\n${SECOND}`, 1006],
    [
      'ends before another script',
      `x\n@\n${SECOND.replace('exit 127', 'rm -rf ~')}`,
      1000 + 4 + SECOND.indexOf('exit'),
    ],
    ['ends too far away', `${'x'.repeat(16_400)}\n@\n${SECOND}`, 1000],
  ])('not: %s', (_, text, offset) => {
    expect(check(text)).toMatchObject({ offset });
  });
});
