import { type Checks, REBUILD } from './check.ts';

/** FILE: the file as the file system shows it, and its first bytes. */
export const FILE = {
  'FILE-001': {
    stage: 'reading',
    severity: 'deny',
    title: 'this is not a regular file, or it changed while it was looked at',
    why: 'only bytes that stay can be judged: what is read once may be something else when it runs',
    remedy: 'name the llamafile itself, and make sure that nothing writes to it',
  },
  'FILE-002': {
    stage: 'judging',
    severity: 'warn',
    title: 'other users may change the file',
    why: 'whoever may write the file can exchange its code after you judged it and before you run it',
    remedy: 'chmod go-w the file, or copy it to a folder of your own',
  },
  'FILE-003': {
    stage: 'reading',
    severity: 'deny',
    title: 'this is no llamafile, or only the first part of one',
    why: 'what is no llamafile is not judged, and the first part of one shows only what its maker wants to be seen',
    remedy: REBUILD,
  },
  'FILE-004': {
    stage: 'reading',
    severity: 'deny',
    title: 'this is a file of another kind',
    why: 'the name says llamafile, and another kind of program would take the file for its own',
    remedy: 'paddock guards llamafiles: APE executables, and ELF executables with a zip archive',
  },
} as const satisfies Checks;
