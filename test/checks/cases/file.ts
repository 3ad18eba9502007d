import type { FILE } from '../../../src/integrity/catalogue/file.ts';
import { fixtureLlamafile } from '../../fixtures/llamafile.ts';
import type { CheckCases } from '../case.ts';
import { judged } from '../judged.ts';

const withMode = (mode: number) => () =>
  judged(fixtureLlamafile(), {
    identity: { dev: 1n, ino: 1n, size: 1n, mtimeNs: 1n, ctimeNs: 1n, uid: 0, mode },
  });

export const FILE_CASES: Readonly<Partial<Record<keyof typeof FILE, CheckCases>>> = {
  'FILE-002': {
    triggers: [
      { is: 'a file that everybody may write', judged: withMode(0o100666) },
      { is: 'a file that its group may write', judged: withMode(0o100664) },
    ],
    almost: [{ is: 'a file that everybody may read and run', judged: withMode(0o100755) }],
  },
};
