import { infozipRewrite, zipalignAppend } from '../../../src/demo/zip-writer.ts';
import { modelEntries } from '../../fixtures/llamafile.ts';
import { learn, otherBuild, RELEASE_ENTRIES, release } from '../../integrity/baselines/learned.ts';
import type { Case, CheckCases } from '../case.ts';
import { judged } from '../judged.ts';

const base = release();
const known = learn(base);
const user = modelEntries();
const PAGE = 'llama.cpp/server/public/index.html';

/** A file that is judged with the release known. */
function when(is: string, bytes: () => Buffer): Case {
  return { is, judged: async () => judged(bytes(), { baselines: async () => [await known] }) };
}

const add = (name: string): Buffer => zipalignAppend(base, [...user, { name, content: Buffer.from('mine') }]);
const repack = (name: string): Buffer =>
  infozipRewrite(base, [...user, { name, content: Buffer.from('mine') }]);
const without = (name: string): Buffer =>
  release({ zipEntries: [...RELEASE_ENTRIES.filter((entry) => entry.name !== name), ...user] });

function patched(offset: number, bytes: Buffer): Buffer {
  const out = Buffer.from(bytes);
  out[offset] = (out[offset] ?? 0) ^ 1;
  return out;
}

const clean = when('the release with weights and arguments', () => zipalignAppend(base, user));
const repacked = when('the release, repacked', () => infozipRewrite(base, user));

export const BASELINE_CASES: Readonly<Record<string, CheckCases>> = {
  'APE-010b': {
    triggers: [
      when('one bit of the code', () => patched(0x12345, zipalignAppend(base, user))),
      when('one bit of the boot sector', () => patched(0x123, infozipRewrite(base, user))),
      when('a longer comment in the script', () =>
        zipalignAppend(release({ overrides: { comment: ' hello' } }), user),
      ),
    ],
    almost: [
      clean,
      repacked,
      when('another build with the same archive', () => zipalignAppend(otherBuild(), user)),
    ],
  },
  'ZIP-050': {
    triggers: [
      when('a source that was replaced by zipalign', () => add('llama.cpp/ggml-cuda.cu')),
      when('a header that was replaced by zip', () => repack('llama.cpp/ggml.h')),
      when('a time zone that is missing', () => without('usr/share/zoneinfo/UTC')),
    ],
    almost: [
      clean,
      repacked,
      when('the same replaced in another build', () =>
        zipalignAppend(otherBuild(), [{ name: 'llama.cpp/ggml-cuda.cu', content: Buffer.from('mine') }]),
      ),
    ],
  },
  'ZIP-051': {
    triggers: [
      when('a GPU module', () => add('ggml-cuda.so')),
      when('a page, by zip', () => repack('www/index.html')),
      when('code under the name of a notice', () => add('LICENSE.so')),
      when('a picture that runs scripts, under the name of a notice', () => add('README.svg')),
    ],
    almost: [clean, when('a licence', () => add('LICENSE')), when('a note', () => repack('notes.txt'))],
  },
  'ZIP-052': {
    triggers: [when('a note', () => add('notes.txt')), when('a note, by zip', () => repack('notes.txt'))],
    almost: [clean, repacked, when('a licence', () => add('LICENSE.txt'))],
  },
  'ZIP-053': {
    triggers: [
      when('a module in an unknown build', () =>
        zipalignAppend(otherBuild(), [{ name: 'ggml-cuda.so', content: Buffer.from('mine') }]),
      ),
      when('one for Windows', () => otherBuild([{ name: 'GGML-ROCM.DLL', content: Buffer.from('mine') }])),
    ],
    almost: [
      clean,
      when('a module in a folder, where no release looks for one', () =>
        otherBuild([{ name: 'docs/ggml-cuda.so', content: Buffer.from('mine') }]),
      ),
      {
        is: 'the module of a release in another build',
        judged: async () => {
          const module = { name: 'ggml-cuda.so', content: Buffer.from('\x7fELF gpu') };
          const baseline = await learn(zipalignAppend(base, [module]));
          return judged(zipalignAppend(otherBuild(), [module]), { baselines: () => [baseline] });
        },
      },
    ],
  },
  'ZIP-054': {
    triggers: [
      when('a page, by zipalign', () => add(PAGE)),
      when('a schema, by zip', () => repack('llamafile/schema.sql')),
      when('a certificate that is missing', () => without('third_party/mbedtls/sslroot/a.pem')),
    ],
    almost: [
      clean,
      repacked,
      when('a page of another build', () => otherBuild([{ name: PAGE, content: Buffer.from('mine') }])),
    ],
  },
};
