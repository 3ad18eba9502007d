import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { unpackLoader } from '../format/loaders.ts';
import { descriptorSource } from '../format/source.ts';
import type { SessionDirectories } from '../launch/directories.ts';
import type { HeldFile, LaunchInput } from '../launch/launch-input.ts';
import { chooseStart, chooseStoredStart, copyProgram, type Start } from '../launch/loader.ts';
import type { Policy } from '../policy/policy.ts';
import { hostArchitecture, type Judged } from './judged.ts';
import type { StillFile } from './still.ts';

/** A judged program and how it stays as it is. */
export interface HeldProgram {
  readonly judged: Judged;
  readonly opened: StillFile;
}

/** What is executed: the file, its copy in the store, or a copy in the session's own folder. */
export interface Program {
  readonly start: LaunchInput['start'];
  readonly held: HeldFile;
  /** The descriptor that the gate is given. */
  readonly fd: number;
  /** Of a copy in the session's folder: to be closed by the caller. */
  readonly copy?: number;
}

/** How the program is started on this machine. @throws PaddockError as `chooseStart` */
export function startOf({ anatomy, file, verdict }: Judged, trust: Policy['trust']): Start {
  const start = chooseStart(anatomy, file.source, verdict, trust, hostArchitecture());
  if (file.start === undefined) return start;
  const header = descriptorSource(file.fd).read(0, file.start.length);
  return chooseStoredStart(anatomy, file.source, hostArchitecture(), header);
}

/** Makes the copy that `start` needs, unless nothing is started. */
export function prepareProgram(
  { judged, opened }: HeldProgram,
  start: Start,
  directories: SessionDirectories,
  dryRun: boolean,
): Program {
  const launch = launchStart(judged, start, directories, opened.copyPath);
  const held: HeldFile = { fd: 6, lease: opened.lease, identity: opened.file.identity };
  if (start.form !== 'copy' || dryRun) return { start: launch, held, fd: opened.file.fd };
  const copy = makeCopy(judged, start, directories);
  // What is executed must be what was looked at; this copy lies where nobody else gets.
  const identity = fstatSync(copy, { bigint: true });
  return { start: launch, held: { fd: 6, lease: false, identity }, fd: copy, copy };
}

function launchStart(
  { file }: Judged,
  start: Start,
  directories: SessionDirectories,
  stored: string | undefined,
): LaunchInput['start'] {
  switch (start.form) {
    case 'ape':
      return {
        form: 'ape',
        loader: unpackLoader(file.source, start.loader),
        sha256: start.loader.sha256,
      };
    case 'elf':
    case 'stored':
      return stored === undefined ? { form: 'elf' } : { form: 'copy', path: stored };
    case 'copy':
      return { form: 'copy', path: copyPath(directories) };
  }
}

function copyPath({ root }: SessionDirectories): string {
  return join(root, 'program');
}

// Written once, closed, and opened again for reading: a file that is open for writing cannot be executed.
function makeCopy(
  judged: Judged,
  start: Extract<Start, { form: 'copy' }>,
  directories: SessionDirectories,
): number {
  const path = copyPath(directories);
  const fd = openSync(path, 'wx', 0o500);
  try {
    copyProgram(judged.file.source, start.header, (chunk) => {
      for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done);
    });
  } finally {
    closeSync(fd);
  }
  return openSync(path, 'r');
}
