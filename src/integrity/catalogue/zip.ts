import { ASK, type Checks, REBUILD } from './check.ts';

/** ZIP: the archive. */
export const ZIP = {
  'ZIP-020': {
    stage: 'judging',
    severity: 'deny',
    title: 'two archive members have the same name: which one the program reads is a matter of chance',
    why: 'a scanner may read one of the two and the program the other',
    remedy: REBUILD,
  },
  'ZIP-021': {
    stage: 'judging',
    severity: 'deny',
    title: 'an archive member has control or invisible characters in its name',
    why: 'such a name looks like another one, or steers the terminal of whoever lists the archive',
    remedy: REBUILD,
  },
  'ZIP-023': {
    stage: 'judging',
    severity: 'deny',
    title: 'an archive member has a name that leads out of the archive',
    why: 'a tool that unpacks the archive would write outside of the folder that it was given',
    remedy: REBUILD,
  },
  'ZIP-031': {
    stage: 'judging',
    severity: 'deny',
    title: 'weights are compressed, so that no runtime can load them',
    why: 'weights are mapped as they lie in the file, so the program would fail or read something else in their place',
    remedy: 'add them again with `zipalign -j0`',
  },
  'ZIP-050': {
    stage: 'judging',
    severity: 'deny',
    title: 'a part of the release was replaced: the bytes are a release’s, the archive is not',
    why: 'the release’s digest is right and yet the program reads something else than the publisher put there',
    remedy: REBUILD,
  },
  'ZIP-051': {
    stage: 'judging',
    severity: 'deny',
    title: 'code was added to a release',
    why: 'the program loads code from its archive, and this piece did not come from the publisher',
    remedy: REBUILD,
  },
  'ZIP-052': {
    stage: 'judging',
    severity: 'warn',
    title: 'the archive holds something that is neither weights nor arguments nor part of the release',
    why: 'it may be harmless, but no part of a llamafile needs it',
    remedy: ASK,
  },
} as const satisfies Checks;
