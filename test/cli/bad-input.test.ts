import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture } from '../fixtures/llamafiles.ts';
import { writeZip } from '../fixtures/plain-zip.ts';
import { paddock, scratch } from './paddock.ts';

const MiB = 1024 * 1024;
const home = scratch();
const file = (name: string, content: string | Buffer, mode = 0o755): string => {
  const path = join(home, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
};

/** Name → [what is made, exit code, words that the one-line reason must have]. */
const CASES: Readonly<Record<string, [() => string, number, RegExp]>> = {
  'a file that is not there': [() => join(home, 'absent'), 127, /no such file/i],
  'a folder on the way that is a file': [
    () => join(file('plain', 'x'), 'below'),
    127,
    /no such file|not a (directory|folder)/i,
  ],
  'an empty file': [() => file('empty', ''), 126, /empty/i],
  'a directory': [
    () => {
      mkdirSync(join(home, 'folder'), { recursive: true });
      return join(home, 'folder');
    },
    126,
    /directory/i,
  ],
  'a FIFO': [
    () => {
      execFileSync('mkfifo', [join(home, 'fifo')]);
      return join(home, 'fifo');
    },
    126,
    /FIFO|named pipe/i,
  ],
  'a device': [() => '/dev/zero', 126, /device/i],
  'a dangling symlink': [
    () => {
      symlinkSync(join(home, 'nowhere'), join(home, 'dangling'));
      return join(home, 'dangling');
    },
    127,
    /symbolic link|no such file/i,
  ],
  'a symlink to itself': [
    () => {
      symlinkSync(join(home, 'loop'), join(home, 'loop'));
      return join(home, 'loop');
    },
    126,
    /symbolic link/i,
  ],
  'a llamafile without execute permission': [
    () => file('not-executable', readFileSync(fixture('elf')), 0o644),
    126,
    /not executable/i,
  ],
  'a llamafile cut in half': [
    () => file('half', readFileSync(fixture('elf')).subarray(0, 1_500_000)),
    126,
    /truncated|cut|no zip|ends/i,
  ],
  'a llamafile with a tail of zeros': [
    () => file('tail', Buffer.concat([readFileSync(fixture('elf')), Buffer.alloc(512)])),
    126,
    /behind|after|end/i,
  ],
  'random bytes': [() => file('random', Buffer.alloc(8192, 'q7#x')), 126, /not a llamafile|neither/i],
  'a plain zip': [
    () => file('plain.zip', writeZip([{ name: 'a.txt', content: Buffer.from('hello') }])),
    126,
    /zip/i,
  ],
  'weights alone': [
    () => file('w.gguf', Buffer.concat([Buffer.from('GGUF\x03\0\0\0'), Buffer.alloc(64)])),
    126,
    /GGUF|weights/i,
  ],
  'a shell script': [() => file('script', '#!/bin/sh\necho no\n'), 126, /script/i],
  'a plain ELF that is no llamafile': [() => '/bin/true', 126, /ELF/],
  'an MZ file of Windows': [() => file('w.exe', windowsProgram()), 126, /Windows/],
  'a truncated APE': [
    () => file('cut', Buffer.from("MZqFpD='\n\n")),
    126,
    /truncated|too short|ends|outside/i,
  ],
  'an APE magic and nothing sensible behind': [
    () => file('nonsense', Buffer.concat([Buffer.from("MZqFpD='\n"), Buffer.alloc(9000, 65)])),
    126,
    /shell|printf|program/i,
  ],
  'a 16 GiB file of zeros': [() => sparse('zeros', Buffer.alloc(0)), 126, /not a llamafile|neither|zero/i],
  'a 16 GiB file that begins like an APE': [() => sparse('huge', Buffer.from("MZqFpD='\n\n")), 126, /./],
  'a 16 GiB file that begins like an ELF': [
    () => sparse('huge-elf', Buffer.from('\x7fELF\x02\x01\x01', 'latin1')),
    126,
    /./,
  ],
};

describe.each(Object.entries(CASES))('run of %s', (_, [make, code, words]) => {
  it('is refused with one clear line, and little memory', async () => {
    const outcome = await paddock(['run', make()], { home });
    expect(outcome.stderr).toMatch(words);
    expect(outcome.code).toBe(code);
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr.split('\n')[0]).toMatch(/^paddock: .+/);
    expect(outcome.stderr).not.toMatch(/internal error|at .*\.js:/);
    expect(outcome.maxRssBytes).toBeLessThan(150 * MiB);
  });
});

it('a socket is refused', async () => {
  const path = join(home, 'socket');
  const server = createServer().listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  const outcome = await paddock(['run', path], { home });
  server.close();
  expect(outcome.stderr).toMatch(/socket/i);
  expect(outcome.code).toBe(126);
});

it.skipIf(process.getuid?.() === 0 && !canDropRoot())('an unreadable file is refused', async () => {
  const path = file('secret', 'MZ', 0o000);
  if (process.getuid?.() !== 0) {
    const outcome = await paddock(['run', path], { home });
    expect(outcome.stderr).toMatch(/may not be read|permission/i);
    expect(outcome.code).toBe(126);
    return;
  }
  chmodSync(home, 0o755);
  const output = ((): string => {
    try {
      return execFileSync(
        'setpriv',
        [
          '--reuid',
          '65534',
          '--regid',
          '65534',
          '--clear-groups',
          process.execPath,
          'bin/paddock.js',
          'run',
          path,
        ],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
          env: { HOME: '/nonexistent', PATH: process.env.PATH },
        },
      ).toString();
    } catch (cause) {
      return `${(cause as { status: number }).status} ${(cause as { stderr: Buffer }).stderr}`;
    }
  })();
  expect(output).toMatch(/^126 /);
  expect(output).toMatch(/may not be read|permission/i);
});

function canDropRoot(): boolean {
  try {
    execFileSync('setpriv', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function sparse(name: string, head: Buffer): string {
  const path = join(home, name);
  const fd = openSync(path, 'w', 0o755);
  ftruncateSync(fd, 16 * 1024 * MiB);
  closeSync(fd);
  const again = openSync(path, 'r+');
  writeFileSync(again, head);
  closeSync(again);
  return path;
}

// The DOS header and a PE signature: enough for every loader to call it a Windows program.
function windowsProgram(): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.write('MZ');
  bytes.writeUInt32LE(0x80, 0x3c);
  bytes.write('PE\0\0', 0x80, 'latin1');
  bytes.writeUInt16LE(0x8664, 0x84);
  return bytes;
}
