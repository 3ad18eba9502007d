import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import type { Anatomy, Architecture, ElfProgram, EmbeddedLoader } from '../format/anatomy.ts';
import type { ByteSource } from '../format/source.ts';
import type { Verdict } from '../integrity/verdict.ts';
import { PaddockError } from '../lib/errors.ts';
import { formatBytes } from '../lib/units.ts';
import type { Policy } from '../policy/policy.ts';

/** How the program is started. */
export type Start =
  /** An APE: the loader from the file runs it by its descriptor. */
  | { readonly form: 'ape'; readonly loader: EmbeddedLoader }
  /** Begins with `\x7fELF`: executed by descriptor. */
  | { readonly form: 'elf' }
  /**
   * An APE whose loader cannot be known (stored raw, it differs from program to program) or which has none: a private copy
   * that begins with the program's own ELF header is executed, as `assimilate` would leave it.
   */
  | { readonly form: 'copy'; readonly header: Uint8Array };

/** A loader never decompresses to more; the largest known has 24 KiB. */
const MAX_LOADER_BYTES = 1 << 20;
/** Copies are for small programs of old toolchains; a model is never copied. */
export const MAX_COPY_BYTES = 64 << 20;
const EHDR_BYTES = 64;

/**
 * Chooses how to start the file on this architecture. Nothing is executed or written.
 * @throws PaddockError `refused` when there is no way that the policy's trust in loaders allows, `not-llamafile` when the
 * file has no program for this machine.
 */
export function chooseStart(
  anatomy: Anatomy,
  source: ByteSource,
  verdict: Verdict,
  trust: Policy['trust'],
  architecture: Architecture,
): Start {
  const program = anatomy.programs.find((candidate) => candidate.architecture === architecture);
  if (program === undefined) {
    throw new PaddockError('not-llamafile', 'the file has no program for this machine', {
      expected: architecture,
      found: anatomy.programs.map((one) => one.architecture).join(', ') || 'no program at all',
    });
  }
  if (anatomy.form === 'elf') return { form: 'elf' };
  const embedded = anatomy.loaders.filter((one) => one.kind === 'elf' && one.architecture === architecture);
  const known = embedded.find((one) => isTrusted(one, verdict, trust));
  if (known !== undefined) return { form: 'ape', loader: known };
  if (embedded.some((one) => one.encoding === 'gzip')) return refuseLoader(embedded);
  return { form: 'copy', header: printfHeader(source, program, anatomy.size) };
}

/**
 * The loader's bytes, out of the judged descriptor.
 * @throws PaddockError `changed` when they are not those that were judged.
 */
export function takeLoader(source: ByteSource, loader: EmbeddedLoader): Uint8Array {
  if (loader.length > MAX_LOADER_BYTES) tooLarge(loader.length);
  const stored = source.read(loader.offset, loader.length);
  const bytes = loader.encoding === 'gzip' ? inflate(stored, loader) : Buffer.from(stored);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== loader.sha256) {
    throw new PaddockError('changed', 'the loader in the file is not the one that was judged', {
      offset: loader.offset,
      expected: loader.sha256,
      found: sha256,
      remedy: 'make sure nothing is writing to the file, then try again',
    });
  }
  return bytes;
}

/** Writes the private copy through `write`, in pieces of 1 MiB, with the program's own ELF header in front. */
export function copyProgram(
  source: ByteSource,
  header: Uint8Array,
  write: (chunk: Uint8Array) => void,
): void {
  if (source.size > MAX_COPY_BYTES || header.length !== EHDR_BYTES) tooLarge(source.size);
  write(header);
  const step = 1 << 20;
  for (let offset = header.length; offset < source.size; offset += step) {
    write(source.read(offset, Math.min(step, source.size - offset)));
  }
}

function isTrusted(loader: EmbeddedLoader, verdict: Verdict, trust: Policy['trust']): boolean {
  if (verdict.loader?.known !== undefined && verdict.loader.sha256 === loader.sha256) return true;
  if (trust.loaders.includes(loader.sha256)) return true;
  return trust.unknownLoader === 'warn' && loader.encoding === 'gzip';
}

function refuseLoader(embedded: readonly EmbeddedLoader[]): never {
  const [first] = embedded;
  throw new PaddockError('refused', 'the loader in the file is none that is known', {
    ...(first === undefined ? {} : { offset: first.offset, found: `SHA-256 ${first.sha256}` }),
    expected: 'a loader of a published cosmopolitan release',
    remedy: 'if you built it yourself, add its SHA-256 to `trust.loaders` of your policy',
  });
}

function inflate(stored: Buffer, loader: EmbeddedLoader): Buffer {
  try {
    return gunzipSync(stored, { maxOutputLength: MAX_LOADER_BYTES });
  } catch (cause) {
    throw new PaddockError('changed', 'the loader in the file can no longer be decompressed', {
      offset: loader.offset,
      found: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}

// As the loader decodes it: octal numbers of one to three digits, cut to eight bits, everything else as it is.
function printfHeader(source: ByteSource, program: ElfProgram, size: number): Uint8Array {
  if (size > MAX_COPY_BYTES) tooLarge(size);
  const start = program.headerOffset + "printf '".length;
  const text = source.read(start, Math.min(4 * EHDR_BYTES + 1, size - start));
  const header = new Uint8Array(EHDR_BYTES);
  let at = 0;
  for (let count = 0; count < EHDR_BYTES; count++) {
    let value = text[at++];
    if (value === undefined || value === QUOTE) return badHeader(program, count);
    if (value === BACKSLASH) {
      value = 0;
      for (let digits = 0; digits < 3 && isOctal(text[at]); digits++)
        value = value * 8 + ((text[at++] ?? 0) - ZERO);
    }
    header[count] = value & 0xff;
  }
  if (header[0] !== 0x7f || header[1] !== 0x45) return badHeader(program, EHDR_BYTES);
  return header;
}

const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const isOctal = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= ZERO + 7;

function badHeader(program: ElfProgram, length: number): never {
  throw new PaddockError('malformed', 'the ELF header in the shell script is no ELF header', {
    offset: program.headerOffset,
    expected: `${EHDR_BYTES} bytes that begin with \\x7fELF`,
    found: `${length} bytes`,
  });
}

function tooLarge(size: number): never {
  throw new PaddockError('too-large', 'the file has no known loader and is too large to be run from a copy', {
    expected: `at most ${formatBytes(MAX_COPY_BYTES)}`,
    found: formatBytes(size),
    remedy: 'run it with `trust.loaders` naming its loader, if you know where it is from',
  });
}
