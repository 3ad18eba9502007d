import { syntheticElf } from '../../../src/demo/ape-writer.ts';
import { writeGguf } from '../../../src/demo/gguf-writer.ts';
import { directory } from '../../../src/demo/zip-records.ts';
import { appendBaseZip, type ZipEntry, zipalignAppend } from '../../../src/demo/zip-writer.ts';
import { crc32 } from '../../../src/lib/crc32.ts';
import { withChecksum } from '../../fixtures/checksum.ts';
import { fixtureBase, fixtureLlamafile, TINY_MODEL } from '../../fixtures/llamafile.ts';
import type { Case, CheckCases } from '../case.ts';
import { judged } from '../judged.ts';

const text = (name: string | Buffer, content = 'x', more: Partial<ZipEntry> = {}): ZipEntry => ({
  name,
  content: Buffer.from(content),
  ...more,
});
const of = (is: string, bytes: () => Buffer): Case => ({ is, judged: () => judged(bytes()) });
const elf = (is: string, ...entries: ZipEntry[]): Case =>
  of(is, () => appendBaseZip(syntheticElf(), entries));
const well = of('a model', fixtureLlamafile);
const extra = (hex: string) => ({
  local: { extra: Buffer.from(hex, 'hex') },
  central: { extra: Buffer.from(hex, 'hex') },
});

/** One generation of zipalign after the other. */
function append(base: Buffer, ...generations: ZipEntry[][]): Buffer {
  return generations.reduce((file, entries) => zipalignAppend(file, entries), base);
}

/** Bytes between the end of an archive and the beginning of what zipalign adds behind it. */
function between(bytes: Buffer): Buffer {
  return zipalignAppend(Buffer.concat([appendBaseZip(syntheticElf(), []).subarray(0, -22), bytes]), [
    text('a'),
  ]);
}

function hiddenMember(): Buffer {
  return appendBaseZip(Buffer.alloc(0), [text('hidden', 'nobody sees me')]).subarray(0, 50);
}

/** An end record that would do, for a directory that lies in the same gap. */
function hiddenEnd(): Buffer {
  const start = syntheticElf().length;
  const records = appendBaseZip(syntheticElf(), [text('hidden')]);
  const member = records.subarray(start, start + 37);
  const record = records.subarray(start + 37, -22);
  // A byte in front of each keeps the whole from being a generation that paddock can explain.
  const at = start + 1 + member.length;
  return Buffer.concat([
    Buffer.from('!'),
    member,
    record,
    Buffer.from('!'),
    directory([record], at, { eocd64: false }).subarray(-22),
  ]);
}

/** ZIP: members and their records. */
export const ZIP_MEMBER_CASES: Readonly<Record<string, CheckCases>> = {
  'ZIP-003': {
    triggers: [of('an end record in a gap', () => between(Buffer.concat([hiddenEnd(), Buffer.from('!')])))],
    almost: [
      of('that of an earlier generation', () =>
        zipalignAppend(fixtureLlamafile(), [text('.args', '-c\n1\n')]),
      ),
      elf('one inside a member', text('inner.zip', directory([], 0, {}).toString('latin1'))),
    ],
  },
  'ZIP-020': {
    triggers: [elf('two members of one name', text('a', '1'), text('a', '2'))],
    almost: [elf('two members of the same content', text('a'), text('b'))],
  },
  'ZIP-021': {
    triggers: [
      elf('an escape sequence', text('a\x1b[2J')),
      elf('a bidirectional override', text('a\u202efugg')),
      elf('a backslash', text('a\\b')),
      elf('a colon', text('c:d')),
      elf('bytes that are no UTF-8', text(Buffer.from([0x61, 0xff, 0xfe]))),
      elf('no name', text('')),
    ],
    almost: [
      elf('letters of other scripts', text('größe-猫-данные.txt')),
      elf('a long name', text(`${'models/'.repeat(20)}${'q'.repeat(200)}.gguf.txt`)),
    ],
  },
  'ZIP-022': {
    triggers: [
      elf('a file, and a member below it', text('a'), text('a/b')),
      elf('a file, and a folder of its name', text('a'), text('a/', '', { mode: 0o040755 })),
      elf('a folder with content', text('a/', 'x', { mode: 0o040755 })),
      elf('a folder with the mode of a file', text('a/', '')),
      elf('a file deep below another one', text(`a${'/b'.repeat(40)}`), text(`a${'/b'.repeat(41)}`)),
      elf('the folder first, the file last', text('a/b'), text('a-b'), text('a')),
      elf('a file that is a folder to DOS', text('a', 'x', { central: { externalAttributes: 0x81a40010 } })),
    ],
    almost: [
      elf(
        'a folder and what is in it',
        text('a/', '', { mode: 0o040755 }),
        text('a/b'),
        text('ab'),
        text('a.b'),
      ),
      elf(
        'a folder as DOS marks it',
        text('a/', '', { central: { madeBy: 20, externalAttributes: 0x10 } }),
        text('a/b'),
      ),
    ],
  },
  'ZIP-023': {
    triggers: [
      elf('a name that climbs', text('a/../../b')),
      elf('an absolute name', text('/etc/passwd')),
      elf('an empty part', text('a//b')),
      elf('a dot', text('./a')),
    ],
    almost: [elf('dots that lead nowhere', text('a..b/...c'), text('.args.txt'))],
  },
  'ZIP-024': {
    triggers: [
      elf('two names that differ in case', text('README'), text('readme')),
      elf('arguments in capitals', text('.ARGS')),
      elf('a library in another spelling', text('Ggml-cuda.so')),
      elf('a letter that is another one in capitals', text('.arg\u017f')),
      elf('one accent, composed and not', text('caf\u00e9.txt'), text('cafe\u0301.txt')),
    ],
    almost: [elf('names in capitals', text('README'), text('LICENSE'), text('Readme.txt'))],
  },
  'ZIP-031': {
    triggers: [
      elf('compressed weights', { name: 'm.gguf', content: writeGguf(TINY_MODEL), method: 'deflated' }),
      ...['notes.txt', '.args', 'NOTICE'].map((name) =>
        elf(
          `a method that no runtime has: ${name}`,
          text(name, 'BZh9', { local: { method: 12 }, central: { method: 12 } }),
        ),
      ),
    ],
    almost: [
      elf('compressed words about weights', { ...text('gguf.txt', 'words '.repeat(40)), method: 'deflated' }),
      well,
    ],
  },
  'ZIP-034': {
    triggers: [
      elf('a symbolic link', text('a', '/etc/passwd', { mode: 0o120777 })),
      elf('a device', text('a', '', { mode: 0o020666 })),
      elf('a program with the rights of its owner', text('a', 'x', { mode: 0o104755 })),
      elf('a file that nobody may read', text('a', 'x', { mode: 0o100200 })),
      elf(
        'arguments without any mode, which the runtime does not open',
        text('.args', '-c\n1\n', { mode: 0 }),
      ),
      elf('write permission and nothing else', text('a', 'x', { mode: 0o200 })),
      elf('the name of a volume', text('a', '', { central: { externalAttributes: 0x81a40008 } })),
    ],
    almost: [
      elf('an executable', text('a', 'x', { mode: 0o100755 })),
      elf('no attributes at all', text('.symtab.amd64', 'x', { mode: 0 })),
      elf(
        'a file from DOS, which has no modes',
        text('a', 'x', { central: { madeBy: 20, externalAttributes: 0x21 } }),
      ),
    ],
  },
  'ZIP-038': {
    triggers: [
      elf('a comment', text('a', 'x', { central: { comment: Buffer.from('hello') } })),
      elf('another disk', text('a', 'x', { central: { disk: 1 } })),
    ],
    almost: [elf('neither', text('a'))],
  },
  'ZIP-039': {
    triggers: [elf('a field of Java', text('a', 'x', extra('feca0000')))],
    almost: [elf('times of Info-ZIP', text('a', 'x', extra('5554050003a6d85365')))],
  },
  'ZIP-043': {
    triggers: [of('a member in a gap', () => between(hiddenMember()))],
    almost: [
      of('a member that was replaced later', () =>
        zipalignAppend(fixtureLlamafile(), [text('.args', '-c\n1\n')]),
      ),
    ],
  },
  'ZIP-045': {
    triggers: [
      of('a library that was exchanged', () =>
        zipalignAppend(zipalignAppend(fixtureBase(), [text('notes.txt', 'one')]), [text('notes.txt', 'two')]),
      ),
      of('another generation behind the exchange', () =>
        append(fixtureBase(), [text('notes.txt', 'one')], [text('notes.txt', 'two')], [text('LICENSE')]),
      ),
      of('content that was made to have the same checksum', () => {
        const one = Buffer.from('one and some more');
        return append(
          fixtureBase(),
          [text('notes.txt', one.toString())],
          [{ name: 'notes.txt', content: withChecksum(Buffer.from('two and some '), crc32(one)) }],
        );
      }),
    ],
    almost: [
      of('arguments that were exchanged', () =>
        zipalignAppend(fixtureLlamafile(), [text('.args', '-c\n1\n')]),
      ),
      of('a member that was added once more as it was', () =>
        append(fixtureBase(), [text('notes.txt')], [text('notes.txt')]),
      ),
      of('a member that was packed anew', () =>
        append(
          fixtureBase(),
          [text('notes.txt', 'one '.repeat(99))],
          [text('notes.txt', 'one '.repeat(99), { method: 'deflated' })],
        ),
      ),
    ],
  },
};
