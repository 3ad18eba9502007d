import type { ApeFacts, Architecture, ElfProgram, EmbeddedLoader } from './anatomy.ts';
import type { MachoFacts, PeFacts, ScriptFacts, Unreadable } from './ape-facts.ts';
import { EHDR_LENGTH, type ElfImage, imageForLoader, PT } from './elf.ts';
import { malformed } from './faults.ts';
import { readLoader } from './loaders.ts';
import { readMacho } from './macho.ts';
import { readPe } from './pe.ts';
import { type PrintfAttempt, printfPositions, scanPrintf } from './printf.ts';
import { type Claim, RANK } from './regions.ts';
import { copiedRanges, findScriptStart, scriptText } from './script/region.ts';
import { readScriptFacts } from './script/script.ts';
import type { ByteSource } from './source.ts';

export const APE_MAGICS = ["MZqFpD='", "jartsr='", "APEDBG='"] as const;
/** The loader looks for ELF headers in this much of the file; the shell script of every release fits, too. */
export const HEAD_LENGTH = 8192;
/** Old linkers leave these two letters in the MZ header. */
const MONOLITHIC_AT = 0x24;
const PE_POINTER_AT = 60;
/** So much behind the script is read for those that go on there. */
const BEHIND_SCRIPT = 16 * 1024;

/** What is known of the APE form, whether the file still has it or was assimilated. */
export interface ApeParts {
  readonly loaders: readonly EmbeddedLoader[];
  readonly script?: ScriptFacts;
  readonly pe?: PeFacts | Unreadable;
  readonly macho?: MachoFacts | Unreadable;
  readonly claims: readonly Claim[];
  /** Linked in one piece by the linkers before 3.0: the zip archive lies inside the mapped image. */
  readonly monolithic: boolean;
}

export interface ApeImage extends ApeParts {
  readonly facts: ApeFacts;
  readonly programs: readonly ElfProgram[];
}

/**
 * A file that begins with an APE magic: header, shell script, the ELF programs that the APE loader would find, the headers
 * for Windows and macOS, and the loaders that the script would unpack.
 * @throws PaddockError `malformed` if no loader would find a program, or two could find different ones.
 */
export function readApe(source: ByteSource): ApeImage {
  const head = source.read(0, Math.min(source.size, HEAD_LENGTH));
  const script = readScript(source, false);
  const attempts = scanPrintf(head);
  const images = (['x86-64', 'aarch64'] as const).flatMap((architecture) => {
    const found = findProgram(source, attempts, architecture);
    return found === undefined ? [] : [found];
  });
  if (images.length === 0) throw noProgram(source, attempts.length);
  const peOffset = head.readUInt32LE(PE_POINTER_AT);
  const pe = peOffset === 0 ? undefined : readPe(source, peOffset);
  const claims = [...script.claims, ...images.flatMap((image) => image.claims), ...peClaims(pe)];
  const oldLinker = head.toString('latin1', MONOLITHIC_AT, MONOLITHIC_AT + 2) === 'JT';
  const monolithic = oldLinker && script.loaders.every(isRaw);
  return {
    facts: {
      magic: head.toString('latin1', 0, 6) as ApeFacts['magic'],
      monolithic,
      ...versions(script.version, noteVersion(source, claims)),
      scriptEnd: script.facts.offset + script.facts.length,
      printfOffsets: printfOffsets(head, attempts, script.loaders),
      peOffset,
    },
    programs: images.map(({ program }) => program),
    loaders: script.loaders,
    script: script.facts,
    ...(pe === undefined ? {} : { pe }),
    ...(script.macho === undefined ? {} : { macho: script.macho }),
    claims,
    monolithic,
  };
}

/**
 * What an assimilated file keeps of its APE form behind the ELF header that replaced the first 64 bytes: script, loaders, and the
 * program of the other architecture. Nothing of it runs, but it is explained. Nothing at all if the file never was an APE.
 */
export function readApeRemains(source: ByteSource, own: ElfProgram): ApeParts {
  if (findScriptStart(source) === undefined) return { loaders: [], claims: [], monolithic: false };
  const { facts, loaders, claims, macho } = readScript(source, true);
  const attempts = scanPrintf(source.read(0, Math.min(source.size, HEAD_LENGTH)));
  const other = own.architecture === 'x86-64' ? 'aarch64' : 'x86-64';
  const image = findProgram(source, attempts, other);
  const found = [...claims, ...(image?.claims ?? [])];
  // e_lfanew is overwritten; the linker that leaves the PE header outside the image puts it behind the other headers.
  const pe = found
    .filter(({ kind }) => kind === 'program-headers')
    .flatMap(({ offset, length }) => peClaims(readPe(source, offset + length)));
  const whole = own.segments.some(({ type, offset }) => type === PT.load && offset === 0);
  return {
    loaders,
    script: facts,
    ...(macho === undefined ? {} : { macho }),
    claims: [...found, ...pe],
    monolithic: whole && loaders.some(isRaw) && loaders.every(isRaw),
  };
}

/** An uncompressed loader has the words in its code, as it looks for them: there only what decodes to a header counts. */
function printfOffsets(
  head: Buffer,
  attempts: readonly PrintfAttempt[],
  loaders: readonly EmbeddedLoader[],
): number[] {
  const raw = loaders.filter(isRaw);
  const inLoader = (at: number) => raw.some(({ offset, length }) => at >= offset && at < offset + length);
  const tried = attempts.flatMap(({ offset }) => offset ?? []);
  const others = printfPositions(head).filter((at) => !inLoader(at));
  return [...new Set([...tried, ...others])].sort((a, b) => a - b);
}

function versions(
  script: string | undefined,
  note: string | undefined,
): Pick<ApeFacts, 'version' | 'noteVersion'> {
  const version = script ?? note;
  return {
    ...(version === undefined ? {} : { version }),
    ...(note === undefined ? {} : { noteVersion: note }),
  };
}

function isRaw({ encoding }: EmbeddedLoader): boolean {
  return encoding === 'raw';
}

/** The first header that the loader of this architecture accepts. A second, different one would be a trap. */
function findProgram(
  source: ByteSource,
  attempts: readonly PrintfAttempt[],
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
      check: 'APE-020',
      offset: different.image.program.headerOffset,
      expected: 'one header for each architecture',
      found: `another one at byte ${first?.image.program.headerOffset}`,
    });
  }
  return first?.image;
}

interface Script {
  readonly facts: ScriptFacts;
  readonly version: string | undefined;
  readonly loaders: readonly EmbeddedLoader[];
  readonly claims: readonly Claim[];
  readonly macho?: MachoFacts | Unreadable;
}

function readScript(source: ByteSource, assimilated: boolean): Script {
  const { start, text } = scriptText(source);
  const end = start + text.length;
  const rest = source.read(end, Math.min(BEHIND_SCRIPT, source.size - end));
  const facts = readScriptFacts(text, start, assimilated ? undefined : source.read(0, start), rest);
  const ranges = copiedRanges(text, start, source.size);
  const loaders = ranges.loaders.map((range) => readLoader(source, range));
  const claims: Claim[] = [
    structure('ape-header', 0, start, 'APE header'),
    structure('shell-script', start, text.length, 'shell script'),
  ];
  for (const { kind, architecture, offset, length, encoding } of loaders) {
    const label = kind === 'source' ? `loader source (${encoding})` : `${architecture} loader (${encoding})`;
    claims.push(structure(kind === 'source' ? 'loader-source' : 'loader', offset, length, label));
  }
  const machos = ranges.headers.map(({ offset, length }) => readMacho(source, offset, length));
  for (const macho of machos) {
    if (macho.kind === 'macho')
      claims.push(structure('macho-header', macho.offset, macho.length, 'x86-64 Mach-O header'));
  }
  // The first that cannot be read says more than those that can.
  const macho = machos.find(({ kind }) => kind === 'unreadable') ?? machos[0];
  return { facts, version: versionIn(text), loaders, claims, ...(macho === undefined ? {} : { macho }) };
}

function versionIn(script: string): string | undefined {
  return /\.ape-(\d{1,3}\.\d{1,3})"/.exec(script)?.[1];
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

/** A claim for a header that can be read. It is general: later linkers put it into the mapped image. */
function peClaims(pe: PeFacts | Unreadable | undefined): Claim[] {
  if (pe?.kind !== 'pe') return [];
  const { offset, length } = pe;
  return [{ kind: 'pe-header', offset, length, label: 'PE header', rank: RANK.section }];
}

function noProgram(source: ByteSource, attempts: number) {
  return malformed('the file has the magic of an APE but no program that an APE loader would run', {
    check: 'APE-020',
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
