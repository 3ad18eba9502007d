import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { syntheticElf } from '../../src/demo/ape-writer.ts';
import { appendBaseZip, zipalignAppend } from '../../src/demo/zip-writer.ts';
import { fixture } from '../fixtures/llamafiles.ts';

/** Files of every kind of outcome, written into `folder`: name → what `paddock verify` ends with. */
export function everyOutcome(folder: string): Readonly<Record<string, number>> {
  const files: Readonly<Record<string, readonly [exit: number, bytes: Buffer]>> = {
    'pass.llamafile': [0, readFileSync(fixture('elf'))],
    'refused.llamafile': [1, readFileSync(fixture('ape'))],
    'denied.llamafile': [1, denied()],
    'other.llamafile': [2, Buffer.from('#!/bin/sh\nexit 0\n')],
    'empty.llamafile': [2, Buffer.alloc(0)],
    'malformed.llamafile': [3, Buffer.from("MZqFpD='\n\n")],
  };
  for (const [name, [, bytes]] of Object.entries(files))
    writeFileSync(join(folder, name), bytes, { mode: 0o755 });
  return Object.fromEntries(Object.entries(files).map(([name, [exit]]) => [name, exit]));
}

/** Two members of one name, twice, one that leads out of the archive, and a name that would act in a terminal or a report. */
export function denied(): Buffer {
  const entry = (name: string) => ({ name, content: Buffer.from('x') });
  const twice = ['a.txt', 'a.txt', 'b.txt', 'b.txt', '../out', '[see](https://example.org) \x1b[2J\u202e'];
  return appendBaseZip(syntheticElf(), twice.map(entry));
}

/** A tree with llamafiles by name and by content, with what is to be passed over, and with a link that leads out and one that leads round. */
export function tree(folder: string): void {
  mkdirSync(join(folder, 'a/b'), { recursive: true });
  mkdirSync(join(folder, 'empty'));
  const small = zipalignAppend(syntheticElf(), [{ name: '.args', content: Buffer.from('-c\n64\n') }]);
  writeFileSync(join(folder, 'a/photo.jpg'), small);
  writeFileSync(join(folder, 'a/b/x.llamafile'), small);
  writeFileSync(join(folder, 'a/b/bad.LLAMAFILE'), 'nothing of the kind');
  writeFileSync(join(folder, 'a/notes.txt'), 'x'.repeat(100));
  writeFileSync(join(folder, 'a/program'), syntheticElf());
  // As `zip` and others have them among their constants.
  const constants = Buffer.from(
    'PK\x05\x06\0\0PK\x06\x06\0\0PK\x05\x06\xff\xff%s: bad end record\0'.padEnd(80, '\0'),
    'latin1',
  );
  writeFileSync(join(folder, 'a/archiver'), Buffer.concat([syntheticElf(), constants]));
  symlinkSync('/usr', join(folder, 'out'));
  symlinkSync('..', join(folder, 'a/round'));
  symlinkSync('a/b/x.llamafile', join(folder, 'again.llamafile'));
}
