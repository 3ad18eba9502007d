import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { identityChanged, openJudged } from '../../src/format/open.ts';
import { refusal } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'paddock-open-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);
const expectCode = (path: string, code: string, message: RegExp) => {
  const error = refusal(() => openJudged(path));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
  expect(error.detail.remedy).toBeTruthy();
};

it('opens a file, also through a symbolic link, and knows it again', () => {
  writeFileSync(at('file'), 'content');
  symlinkSync('file', at('link'));
  const direct = openJudged(at('file'));
  const linked = openJudged(at('link'));
  expect(linked.identity).toEqual(direct.identity);
  expect(direct.source.size).toBe(7);
  expect(direct.source.read(3, 4).toString()).toBe('tent');
  expect(identityChanged(direct.fd, direct.identity)).toBe(false);
  appendFileSync(at('file'), 'x');
  expect(identityChanged(direct.fd, direct.identity)).toBe(true);
  closeSync(direct.fd);
  closeSync(linked.fd);
});

it('a file that became shorter is noticed while it is read', () => {
  writeFileSync(at('short'), 'content');
  const { fd, source } = openJudged(at('short'));
  writeFileSync(at('short'), 'co');
  expect(refusal(() => source.read(0, 7)).code).toBe('changed');
  closeSync(fd);
});

it.each([
  ['absent', 'not-found', /no such file/],
  ['file-below', 'not-found', /not a directory/],
  ['dangling', 'not-found', /no such file/],
  ['loop', 'not-regular', /symbolic links/],
  ['folder', 'not-regular', /a directory/],
  ['fifo', 'not-regular', /FIFO/],
  ['empty', 'not-llamafile', /empty/],
])('%s', (name, code, message) => {
  writeFileSync(at('plain'), 'x');
  const made: Readonly<Record<string, () => string>> = {
    absent: () => at('absent'),
    'file-below': () => at('plain/below'),
    dangling: () => link('dangling', 'nowhere'),
    loop: () => link('loop', 'loop'),
    folder: () => {
      mkdirSync(at('folder'));
      return at('folder');
    },
    fifo: () => {
      execFileSync('mkfifo', [at('fifo')]);
      return at('fifo');
    },
    empty: () => {
      writeFileSync(at('empty'), '');
      return at('empty');
    },
  };
  expectCode(made[name]?.() ?? '', code, message);
});

it('a device', () => expectCode('/dev/null', 'not-regular', /character device/));

it('a socket', async () => {
  const server = createServer().listen(at('socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  expectCode(at('socket'), 'not-regular', /socket/);
  server.close();
});

it('a path with a NUL byte', () => expectCode('a\0b', 'not-found', /NUL/));

// Root may read everything; the test of the command line drops to another user instead.
it.skipIf(process.getuid?.() === 0)('a file without read permission (skipped as root)', () => {
  writeFileSync(at('secret'), 'x', { mode: 0 });
  expectCode(at('secret'), 'unreadable', /may not be read/);
});

function link(name: string, target: string): string {
  symlinkSync(target, at(name));
  return at(name);
}
