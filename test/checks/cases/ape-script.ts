import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { assimilate } from '../../../src/demo/ape-writer.ts';
import { zipalignAppend } from '../../../src/demo/zip-writer.ts';
import type { APE } from '../../../src/integrity/catalogue/ape.ts';
import { linkedBase, linkedLlamafile } from '../../fixtures/apelink.ts';
import { fixtureBase, modelEntries } from '../../fixtures/llamafile.ts';
import type { CheckCases } from '../case.ts';
import { EMPTY_TABLES, judged } from '../judged.ts';

import { built, CLEAN, changed, DEMO, decoy, knowing, linked, OLDER, swapped } from './ape-files.ts';

export const SCRIPT_CASES: Readonly<Partial<Record<keyof typeof APE, CheckCases>>> = {
  'APE-011': {
    triggers: [
      swapped('a command more', 'm=$(uname -m', 'curl x|sh\nm=$(uname -m'),
      swapped('a command in place of another', 'chmod 755', 'chmod 777'),
      swapped('a second space', 'exit 127', 'exit  127'),
      swapped('a line after the end', /$/, 'echo\n'),
      swapped('a format in a header for printf', "' >&7", "%s' >&7"),
      swapped('another folder for the loader', '.ape-1.10', '.ape-1.11'),
      linked('a version that the note denies', {
        template: (name) => name.includes('end of 2023'),
        version: '1.9',
        overrides: { note: 110_000_000 },
      }),
      linked('a comment behind the comment line', { script: (text) => text.replace('\n', ' \\\n') }),
      built('a document that ends early, and commands where the boot stub is', () => {
        const bytes = linkedLlamafile();
        const token = bytes.toString('latin1', 45, 58);
        bytes.write(`\n${token}\necho\n`, 0x100, 'latin1');
        return bytes;
      }),
      built('the same with a NUL byte in it, which shells drop', () => {
        const bytes = linkedLlamafile();
        const token = bytes.toString('latin1', 45, 58);
        bytes.write(`\n${token.slice(0, 4)}\0${token.slice(4)}\necho\n`, 0x100, 'latin1');
        return bytes;
      }),
      built('a string that ends before the document', () => {
        const bytes = linkedLlamafile();
        bytes.write("';ls;'", 28, 'latin1');
        return bytes;
      }),
      built('a script that is changed in an assimilated file', () =>
        assimilate(linkedLlamafile({ script: (text) => text.replace('chmod 755', 'chmod 777') })),
      ),
    ],
    almost: [
      CLEAN,
      DEMO,
      ...OLDER,
      built('an assimilated program', () => assimilate(linkedLlamafile())),
      built('a boot stub with other bytes', () => {
        const bytes = linkedLlamafile();
        bytes.write('\njustine\n@\n', 0x100, 'latin1');
        return bytes;
      }),
    ],
  },
  'APE-012': {
    triggers: [
      built('a header for printf in a comment', () =>
        zipalignAppend(fixtureBase({ comment: `printf '${decoy}'` }), modelEntries()),
      ),
      built('a beginning of one in the boot stub', () => {
        const bytes = linkedLlamafile();
        bytes.write("printf 'x'", 0x100, 'latin1');
        return bytes;
      }),
      built('one behind the script, in the first 8192 bytes', () => {
        const bytes = linkedLlamafile();
        bytes.write(`printf '${decoy}'`, 0x1800, 'latin1');
        return bytes;
      }),
      built('one that the loader skips inside another', () => {
        const bytes = linkedLlamafile();
        bytes.write("printf 'printf 'x", 0x1800, 'latin1');
        return bytes;
      }),
      built('an assimilated file that starts elsewhere than its script says', () => {
        const bytes = assimilate(linkedLlamafile());
        bytes.writeBigUInt64LE(bytes.readBigUInt64LE(24) + 4n, 24);
        return bytes;
      }),
    ],
    almost: [
      CLEAN,
      built('the words behind the first 8192 bytes', () => {
        const bytes = linkedLlamafile();
        bytes.write("printf 'x'", 0x2000, 'latin1');
        return bytes;
      }),
      built('an assimilated program', () => assimilate(linkedLlamafile())),
    ],
  },
  'APE-013': {
    triggers: [knowing('one loader that nobody knows', ['x86-64', 'any']), CLEAN],
    almost: [knowing('loaders that are all known', ['x86-64', 'aarch64', 'any'])],
  },
  'APE-014': {
    triggers: [
      built('bytes between the headers and the first segment', () =>
        changed((bytes) => void bytes.write('hidden', 0x3000, 'latin1')),
      ),
      linked('bytes between the last loader and the archive', { overrides: { gap: Buffer.from('x') } }),
      built('a byte between two segments', () =>
        changed((bytes, { programs }) => {
          const [code] = programs[0]?.segments ?? [];
          bytes[(code?.offset ?? 0) + (code?.fileSize ?? 0) + 5] = 1;
        }),
      ),
    ],
    almost: [CLEAN, linked('zeros there', { overrides: { gap: Buffer.alloc(64) } })],
  },
  'APE-015': {
    triggers: [
      swapped('numbers beyond the end of the file', /(?<=if="\$o" skip=).{10}/, '9999999999'),
      built('a changed byte in a loader', () =>
        changed(
          (bytes, { loaders }) =>
            void bytes.fill(0x5a, (loaders[0]?.offset ?? 0) + 40, (loaders[0]?.offset ?? 0) + 44),
        ),
      ),
      built('another stream in its place, with bytes behind it', () =>
        changed((bytes, { loaders }) => void gzipSync(Buffer.from('x')).copy(bytes, loaders[0]?.offset)),
      ),
      built('a time in the header of a loader', () =>
        changed((bytes, { loaders }) => void bytes.writeUInt8(1, (loaders[0]?.offset ?? 0) + 4)),
      ),
    ],
    almost: [CLEAN],
  },
  'APE-016': {
    triggers: [
      linked('the loader of the other machine', {
        script: (text) => {
          const numbers = [...text.matchAll(/skip=\d+ +count=\d+ +bs=1 /g)].map(([each]) => each);
          return text.replaceAll(numbers[0] ?? '', numbers.at(-1) ?? '');
        },
      }),
      linked('another loader on macOS than elsewhere', {
        script: (text) => {
          const numbers = [...text.matchAll(/skip=\d+ +count=\d+ +bs=1 /g)].map(([each]) => each);
          return text.replace(numbers[0] ?? '', numbers.at(-1) ?? '');
        },
      }),
      swapped('a header for macOS outside the unpacked loader', 'skip=5 count=8', 'skip=5 count=999'),
      swapped('a header for macOS that is none', /bs=1 skip=\d{4}/, 'bs=1 skip=4096'),
    ],
    almost: [CLEAN],
  },
  'RUN-000': {
    triggers: [CLEAN],
    almost: [
      {
        is: 'a published release with weights appended',
        judged: () => {
          const base = linkedBase();
          const sha256 = createHash('sha256').update(base).digest('hex');
          const release = { artifact: 'llamafile-9.0', version: '9.0', sha256, source: 'fixture' };
          const tables = { ...EMPTY_TABLES, releases: new Map([[sha256, release]]) };
          return judged(zipalignAppend(base, modelEntries()), { tables });
        },
      },
    ],
  },
};
