import { zipalignAppend } from '../../../src/demo/zip-writer.ts';
import { readAnatomy } from '../../../src/format/read.ts';
import { bufferSource } from '../../../src/format/source.ts';
import type { KnownLoader } from '../../../src/integrity/verdict.ts';
import { type Linked, linkedBase, linkedLlamafile } from '../../fixtures/apelink.ts';
import { macHeader, windowsHeader } from '../../fixtures/foreign-headers.ts';
import { fixtureLlamafile, modelEntries } from '../../fixtures/llamafile.ts';
import type { Case } from '../case.ts';
import { EMPTY_TABLES, judged } from '../judged.ts';

/** Program header fields. */
export const P = { type: 0, flags: 4, offset: 8, vaddr: 16, filesz: 32, memsz: 40 } as const;
export const PHDR = 56;

export const built = (is: string, bytes: () => Buffer): Case => ({ is, judged: () => judged(bytes()) });
export const linked = (is: string, options: Linked): Case => built(is, () => linkedLlamafile(options));
export const swapped = (is: string, from: string | RegExp, to: string): Case =>
  linked(is, { script: (text) => text.replace(from, to) });
export const header = (is: string, patchHeader: (header: Buffer) => unknown): Case =>
  linked(is, { overrides: { patchHeader: (bytes, machine) => machine === 'x86-64' && patchHeader(bytes) } });
export const segment = (is: string, index: number, patch: (entry: Buffer) => unknown): Case =>
  linked(is, {
    foreign: [macHeader()],
    overrides: {
      patchProgramHeaders: (bytes, machine) =>
        machine === 'x86-64' && patch(bytes.subarray(index * PHDR, (index + 1) * PHDR)),
    },
  });
export const windows = (is: string, patch: (bytes: Buffer) => unknown): Case =>
  linked(is, { foreign: [macHeader(), windowsHeader(patch)] });
export const mac = (is: string, patch: (bytes: Buffer) => unknown): Case =>
  linked(is, { foreign: [macHeader(patch), windowsHeader()] });
export const CLEAN = linked('a program as the linker leaves it', {});
export const DEMO = built('a program as the demo writes it', () => fixtureLlamafile());
export const OLDER = ['end of 2023', 'November 2023', 'before November 2023'].map((name) =>
  linked(`the script of ${name}`, {
    template: (each) => each.startsWith('apelink') && each.includes(`, ${name},`),
  }),
);

/** 64 bytes as `printf` would be given them. */
export const octal = (bytes: Buffer) =>
  [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
export const decoy = octal(Buffer.alloc(64, 65));

/** A fixture, changed where its own anatomy says. */
export function changed(
  change: (bytes: Buffer, anatomy: ReturnType<typeof readAnatomy>) => void,
  base = linkedBase,
) {
  const bytes = base();
  change(bytes, readAnatomy(bufferSource(bytes)));
  return zipalignAppend(bytes, modelEntries());
}

export const knowing = (is: string, architectures: readonly string[]): Case => ({
  is,
  judged: () => {
    const bytes = linkedLlamafile();
    const known = readAnatomy(bufferSource(bytes))
      .loaders.filter(({ architecture }) => architectures.includes(architecture))
      .map(({ sha256, architecture }): [string, KnownLoader] => [
        sha256,
        { sha256, architecture, version: '1.10', origin: 'fixture' },
      ]);
    return judged(bytes, { tables: { ...EMPTY_TABLES, loaders: new Map(known) } });
  },
});

export const LARGE = Buffer.alloc(100_000, 0xcc);
export const startingAt = (is: string, back: bigint): Case =>
  linked(is, {
    code: LARGE,
    foreign: [macHeader()],
    overrides: {
      patchHeader: (bytes, machine) => {
        if (machine !== 'x86-64') return;
        bytes.writeBigUInt64LE(0x400000n + 232n + BigInt(LARGE.length) - back, 24);
      },
    },
  });
