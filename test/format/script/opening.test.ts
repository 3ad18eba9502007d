import { describe, expect, it } from 'vitest';
import { checkOpening } from '../../../src/format/script/opening.ts';

const MAGIC = "MZqFpD='\n\n";

interface Parts {
  readonly token?: string;
  readonly words?: string;
  readonly string?: string;
}

function opening(stub: string, { token = 'justine123abc', words = '', string }: Parts = {}): Buffer {
  const start = `${(MAGIC + words).padEnd(40, '\0')}${string ?? `' <<'${token}'\n`}`.padEnd(64, '\0');
  return Buffer.from(`${(start + stub).padEnd(512, '\0')}\n${token}\n`, 'latin1');
}

describe('what a shell makes of the bytes before the script', () => {
  it.each([
    ['a document around the stub', opening('code')],
    ['the token of the oldest linkers', opening('code', { token: '@' })],
    [
      'a stub with quotes, and with the token inside a line',
      opening("it's\nx justine123abc\njustine123abc x\n"),
    ],
    ['a string around the stub', Buffer.from(`${MAGIC.padEnd(512, '\0')}'\n`, 'latin1')],
  ])('%s', (_, head) => {
    expect(checkOpening(head)).toBeUndefined();
  });

  it.each([
    ['a string that ends early', opening('', { words: "';ls;'" })],
    ['no document', opening('', { string: "'\n" })],
    ['a command behind the document', opening('', { string: "' <<'@';ls\n", token: '@' })],
    ['a document that the shell expands', opening('', { string: "' <<@\n     ", token: '@' })],
    ['a document with another name', opening('', { token: 'justine12' })],
    ['a document that ends early', opening('\njustine123abc\nls\n')],
    ['a document that ends early if NUL bytes are dropped', opening('\njust\0ine123abc\0\nls\n')],
    ['a document that ends with its first line', opening('', { string: "' <<'@'\n@\nls #", token: '@' })],
    ['a document without an end', opening('code').subarray(0, -3)],
    ['a string that goes on', Buffer.from(`${MAGIC.padEnd(512, '\0')}'x\n`, 'latin1')],
    ['nothing', Buffer.alloc(0)],
  ])('not: %s', (_, head) => {
    expect(checkOpening(head)).toMatchObject({ line: 1 });
  });
});
