import type { Check } from '../integrity/catalogue/check.ts';

type OtherRule = Pick<Check, 'title' | 'remedy'> & Partial<Pick<Check, 'why'>>;

/** What reader and policy say beside the catalogue of checks, without what is particular to one file. By code of the error, or by place in the policy. */
export const OTHER_RULES: Readonly<Record<string, OtherRule>> = {
  malformed: {
    title: 'the structure of the file contradicts itself or the file’s bounds',
    why: 'programs that read such a file in different ways see different things',
    remedy: 'get the file again from its publisher',
  },
  changed: {
    title: 'the file changed while it was judged',
    why: 'what was judged is not what is there now',
    remedy: 'wait until the download is done, and judge it again',
  },
  'trust.refuse': {
    title: 'the policy refuses what the file is',
    remedy: 'use a file that was built on a published release, or another policy',
  },
  'trust.tiers': {
    title: 'the policy does not accept the tier of the runtime',
    remedy: 'use a file that was built on a published release, or another policy',
  },
  'trust.require': {
    title: 'the policy asks for a signature or an approval, and none counts',
    why: 'nobody whom you trust says that the file is theirs',
    remedy: '`paddock trust add` a signer whom you know, or `paddock approve` the file',
  },
  'trust.unknownLoader': {
    title: 'nobody knows the loader of the file, and the policy refuses that',
    why: 'the loader is the first code of the file that runs',
    remedy: 'if you know where the file is from, add the loader’s digest to `trust.loaders` of your policy',
  },
  'too-large': {
    title: 'a bound of paddock’s was reached',
    why: 'what lies behind it was not judged, and that is never a pass',
    remedy: 'get a file that is built as usual; `paddock inspect` shows what is unusual',
  },
  unreadable: {
    title: 'it may be a llamafile, and cannot be read',
    remedy: 'give yourself the permission to read it',
  },
  'not-llamafile': {
    title: 'it is something else',
    remedy: 'paddock guards llamafiles: APE executables, and ELF executables with a zip archive',
  },
  internal: { title: 'paddock itself failed on it', remedy: 'please report it' },
};
