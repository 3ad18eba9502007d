import { escapeText } from '../lib/text.ts';
import type { ApeFacts, Architecture, ElfProgram, EmbeddedLoader } from './anatomy.ts';
import { EHDR_LENGTH, type ElfImage, imageForLoader, PT } from './elf.ts';
import { malformed } from './faults.ts';
import { type LoaderRange, readLoader } from './loaders.ts';
import { scanPrintf } from './printf.ts';
import { type Claim, RANK } from './regions.ts';
import type { ByteSource } from './source.ts';

export const APE_MAGICS = ["MZqFpD='", "jartsr='", "APEDBG='"] as const;
/** The loader looks for ELF headers in this much of the file; the shell script of every release fits, too. */
export const HEAD_LENGTH = 8192;
/** Scripts begin at 0x203 or 0x20f. Were more allowed, the heredoc before them could hide something. */
const SCRIPT_START_LIMIT = 0x400;
/** Old linkers leave these two letters in the MZ header. */
const MONOLITHIC_AT = 0x24;
const SCRIPT_LIMIT = 16 * 1024;
const COMMENT_LINE = '\n#\'"';
const MACHO_MAGIC = 'cffaedfe';
const PE_FIXED = 24;
const PE_SECTION = 40;
const PE_SECTIONS_LIMIT = 16;
const PE_LIMIT = 1024;

export interface ApeImage {
  readonly facts: ApeFacts;
  readonly programs: readonly ElfProgram[];
  readonly loaders: readonly EmbeddedLoader[];
  readonly claims: readonly Claim[];
  /** Linked in one piece by the linkers before 3.0: the zip archive lies inside the mapped image. */
  readonly monolithic: boolean;
}

/**
 * A file that begins with an APE magic: header, shell script, the ELF programs that the APE loader would find, and the
 * loaders that the script would unpack.
 * @throws PaddockError `malformed` if no loader would find a program, or two could find different ones.
 */
export function readApe(source: ByteSource): ApeImage {
  const head = source.read(0, Math.min(source.size, HEAD_LENGTH));
  const script = readScript(source);
  const attempts = scanPrintf(head);
  const images = (['x86-64', 'aarch64'] as const).flatMap((architecture) => {
    const found = findProgram(source, attempts, architecture);
    return found === undefined ? [] : [found];
  });
  if (images.length === 0) throw noProgram(source, attempts.length);
  const pe = readPeHeader(source, head.length >= 64 ? head.readUInt32LE(60) : 0);
  const claims = [...script.claims, ...images.flatMap((image) => image.claims), ...pe.claims];
  const version = script.version ?? noteVersion(source, claims);
  const magic = head.toString('latin1', 0, 6) as ApeFacts['magic'];
  const monolithic =
    head.toString('latin1', MONOLITHIC_AT, MONOLITHIC_AT + 2) === 'JT' && script.loaders.every(isRaw);
  return {
    facts: {
      magic,
      monolithic,
      scriptEnd: script.end,
      printfOffsets: attempts.flatMap(({ offset }) => offset ?? []),
      peOffset: pe.offset,
      ...(version === undefined ? {} : { version }),
    },
    programs: images.map(({ program }) => program),
    loaders: script.loaders,
    claims,
    monolithic,
  };
}

/**
 * What an assimilated file keeps of its APE form behind the ELF header that replaced the first 64 bytes: script, loaders, and the
 * program of the other architecture. Nothing of it runs, but it is explained. Nothing at all if the file never was an APE.
 */
export function readApeRemains(
  source: ByteSource,
  own: ElfProgram,
): Pick<ApeImage, 'loaders' | 'claims' | 'monolithic'> {
  if (findScriptStart(source) === undefined) return { loaders: [], claims: [], monolithic: false };
  const { loaders, claims } = readScript(source);
  const attempts = scanPrintf(source.read(0, Math.min(source.size, HEAD_LENGTH)));
  const other = own.architecture === 'x86-64' ? 'aarch64' : 'x86-64';
  const image = findProgram(source, attempts, other);
  const found = [...claims, ...(image?.claims ?? [])];
  // e_lfanew is overwritten; the linker that leaves the PE header outside the image puts it behind the other headers.
  const pe = found
    .filter(({ kind }) => kind === 'program-headers')
    .flatMap(({ offset, length }) => readPeHeader(source, offset + length).claims);
  const whole = own.segments.some(({ type, offset }) => type === PT.load && offset === 0);
  return {
    loaders,
    claims: [...found, ...pe],
    monolithic: whole && loaders.some(isRaw) && loaders.every(isRaw),
  };
}

function isRaw({ encoding }: EmbeddedLoader): boolean {
  return encoding === 'raw';
}

/** The first header that the loader of this architecture accepts. A second, different one would be a trap. */
function findProgram(
  source: ByteSource,
  attempts: ReturnType<typeof scanPrintf>,
  architecture: Architecture,
): ElfImage | undefined {
  const accepted = attempts.flatMap(({ header, offset }) => {
    const image = imageForLoader(source, header, offset ?? 0, architecture);
    return image === undefined ? [] : [{ image, header: header.subarray(0, EHDR_LENGTH) }];
  });
  const [first, ...others] = accepted;
  const different = others.find(({ header }) => first !== undefined && !header.equals(first.header));
  if (different !== undefined) {
    throw malformed(`two ELF headers for ${architecture}: which one runs depends on who reads the file`, {
      offset: different.image.program.headerOffset,
      expected: 'one header for each architecture',
      found: `another one at byte ${first?.image.program.headerOffset}`,
    });
  }
  return first?.image;
}

interface Script {
  readonly end: number;
  readonly version: string | undefined;
  readonly loaders: readonly EmbeddedLoader[];
  readonly claims: readonly Claim[];
}

function readScript(source: ByteSource): Script {
  const start = findScriptStart(source);
  if (start === undefined) {
    const cut = source.size < SCRIPT_START_LIMIT;
    throw malformed(
      cut
        ? 'the file is truncated: it ends before its shell script'
        : 'there is no shell script behind the APE header',
      {
        offset: Math.min(source.size, 0x200),
        expected: `a line that begins #'" in the first ${SCRIPT_START_LIMIT} bytes`,
        found: cut ? `a file of ${source.size} bytes` : 'none',
      },
    );
  }
  const text = source.read(start, Math.min(SCRIPT_LIMIT, source.size - start)).toString('latin1');
  const lines = text.slice(0, textLength(text));
  const end = start + lines.length;
  const ranges = parseDd(lines, source.size);
  const loaders = ranges.loaders.map((range) => readLoader(source, range));
  const claims: Claim[] = [
    structure('ape-header', 0, start, 'APE header'),
    structure('shell-script', start, lines.length, 'shell script'),
  ];
  for (const { kind, architecture, offset, length, encoding } of loaders) {
    const label = kind === 'source' ? `loader source (${encoding})` : `${architecture} loader (${encoding})`;
    claims.push(structure(kind === 'source' ? 'loader-source' : 'loader', offset, length, label));
  }
  for (const { offset, length } of ranges.headers) {
    if (source.read(offset, 4).toString('hex') !== MACHO_MAGIC) continue;
    claims.push(structure('macho-header', offset, length, 'x86-64 Mach-O header'));
  }
  return { end, version: /\.ape-(\d{1,3}\.\d{1,3})"/.exec(lines)?.[1], loaders, claims };
}

function findScriptStart(source: ByteSource): number | undefined {
  const head = source.read(0, Math.min(source.size, SCRIPT_START_LIMIT)).toString('latin1');
  const at = head.indexOf(COMMENT_LINE, 64);
  return at < 0 ? undefined : at + 1;
}

/** Whole lines of printable text. What follows in the file is binary. */
function textLength(text: string): number {
  const binary = text.search(/[^\t\n\r\x20-\x7e]/);
  return text.lastIndexOf('\n', binary < 0 ? text.length : binary) + 1;
}

// `dd if="$o" skip=N count=N bs=1 | gzip -dc`: a compressed loader. `dd if="$o" of="$t.$$" skip=N count=N bs=64`: one that is
// not. `dd if="$o" of="$o" …`: the Mach-O header that --assimilate copies. Old linkers pad the numbers inside quotes.
const DD_LINE = /^[^\n]*\bdd if="\$o" [^\n]*$/gm;
const FIELD = (name: string) => new RegExp(`\\b${name}="? *(\\d{1,15})`);

function parseDd(script: string, size: number): { loaders: LoaderRange[]; headers: LoaderRange[] } {
  const loaders = new Map<string, LoaderRange>();
  const headers = new Map<string, LoaderRange>();
  for (const [line] of script.matchAll(DD_LINE)) {
    const [skip, count, unit] = ['skip', 'count', 'bs'].map((name) => FIELD(name).exec(line)?.[1]);
    if (skip === undefined || count === undefined) continue;
    const block = Number(unit ?? 512);
    const offset = Number(skip) * block;
    // dd stops at the end of the file, and the loaders of the oldest linker run over it.
    const length = Math.min(Number(count) * block, Math.max(0, size - offset));
    const gzip = /\|[^\n]*gzip -dc/.test(line);
    if (!Number.isSafeInteger(offset) || offset >= size || (gzip && offset + Number(count) * block > size)) {
      throw malformed('the shell script unpacks what is not in the file', {
        offset: 0,
        expected: `a range inside ${size} bytes`,
        found: escapeText(line, 120),
      });
    }
    const own = line.includes(' of="$o"');
    (own ? headers : loaders).set(`${offset} ${length}`, { offset, length, gzip });
  }
  return { loaders: [...loaders.values()], headers: [...headers.values()] };
}

/** 110000000 → "1.10", from the note that apelink writes. */
function noteVersion(source: ByteSource, claims: readonly Claim[]): string | undefined {
  for (const { kind, offset, length } of claims) {
    if (kind !== 'elf-notes' || length < 20) continue;
    const note = source.read(offset, 20);
    if (note.toString('latin1', 12, 16) !== 'APE\0' || note.readUInt32LE(8) !== 1) continue;
    const value = note.readUInt32LE(16);
    return `${Math.floor(value / 1e8)}.${Math.floor(value / 1e6) % 100}`;
  }
  return undefined;
}

/** `offset`, 0 unless it is that of a PE header. The claim is general: later linkers put it into the mapped image. */
function readPeHeader(source: ByteSource, offset: number): { offset: number; claims: Claim[] } {
  if (offset === 0 || offset + PE_FIXED > source.size) return { offset: 0, claims: [] };
  const fixed = source.read(offset, PE_FIXED);
  if (fixed.toString('latin1', 0, 4) !== 'PE\0\0') return { offset: 0, claims: [] };
  const sections = fixed.readUInt16LE(6);
  const length = PE_FIXED + fixed.readUInt16LE(20) + sections * PE_SECTION;
  // Windows never reads it here; one that is too long to be genuine explains nothing.
  const claimed = sections <= PE_SECTIONS_LIMIT && length <= PE_LIMIT && offset + length <= source.size;
  if (!claimed) return { offset, claims: [] };
  return { offset, claims: [{ kind: 'pe-header', offset, length, label: 'PE header', rank: RANK.section }] };
}

function noProgram(source: ByteSource, attempts: number) {
  return malformed('the file has the magic of an APE but no program that an APE loader would run', {
    offset: 0,
    expected: `an ELF header as a printf line in the first ${HEAD_LENGTH} bytes`,
    found:
      source.size < HEAD_LENGTH
        ? `none in ${source.size} bytes: it may be truncated`
        : `none in ${attempts} lines`,
  });
}

function structure(kind: Claim['kind'], offset: number, length: number, label: string): Claim {
  return { kind, offset, length, label, rank: RANK.structure };
}
