import type { Anatomy, Architecture, ElfProgram, EmbeddedLoader } from '../format/anatomy.ts';
import { HEAD_LENGTH } from '../format/ape.ts';
import { EHDR_LENGTH } from '../format/elf.ts';
import { scanPrintf } from '../format/printf.ts';
import type { ByteSource } from '../format/source.ts';
import type { Verdict } from '../integrity/verdict.ts';
import { PaddockError } from '../lib/errors.ts';
import { formatBytes } from '../lib/units.ts';
import type { Policy } from '../policy/policy.ts';

/** How the program is started. */
export type Start =
  /** An APE: the loader from the file runs it by its descriptor. `unpackLoader` gives the bytes. */
  | { readonly form: 'ape'; readonly loader: EmbeddedLoader }
  /** Begins with `\x7fELF`: executed by descriptor. */
  | { readonly form: 'elf' }
  /**
   * An APE whose loader cannot be known (stored raw, it differs from program to program) or which has none: a private
   * copy that begins with the program's own ELF header is executed, as `assimilate` would leave it.
   */
  | { readonly form: 'copy'; readonly header: Uint8Array }
  /** A private copy from the store, which begins with the program's own ELF header already: executed by descriptor. */
  | { readonly form: 'stored' };

/** Copies are for small programs of old toolchains; a model is never copied. */
export const MAX_COPY_BYTES = 64 << 20;

/**
 * Chooses how to start the file on this architecture. Nothing is executed or written.
 * @throws PaddockError `refused` when there is no way that the policy's trust in loaders allows, `not-llamafile` when
 * the file has no program for this machine, `too-large` when only a copy would do and the file is too large for one.
 */
export function chooseStart(
  anatomy: Anatomy,
  source: ByteSource,
  verdict: Verdict,
  trust: Policy['trust'],
  architecture: Architecture,
): Start {
  const program = programFor(anatomy, architecture);
  if (anatomy.form === 'elf') return { form: 'elf' };
  const embedded = anatomy.loaders.filter((one) => one.kind === 'elf' && one.architecture === architecture);
  const trusted = embedded.find((one) => isTrusted(one, verdict, trust));
  if (trusted !== undefined) return { form: 'ape', loader: trusted };
  // A compressed loader is shared between the programs of a release: one that nobody knows is no accident.
  const unknown = embedded.find((one) => one.encoding === 'gzip');
  if (unknown !== undefined) throw unknownLoader(unknown);
  checkCopySize(source.size);
  return { form: 'copy', header: elfHeader(source, program) };
}

/**
 * The same for a private copy from the store, whose first bytes are `header` in the place of what was judged: that must be
 * the header of the judged program. The loaders in the file are not used.
 * @throws PaddockError as `chooseStart`; `changed` for another header
 */
export function chooseStoredStart(
  anatomy: Anatomy,
  source: ByteSource,
  architecture: Architecture,
  header: Uint8Array,
): Start {
  const program = programFor(anatomy, architecture);
  if (Buffer.compare(elfHeader(source, program), header) === 0) return { form: 'stored' };
  throw new PaddockError('changed', 'the private copy does not begin with the header of its program', {
    check: 'FILE-001',
    remedy: 'remove it with `paddock store prune --all`, then try again',
  });
}

function programFor(anatomy: Anatomy, architecture: Architecture): ElfProgram {
  const program = anatomy.programs.find((candidate) => candidate.architecture === architecture);
  if (program !== undefined) return program;
  throw new PaddockError('not-llamafile', 'the file has no program for this machine', {
    expected: architecture,
    found: anatomy.programs.map((one) => one.architecture).join(', ') || 'no program at all',
    remedy: 'get a release for this kind of machine',
  });
}

/** Gives the private copy to `write`, in pieces of at most 1 MiB: the program's own ELF header, then the file behind it. */
export function copyProgram(
  source: ByteSource,
  header: Uint8Array,
  write: (chunk: Uint8Array) => void,
): void {
  checkCopySize(source.size);
  write(header);
  for (let offset = header.length; offset < source.size; offset += COPY_STEP) {
    write(source.read(offset, Math.min(COPY_STEP, source.size - offset)));
  }
}

const COPY_STEP = 1 << 20;

function isTrusted(loader: EmbeddedLoader, verdict: Verdict, trust: Policy['trust']): boolean {
  if (verdict.loader?.known !== undefined && verdict.loader.sha256 === loader.sha256) return true;
  if (trust.loaders.includes(loader.sha256)) return true;
  return trust.unknownLoader === 'warn' && loader.encoding === 'gzip';
}

function unknownLoader(loader: EmbeddedLoader): PaddockError {
  return new PaddockError('refused', 'the loader in the file is none that is known', {
    offset: loader.offset,
    expected: 'a loader of a published cosmopolitan release',
    found: `SHA-256 ${loader.sha256}`,
    remedy: 'if you know where the file is from, add that digest to `trust.loaders` of your policy',
  });
}

/**
 * The program's ELF header, which a `printf` line of the shell script holds: 64 bytes. The one that the reader accepted is
 * decoded as the loader does it: the other readings were refused.
 * @throws PaddockError `changed` where it is not there any more
 */
export function elfHeader(source: ByteSource, program: ElfProgram): Uint8Array {
  const attempts = scanPrintf(source.read(0, Math.min(source.size, HEAD_LENGTH)));
  const attempt = attempts.find(({ offset }) => offset === program.headerOffset);
  const header = attempt?.header.subarray(0, EHDR_LENGTH);
  if (header?.length === EHDR_LENGTH && header.toString('latin1', 0, 4) === '\x7fELF') return header;
  throw new PaddockError('changed', 'the ELF header in the shell script is no longer there', {
    check: 'FILE-001',
    offset: program.headerOffset,
    remedy: 'make sure nothing is writing to the file, then try again',
  });
}

function checkCopySize(size: number): void {
  if (size <= MAX_COPY_BYTES) return;
  throw new PaddockError('too-large', 'the file has no known loader and is too large to be run from a copy', {
    expected: `at most ${formatBytes(MAX_COPY_BYTES)}`,
    found: formatBytes(size),
    remedy: 'if you know where it is from, name the SHA-256 of its loader in `trust.loaders` of your policy',
  });
}
