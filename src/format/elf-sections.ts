import { malformed } from './faults.ts';
import { type Claim, RANK } from './regions.ts';
import type { ByteSource } from './source.ts';

const SHDR_LENGTH = 64;
const SECTIONS_LIMIT = 4096;
const SHT_NOBITS = 8;

/**
 * Section header table and contents of sections of a plain ELF. What a segment maps stays the segment's.
 * @throws PaddockError `malformed` if the table is outside the file or has more than 4096 entries.
 */
export function sections(source: ByteSource, header: Buffer): Claim[] {
  const count = header.readUInt16LE(60);
  const start = header.readBigUInt64LE(40);
  if (start === 0n || count === 0) return [];
  const length = count * SHDR_LENGTH;
  const outside = start + BigInt(length) > BigInt(source.size);
  if (header.readUInt16LE(58) !== SHDR_LENGTH || count > SECTIONS_LIMIT || outside) {
    throw malformed('the section table is outside the file or too long', {
      check: 'APE-020',
      offset: 40,
      expected: `at most ${SECTIONS_LIMIT} entries of ${SHDR_LENGTH} bytes inside ${source.size} bytes`,
      found: `${count} entries of ${header.readUInt16LE(58)} bytes at byte ${start}`,
    });
  }
  const offset = Number(start);
  const table = source.read(offset, length);
  const claims: Claim[] = [
    { kind: 'section-headers', offset, length, label: 'section table', rank: RANK.section },
  ];
  for (let at = 0; at < length; at += SHDR_LENGTH) {
    const type = table.readUInt32LE(at + 4);
    const from = table.readBigUInt64LE(at + 24);
    const size = table.readBigUInt64LE(at + 32);
    if (type === 0 || type === SHT_NOBITS || size === 0n) continue;
    // Neither kernel nor program reads sections: one that is wrong explains nothing, and its bytes stay unaccounted.
    if (from + size > BigInt(source.size)) continue;
    const label = `section ${at / SHDR_LENGTH}`;
    claims.push({
      kind: 'section-headers',
      offset: Number(from),
      length: Number(size),
      label,
      rank: RANK.section,
    });
  }
  return claims;
}
