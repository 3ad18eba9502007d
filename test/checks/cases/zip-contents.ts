import { deflateRawSync } from 'node:zlib';
import { syntheticElf } from '../../../src/demo/ape-writer.ts';
import { appendBaseZip, type ZipEntry } from '../../../src/demo/zip-writer.ts';
import { crc32 } from '../../../src/lib/crc32.ts';
import type { Case, CheckCases } from '../case.ts';
import { judged } from '../judged.ts';

const elf = (is: string, ...entries: ZipEntry[]): Case => ({
  is,
  judged: () => judged(appendBaseZip(syntheticElf(), entries)),
});
const text = Buffer.from('words and words and words\n'.repeat(20));

/** A member of method 8 whose packed bytes are given, under headers that say `size` and `crc` of it. */
function packed(bytes: Buffer, size: number, crc: number): ZipEntry {
  const fields = { method: 8, size, compressedSize: bytes.length, crc32: crc };
  return { name: 'packed.txt', content: bytes, local: fields, central: fields };
}

function changed(entry: ZipEntry): Case {
  const bytes = appendBaseZip(syntheticElf(), [entry]);
  const at = bytes.indexOf(entry.content);
  bytes[at + 3] = (bytes[at + 3] ?? 0) ^ 1;
  return { is: 'one bit changed in a stored member', judged: () => judged(bytes) };
}

/** ZIP: whether contents are what their headers say. */
export const ZIP_CONTENT_CASES: Readonly<Record<string, CheckCases>> = {
  'ZIP-033': {
    triggers: [
      changed({ name: 'a.txt', content: text }),
      elf(
        'the checksum of something else, in a compressed member',
        packed(deflateRawSync(text), text.length, 1),
      ),
      elf('an empty member with a checksum', {
        name: 'empty',
        content: Buffer.alloc(0),
        local: { crc32: 1 },
        central: { crc32: 1 },
      }),
    ],
    almost: [
      elf('the right one', { name: 'a.txt', content: text }, { name: 'b', content: Buffer.alloc(0) }),
      elf('a compressed member', { name: 'a.txt', content: text, method: 'deflated' }),
    ],
  },
  'ZIP-041': {
    triggers: [
      elf('fewer bytes than the header says', packed(deflateRawSync(text), text.length + 1, crc32(text))),
      elf('more bytes than the header says', packed(deflateRawSync(text), text.length - 1, crc32(text))),
      elf(
        'a second stream behind the first',
        packed(Buffer.concat([deflateRawSync(text), deflateRawSync(text)]), text.length, crc32(text)),
      ),
      elf('broken data', packed(Buffer.alloc(50, 0xff), 100, 0)),
      elf('a cut stream', packed(deflateRawSync(text).subarray(0, 10), text.length, crc32(text))),
      elf(
        'a bomb',
        packed(deflateRawSync(Buffer.alloc(4 * 2 ** 20)), 4 * 2 ** 20, crc32(Buffer.alloc(4 * 2 ** 20))),
      ),
      elf('a size that no deflated bytes come to', packed(deflateRawSync(text), 20 * 2 ** 20, crc32(text))),
    ],
    almost: [
      elf('zeros below a megabyte', { name: 'zeros', content: Buffer.alloc(2 ** 20), method: 'deflated' }),
      elf('an empty compressed member', packed(deflateRawSync(Buffer.alloc(0)), 0, 0)),
    ],
  },
  'ZIP-046': {
    triggers: [
      elf('a size that nobody unpacks', packed(deflateRawSync(text), 0xfffffff0, crc32(text))),
      elf(
        'many members that are too much together',
        ...Array.from({ length: 9 }, (_, index) => ({
          ...packed(deflateRawSync(text), 32 * 2 ** 20, crc32(text)),
          name: `packed-${index}`,
        })),
      ),
    ],
    almost: [
      elf('a stored member of any size', { name: 'a.bin', content: Buffer.alloc(33 * 2 ** 20) }),
      elf('a compressed one within the bound', { name: 'a.txt', content: text, method: 'deflated' }),
    ],
  },
};
