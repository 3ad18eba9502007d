import { ASK, type Checks, REBUILD } from './check.ts';

/** ZIP: the archive. */
export const ZIP = {
  'ZIP-020': {
    stage: 'judging',
    severity: 'deny',
    title: 'two archive members have the same name: which one the program reads is a matter of chance',
    remedy: REBUILD,
  },
  'ZIP-021': {
    stage: 'judging',
    severity: 'deny',
    title: 'an archive member has control or invisible characters in its name',
    remedy: REBUILD,
  },
  'ZIP-023': {
    stage: 'judging',
    severity: 'deny',
    title: 'an archive member has a name that leads out of the archive',
    remedy: REBUILD,
  },
  'ZIP-031': {
    stage: 'judging',
    severity: 'deny',
    title: 'weights are compressed, so that no runtime can load them',
    remedy: 'add them again with `zipalign -j0`',
  },
  'ZIP-050': {
    stage: 'judging',
    severity: 'deny',
    title: 'a part of the release was replaced: the bytes are a release’s, the archive is not',
    remedy: REBUILD,
  },
  'ZIP-051': {
    stage: 'judging',
    severity: 'deny',
    title: 'code was added to a release',
    remedy: REBUILD,
  },
  'ZIP-052': {
    stage: 'judging',
    severity: 'warn',
    title: 'the archive holds something that is neither weights nor arguments nor part of the release',
    remedy: ASK,
  },
} as const satisfies Checks;
