import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { assimilate, syntheticElf } from '../fixtures/ape-writer.ts';
import { fixtureLlamafile, modelEntries } from '../fixtures/llamafile.ts';
import { appendBaseZip } from '../fixtures/zip-writer.ts';
import { bytesOf, expectExactTiling, expectRefusal, read } from './support.ts';

const withZip = (elf: Buffer) => appendBaseZip(elf, modelEntries());
const SHDR = 64;

/** An ELF with a section table behind its segments, and one section that no segment maps. */
function withSections(change: (table: Buffer) => void = () => undefined): Buffer {
  const elf = syntheticElf();
  const comment = Buffer.from('a comment section');
  const table = Buffer.alloc(2 * SHDR);
  table.writeUInt32LE(1, SHDR + 4);
  table.writeBigUInt64LE(BigInt(elf.length), SHDR + 24);
  table.writeBigUInt64LE(BigInt(comment.length), SHDR + 32);
  change(table);
  elf.writeBigUInt64LE(BigInt(elf.length + comment.length), 40);
  elf.writeUInt16LE(SHDR, 58);
  elf.writeUInt16LE(2, 60);
  return Buffer.concat([elf, comment, table]);
}

it('sections that no segment maps are explained', () => {
  const anatomy = read(withZip(withSections()));
  expectExactTiling(anatomy);
  expect(bytesOf(anatomy, 'section-headers')).toBe(17 + 2 * SHDR);
  expect(bytesOf(anatomy, 'unaccounted')).toBe(0);
});

it('a section beyond the file explains nothing', () => {
  const anatomy = read(withZip(withSections((table) => table.writeBigUInt64LE(2n ** 63n, SHDR + 24))));
  expect(bytesOf(anatomy, 'unaccounted')).toBe(17);
});

it('a section table beyond the file is refused', () => {
  const elf = syntheticElf();
  elf.writeBigUInt64LE(2n ** 40n, 40);
  elf.writeUInt16LE(SHDR, 58);
  elf.writeUInt16LE(2, 60);
  expectRefusal(() => read(withZip(elf)), 'malformed', /section table/);
});

it('program headers beyond the file are refused', () => {
  const elf = syntheticElf();
  elf.writeBigUInt64LE(2n ** 63n, 32);
  expectRefusal(() => read(withZip(elf)), 'malformed', /program headers/);
});

it('a section cannot hide what the archive has', () => {
  const plain = read(withZip(withSections()));
  const all = read(withZip(withSections((table) => table.writeBigUInt64LE(0n, SHDR + 24))));
  expect(bytesOf(all, 'zip-directory')).toBe(bytesOf(plain, 'zip-directory'));
});

const readelf = spawnSync('readelf', ['--version']).status === 0;
it.skipIf(!readelf)('segments are those that readelf shows (skipped without readelf)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-elf-'));
  for (const [name, bytes] of Object.entries({
    plain: withZip(syntheticElf()),
    ape: assimilate(fixtureLlamafile()),
  })) {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const shown = execFileSync('readelf', ['-lW', path], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
    const theirs = [...shown.matchAll(/^ {2}LOAD +0x(\w+) 0x(\w+) 0x\w+ 0x(\w+) 0x(\w+)/gm)].map((match) =>
      match.slice(1).map((hex) => BigInt(`0x${hex}`)),
    );
    const ours = read(bytes)
      .programs[0]?.segments.filter(({ type }) => type === 1)
      .map((each) => [BigInt(each.offset), each.virtualAddress, BigInt(each.fileSize), each.memorySize]);
    expect(ours).toEqual(theirs);
    expect(theirs.length).toBeGreaterThan(1);
  }
  rmSync(folder, { recursive: true });
});
