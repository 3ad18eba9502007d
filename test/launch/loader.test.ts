import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Anatomy, ElfProgram, EmbeddedLoader } from '../../src/format/anatomy.ts';
import { bufferSource } from '../../src/format/source.ts';
import type { Verdict } from '../../src/integrity/verdict.ts';
import { chooseStart, copyProgram, MAX_COPY_BYTES } from '../../src/launch/loader.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import { POLICY } from './fixtures.ts';

const HEADER = Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01\x09', 'latin1'), Buffer.alloc(56, 7)]);
const octal = [...HEADER].map((byte) => `\\${byte.toString(8)}`).join('');
const FILE = Buffer.concat([
  Buffer.from(`MZqFpD='\n\n#'"\nprintf '${octal}' >&7\n`, 'latin1'),
  Buffer.alloc(3 << 20, 0xee),
]);
const AT = FILE.indexOf("printf '");
const LOADER = gzipSync(Buffer.from('a loader'));

const loader = (more: Partial<EmbeddedLoader> = {}): EmbeddedLoader => ({
  kind: 'elf',
  architecture: 'x86-64',
  encoding: 'gzip',
  offset: 0,
  length: LOADER.length,
  sha256: createHash('sha256').update('a loader').digest('hex'),
  size: 8,
  ...more,
});
const program: ElfProgram = {
  architecture: 'x86-64',
  headerOffset: AT,
  type: 'executable',
  entry: 0n,
  programHeaderOffset: 0,
  segments: [],
};
const anatomy = (form: 'ape' | 'elf', loaders: EmbeddedLoader[], size = FILE.length): Anatomy => ({
  size,
  form,
  programs: [program],
  loaders,
  generations: [],
  models: [],
  regions: [],
});
const verdict = (known?: EmbeddedLoader): Verdict => ({
  standing: 'unknown',
  tier: 'C',
  findings: [],
  ...(known === undefined
    ? {}
    : {
        loader: {
          sha256: known.sha256,
          encoding: known.encoding,
          known: { sha256: known.sha256, architecture: 'any', origin: 'o', version: '1.10' },
        },
      }),
});
const choose = (what: Anatomy, judged = verdict(), trust = POLICY.trust) =>
  chooseStart(what, bufferSource(FILE), judged, trust, 'x86-64');

describe('chooseStart', () => {
  it('executes an ELF by descriptor', () => {
    expect(choose(anatomy('elf', []))).toEqual({ form: 'elf' });
  });

  it('uses a loader that is known, or that the policy names', () => {
    const one = loader();
    expect(choose(anatomy('ape', [one]), verdict(one))).toEqual({ form: 'ape', loader: one });
    expect(choose(anatomy('ape', [one]), verdict(), { ...POLICY.trust, loaders: [one.sha256] }).form).toBe(
      'ape',
    );
    expect(choose(anatomy('ape', [one]), verdict(), { ...POLICY.trust, unknownLoader: 'warn' }).form).toBe(
      'ape',
    );
  });

  it('refuses one that nobody knows, and one that only stands beside a known one', () => {
    expect(() => choose(anatomy('ape', [loader()]))).toThrow(/none that is known/);
    const other = loader({ sha256: 'f'.repeat(64) });
    expect(() => choose(anatomy('ape', [other]), verdict(loader()))).toThrow(/none that is known/);
    expect(() => choose(anatomy('ape', [other, loader({ encoding: 'raw' })]))).toThrow(/none that is known/);
  });

  it('runs a copy with the program’s own header where the loader is raw or absent', () => {
    for (const loaders of [
      [],
      [loader({ encoding: 'raw' })],
      [loader({ architecture: 'aarch64' })],
      [loader({ kind: 'source' })],
    ]) {
      const start = choose(anatomy('ape', loaders));
      expect(start.form === 'copy' && Buffer.from(start.header)).toEqual(HEADER);
    }
  });

  it('refuses a machine that the file is not for', () => {
    expect(() =>
      chooseStart(anatomy('ape', []), bufferSource(FILE), verdict(), POLICY.trust, 'aarch64'),
    ).toThrow(/no program for this machine/);
  });

  it('never copies a model', () => {
    const big = { size: MAX_COPY_BYTES + 1, read: (_: number, length: number) => Buffer.alloc(length) };
    expect(() => chooseStart(anatomy('ape', []), big, verdict(), POLICY.trust, 'x86-64')).toThrow(
      PaddockError,
    );
    expect(() => copyProgram(big, HEADER, () => {})).toThrow(/too large/);
  });
});

it('copies the file with another first 64 bytes', () => {
  const chunks: Uint8Array[] = [];
  copyProgram(bufferSource(FILE), HEADER, (chunk) => chunks.push(chunk));
  const copy = Buffer.concat(chunks);
  expect(copy.subarray(0, 64)).toEqual(HEADER);
  expect(copy.subarray(64).equals(FILE.subarray(64))).toBe(true);
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBe(1 << 20);
});
