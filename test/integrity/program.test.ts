import { describe, expect, it } from 'vitest';
import type { Anatomy, EmbeddedLoader, Region } from '../../src/format/anatomy.ts';
import { checkProgram } from '../../src/integrity/checks/program.ts';
import { anatomy, program } from './anatomies.ts';

const WRITE_EXECUTE = 7;
const READ_WRITE = 6;
const GNU_STACK = 0x6474e551;

const ids = (given: Anatomy, releaseLength = 0): string[] =>
  checkProgram(given, new Map(), 'x86-64', releaseLength).map(({ id }) => id);
const hole = (offset: number, length: number): Region => ({ kind: 'unaccounted', offset, length, label: '' });
const ape = anatomy().ape;
const loader: EmbeddedLoader = {
  kind: 'elf',
  architecture: 'x86-64',
  encoding: 'gzip',
  offset: 1600,
  length: 100,
  sha256: 'a'.repeat(64),
  size: 200,
};

describe('APE-012: a header that belongs to no program', () => {
  it('is found', () => {
    const given = anatomy({ ...(ape && { ape: { ...ape, printfOffsets: [600, 900] } }) });
    const [found] = checkProgram(given, new Map(), 'x86-64');
    expect(found).toMatchObject({ id: 'APE-012', severity: 'deny', evidence: { offset: 900 } });
  });

  it('but not one for each program', () => {
    expect(ids(anatomy())).toEqual([]);
  });
});

describe('APE-013: a loader that nobody knows', () => {
  it('is told, with the machine that it is for', () => {
    const given = anatomy({ loaders: [loader, { ...loader, architecture: 'aarch64', offset: 1800 }] });
    const titles = checkProgram(given, new Map(), 'x86-64').map(({ title }) => title);
    expect(titles).toEqual([
      expect.stringContaining('this machine (x86-64)'),
      expect.stringContaining('for aarch64'),
    ]);
  });

  it('but not a known one, nor one that is stored raw and never used', () => {
    const known = { sha256: loader.sha256, architecture: 'any', origin: '', version: '' } as const;
    const given = anatomy({ loaders: [loader] });
    expect(checkProgram(given, new Map([[loader.sha256, known]]), 'x86-64')).toEqual([]);
    expect(ids(anatomy({ loaders: [{ ...loader, encoding: 'raw' }] }))).toEqual([]);
  });
});

describe('APE-014: bytes that nothing explains', () => {
  it('are summed up; the largest place is shown', () => {
    const [found] = checkProgram(anatomy({ regions: [hole(100, 10), hole(300, 90)] }), new Map(), 'x86-64');
    expect(found).toMatchObject({
      id: 'APE-014',
      evidence: { offset: 300, length: 90, found: '100 B in 2 places' },
    });
  });

  it('but not padding', () => {
    expect(ids(anatomy({ regions: [{ ...hole(100, 10), kind: 'padding' }] }))).toEqual([]);
  });
});

describe('APE-023: memory that is written and executed', () => {
  it('is refused', () => {
    expect(ids(anatomy({ programs: [program({ flags: WRITE_EXECUTE })] }))).toEqual(['APE-023']);
  });

  it('but not data, nor a note on the stack', () => {
    const given = program({ flags: READ_WRITE }, { type: GNU_STACK, flags: WRITE_EXECUTE, fileSize: 0 });
    expect(ids(anatomy({ programs: [given] }))).toEqual([]);
  });
});

describe('a published release', () => {
  const odd = anatomy({
    ...(ape && { ape: { ...ape, printfOffsets: [600, 900] } }),
    programs: [program({ flags: WRITE_EXECUTE })],
    loaders: [loader],
    regions: [hole(2000, 48)],
  });

  it('is what was published, however odd', () => {
    expect(ids(odd).sort()).toEqual(['APE-012', 'APE-013', 'APE-014', 'APE-023', 'APE-040']);
    expect(ids(odd, 2048)).toEqual([]);
  });

  it('but vouches for nothing behind its end', () => {
    expect(ids(odd, 2047)).toEqual(['APE-014']);
    expect(ids(anatomy({ regions: [hole(100, 900), hole(3000, 5)] }), 2048)).toEqual(['APE-014']);
  });
});
