import type { Advisory } from '../../../src/integrity/advisories.ts';
import type { VER } from '../../../src/integrity/catalogue/ver.ts';
import type { Case, CheckCases } from '../case.ts';
import { releasedAs, withArgs } from '../known-release.ts';

const row = { component: 'llama.cpp', summary: 'it breaks', note: 'invented', source: 'a test' };
const INVENTED: readonly Advisory[] = [
  { ...row, id: 'CVE-2099-0001', from: '0.7', last: '0.8.16', fixed: '0.9.0', feature: 'server' },
  { ...row, id: 'CVE-2099-0002', from: '0.7', last: '0.8.16', fixed: '0.9.0', feature: 'weights' },
  { ...row, id: 'CVE-2099-0003', from: '0.10.0', last: '0.10.4', feature: 'sleep-idle' },
];

const of = (version: string, is: string, args: string, given = {}): Case => ({
  is: `${version}, ${is}`,
  judged: () => withArgs(args, version, { tables: releasedAs(version, { advisories: INVENTED }), ...given }),
});

export const VER_CASES: Readonly<Record<keyof typeof VER, CheckCases>> = {
  'VER-001': {
    triggers: [
      of('0.7', 'which serves when nothing else is asked for', '-m\nmodel.gguf\n...\n'),
      of('0.8.16', 'told to serve', '--server\n-p\nhi\n'),
      of('0.10.4', 'told to sleep', '--sleep-idle-seconds 9'),
    ],
    almost: [
      of('0.6.2', 'before it', '-m\nmodel.gguf\n'),
      of('0.9.0', 'after it', '-m model.gguf'),
      of('0.8.16', 'that serves nobody', '-p\nhi\n'),
      of('0.8.16', 'that serves nobody, as the user says', '...\n', { arguments: { user: ['-p', 'hi'] } }),
      of('0.10.4', 'not told to sleep', '-m model.gguf'),
      { is: 'an unknown runtime', judged: () => withArgs('-m\nmodel.gguf\n') },
    ],
  },
  'VER-002': {
    triggers: [
      of('0.7', 'whatever it does', '-p\nhi\n'),
      of('0.8.17', 'of which nobody knows', '-m model.gguf'),
    ],
    almost: [
      of('0.9.0', 'after it', '-m model.gguf'),
      of('0.99', 'which the table was not made for', '--sleep-idle-seconds 9'),
    ],
  },
};
