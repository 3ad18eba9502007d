import { chmodSync, closeSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { syntheticElf } from '../../../src/demo/ape-writer.ts';
import { openJudged } from '../../../src/format/open.ts';
import { readAnatomy } from '../../../src/format/read.ts';
import type { FILE } from '../../../src/integrity/catalogue/file.ts';
import { PaddockError } from '../../../src/lib/errors.ts';
import { fixtureLlamafile } from '../../fixtures/llamafile.ts';
import type { Case, CheckCases } from '../case.ts';
import { judged } from '../judged.ts';

const withMode = (mode: number) => () =>
  judged(fixtureLlamafile(), {
    identity: { dev: 1n, ino: 1n, size: 1n, mtimeNs: 1n, ctimeNs: 1n, uid: 0, mode },
  });

/** Opens and reads what `make` leaves at a path of its own; `meanwhile` happens in between. */
function opened(
  is: string,
  make: (path: string) => void,
  meanwhile: (path: string) => void = () => {},
): Case {
  return {
    is,
    async judged() {
      const folder = mkdtempSync(join(tmpdir(), 'paddock-file-'));
      const path = join(folder, 'file');
      try {
        make(path);
        const { fd, source } = openJudged(path);
        try {
          meanwhile(path);
          readAnatomy(source);
        } finally {
          closeSync(fd);
        }
        return { ids: [] };
      } catch (error) {
        if (!(error instanceof PaddockError)) throw error;
        return { ids: error.detail.check === undefined ? [] : [error.detail.check], error };
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  };
}

const write = (path: string) => writeFileSync(path, fixtureLlamafile());
const bytes = (is: string, content: Buffer): Case => ({ is, judged: () => judged(content) });
const text = (is: string, content: string): Case => bytes(is, Buffer.from(content, 'latin1'));
const CLEAN = bytes('a llamafile', fixtureLlamafile());

export const FILE_CASES: Readonly<Partial<Record<keyof typeof FILE, CheckCases>>> = {
  'FILE-001': {
    triggers: [
      opened('a directory', (path) => mkdirSync(path)),
      opened('a file that becomes shorter while it is read', write, (path) => truncateSync(path, 70_000)),
    ],
    almost: [
      opened('a regular file', write),
      opened('a file whose mode changes meanwhile', write, (path) => chmodSync(path, 0o600)),
    ],
  },
  'FILE-002': {
    triggers: [
      { is: 'a file that everybody may write', judged: withMode(0o100666) },
      { is: 'a file that its group may write', judged: withMode(0o100664) },
    ],
    almost: [{ is: 'a file that everybody may read and run', judged: withMode(0o100755) }],
  },
  'FILE-003': {
    triggers: [
      opened('an empty file', (path) => writeFileSync(path, '')),
      text('a text', 'a llamafile that is none, and long enough\n'),
      text('a magic with one letter changed', "jartsR='\n\n".padEnd(4096, '\0')),
      text('the first letters of a magic', 'MZqF'),
      bytes(
        'the first 4096 bytes of a llamafile, without the script',
        Buffer.concat([fixtureLlamafile().subarray(0, 512), Buffer.alloc(4096)]),
      ),
      bytes('a llamafile without its end', fixtureLlamafile().subarray(0, -100)),
      bytes('an ELF program without an archive', syntheticElf()),
    ],
    almost: [CLEAN],
  },
  'FILE-004': {
    triggers: [
      text('a script', `#!/bin/sh\nexit 0\n${' '.repeat(64)}`),
      text('weights', `GGUF${'\0'.repeat(64)}`),
      text('a zip archive', `PK\x03\x04${'\0'.repeat(64)}`),
      bytes('a gzip file', gzipSync(fixtureLlamafile())),
      text('a program for Windows', `MZ${'\0'.repeat(4096)}`),
    ],
    almost: [CLEAN, opened('one whose name says otherwise', write)],
  },
};
