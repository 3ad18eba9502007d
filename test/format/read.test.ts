import { describe, expect, it } from 'vitest';
import { summarise } from '../../src/format/summary.ts';
import { assimilate, syntheticElf } from '../fixtures/ape-writer.ts';
import { writeGguf } from '../fixtures/gguf-writer.ts';
import { fixtureBase, fixtureLlamafile, modelEntries, TINY_MODEL } from '../fixtures/llamafile.ts';
import { writeZip } from '../fixtures/plain-zip.ts';
import { appendBaseZip, infozipRewrite, zipalignAppend } from '../fixtures/zip-writer.ts';
import { bytesOf, expectExactTiling, expectRefusal, read } from './support.ts';

describe('well-formed files of every shape', () => {
  const base = fixtureBase();
  const two = fixtureLlamafile();
  const three = zipalignAppend(two, [{ name: '.args', content: Buffer.from('--temp\n0\n...\n') }]);
  const shapes: Readonly<
    Record<string, [Buffer, form: 'ape' | 'elf', generations: number, members: number]>
  > = {
    'a base': [base, 'ape', 1, 2],
    'one zipalign': [two, 'ape', 2, 4],
    'two zipaligns, .args replaced': [three, 'ape', 3, 4],
    'rewritten by zip': [infozipRewrite(two, [{ name: 'README', content: Buffer.from('hi') }]), 'ape', 1, 5],
    assimilated: [assimilate(three), 'elf', 3, 4],
    'a plain ELF with a zip': [appendBaseZip(syntheticElf(), modelEntries()), 'elf', 1, 2],
    'a plain ELF after zipalign': [zipalignAppend(syntheticElf(), modelEntries()), 'elf', 1, 2],
  };
  it.each(Object.entries(shapes))(
    '%s is explained to the last byte',
    (_, [bytes, form, generations, members]) => {
      const anatomy = read(bytes);
      expectExactTiling(anatomy);
      expect(summarise(anatomy)).toMatchObject({
        form,
        generations,
        members,
        unaccountedBytes: 0,
        size: bytes.length,
      });
      const sum = Object.values(summarise(anatomy).bytes).reduce((total, each) => total + each, 0);
      expect(sum).toBe(bytes.length);
    },
  );

  it('the end of each earlier generation is the length of the file at that time', () => {
    const anatomy = read(three);
    expect(anatomy.generations.map(({ end }) => end)).toEqual([base.length, two.length]);
    expect(anatomy.generations.map(({ view }) => view.members.length)).toEqual([2, 4]);
  });

  it('records of the base reappear unchanged in the last directory', () => {
    const anatomy = read(three);
    const now = new Set(anatomy.zip?.members.map(({ recordSha256 }) => recordSha256));
    for (const { recordSha256 } of anatomy.generations[0]?.view.members ?? [])
      expect(now).toContain(recordSha256);
  });

  it('a replaced member is content of the generation that had it', () => {
    const old = read(three).regions.filter(
      ({ member, generation }) => member === '.args' && generation === 1,
    );
    expect(old.map(({ kind }) => kind)).toEqual(['zip-local-header', 'zip-content']);
  });

  it('weights are described from their own header', () => {
    const [model] = read(two).models;
    expect(model).toMatchObject({
      member: 'model.gguf',
      version: 3,
      architecture: 'llama',
      name: 'tiny',
      tensorCount: 2,
      parameterCount: 44n,
      quantisation: 'F32',
    });
    expect(model?.metadata.get('tokenizer.ggml.tokens')).toMatchObject({ elementType: 8, length: 10 });
    expect((model?.offset ?? 1) % 65536).toBe(0);
  });

  it('an ELF form has one program, its own; an APE form one for each architecture', () => {
    expect(read(assimilate(two)).programs.map(({ architecture }) => architecture)).toEqual(['x86-64']);
    expect(read(two).programs.map(({ architecture }) => architecture)).toEqual(['x86-64', 'aarch64']);
  });
});

describe('bytes that nothing explains', () => {
  it('a gap of zeros is padding, one with content is unaccounted, to the byte', () => {
    const gap = Buffer.concat([Buffer.alloc(100), Buffer.from('hidden'), Buffer.alloc(30)]);
    const anatomy = read(fixtureBase({ gap }));
    expectExactTiling(anatomy);
    expect(bytesOf(anatomy, 'unaccounted')).toBe(6);
    expect(bytesOf(read(fixtureBase({ gap: Buffer.alloc(136) })), 'unaccounted')).toBe(0);
  });

  it('a changed byte in alignment padding is found', () => {
    const bytes = fixtureLlamafile();
    const padding = read(bytes).regions.find(({ kind, length }) => kind === 'padding' && length > 1000);
    bytes.writeUInt8(1, (padding?.offset ?? 0) + 500);
    expect(read(bytes).regions.filter(({ kind }) => kind === 'unaccounted')).toMatchObject([
      { offset: (padding?.offset ?? 0) + 500, length: 1 },
    ]);
  });

  it('what follows the tensors inside the weights is found', () => {
    const weights = Buffer.concat([writeGguf(TINY_MODEL), Buffer.from('payload')]);
    const anatomy = read(fixtureLlamafile(modelEntries(weights)));
    expect(bytesOf(anatomy, 'unaccounted')).toBe(7);
  });

  it('an end record of nothing in a gap is no generation', () => {
    const gap = Buffer.alloc(200);
    gap.writeUInt32LE(0x06054b50, 50);
    const anatomy = read(fixtureBase({ gap }));
    expect(anatomy.generations).toEqual([]);
    expect(bytesOf(anatomy, 'unaccounted')).toBe(4);
  });
});

describe('other kinds of file', () => {
  const dynamic = syntheticElf();
  dynamic.writeUInt32LE(3, 64 + 56 * 2);
  const elf32 = syntheticElf();
  elf32[4] = 1;
  const riscv = syntheticElf();
  riscv.writeUInt16LE(243, 18);
  const kinds: Readonly<Record<string, [Buffer, RegExp]>> = {
    'a zip archive': [writeZip([{ name: 'a', content: Buffer.from('b') }]), /zip archive/],
    'weights alone': [writeGguf(TINY_MODEL), /weights, not a program/],
    'a program of Windows': [Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)]), /Windows/],
    'a script': [Buffer.from('#!/bin/sh\n'), /script/],
    'a gzip file': [Buffer.from('1f8b0800', 'hex'), /gzip/],
    'a Mach-O file': [Buffer.from('cffaedfe00', 'hex'), /Mach-O/],
    'random bytes': [Buffer.alloc(9000, 'q7#x'), /neither/],
    zeros: [Buffer.alloc(9000), /neither/],
    'one byte': [Buffer.from('x'), /neither/],
    'an ELF without a zip': [syntheticElf(), /ELF.*no zip archive/],
    'a dynamically linked ELF': [dynamic, /dynamic linker/],
    'a 32-bit ELF': [elf32, /32-bit ELF/],
    'an ELF for another machine': [riscv, /machine 243/],
  };
  it.each(Object.entries(kinds))('%s is not a llamafile', (_, [bytes, message]) => {
    expectRefusal(() => read(bytes), 'not-llamafile', message);
  });
});

describe('truncated files', () => {
  const whole = fixtureLlamafile();
  it.each([4, 8, 63, 64, 600, 1500, 3000, 40_000, 66_000, 131_100, 132_000])('after %i bytes', (length) => {
    expectRefusal(() => read(whole.subarray(0, length)), 'malformed', /./);
  });
  it('by one byte', () => {
    expectRefusal(() => read(whole.subarray(0, -1)), 'malformed', /truncated|contradict|follow|archive/);
  });
  it('a tail of zeros is refused with its length', () => {
    const tailed = Buffer.concat([whole, Buffer.alloc(4096)]);
    expectRefusal(() => read(tailed), 'malformed', /bytes follow the end/);
  });
});
