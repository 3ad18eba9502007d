import { escapeText } from '../lib/text.ts';
import type { Anatomy, GgufFacts, Region, ZipMember, ZipView } from './anatomy.ts';
import { APE_MAGICS, readApe, readApeRemains } from './ape.ts';
import { readElfFile } from './elf.ts';
import { malformed, notLlamafile, tooLarge } from './faults.ts';
import { readGguf } from './gguf.ts';
import { type Claim, RANK, refuseOverlap, tile } from './regions.ts';
import type { ByteSource } from './source.ts';
import { readZip, zipClaims } from './zip/archive.ts';
import { findGenerations } from './zip/generations.ts';

/**
 * What is in the file, every byte of it. Reads headers, directories and small gaps only, whatever the size of the file.
 * @throws PaddockError `not-llamafile` for other kinds of file, `malformed` where structures contradict themselves, each other or
 * the file's bounds, `too-large` at a bound of ours, `changed` if the file shrinks meanwhile.
 */
export function readAnatomy(source: ByteSource): Anatomy {
  const program = readProgram(source);
  const lastMapped = Math.max(...program.claims.map(({ offset, length }) => offset + length));
  const zip = readZip(source, program.monolithic && lastMapped === source.size);
  // An assimilated APE may come without an archive, as other APE programs do.
  const stranger = program.form === 'elf' && program.loaders.length === 0;
  if (zip === undefined && stranger) throw noArchive();
  const models = zip === undefined ? [] : readModels(source, zip);
  const weights = new Map(models.map((model) => [model.member, model.claims]));
  const archive = zip === undefined ? [] : archiveClaims(zip, weights);
  if (!program.monolithic) refuseReachingIn(program.claims, archive);
  const claims = [...program.claims, ...archive];
  const earlier = zip === undefined ? { generations: [], claims: [] } : findGenerations(source, zip, claims);
  const regions = tile(source, [...claims, ...earlier.claims]);
  if (zip === undefined) refuseCutArchive(source, regions);
  return {
    size: source.size,
    form: program.form,
    ...(program.ape === undefined ? {} : { ape: program.ape }),
    programs: program.programs,
    loaders: program.loaders,
    ...(program.script === undefined ? {} : { script: program.script }),
    ...(program.pe === undefined ? {} : { pe: program.pe }),
    ...(program.macho === undefined ? {} : { macho: program.macho }),
    ...(zip === undefined ? {} : { zip }),
    generations: earlier.generations,
    models: models.map(({ facts }) => facts),
    regions,
  };
}

type Program = Pick<Anatomy, 'form' | 'ape' | 'programs' | 'loaders' | 'script' | 'pe' | 'macho'> & {
  readonly claims: readonly Claim[];
  readonly monolithic: boolean;
};

function readProgram(source: ByteSource): Program {
  const start = source.read(0, Math.min(source.size, 8));
  const text = start.toString('latin1');
  if (APE_MAGICS.some((magic) => magic === text)) {
    const { facts, ...rest } = readApe(source);
    return { form: 'ape', ape: facts, ...rest };
  }
  if (!text.startsWith('\x7fELF')) throw otherKind(start, source);
  const { program, claims } = readElfFile(source);
  const remains = readApeRemains(source, program);
  return { ...remains, form: 'elf', programs: [program], claims: [...claims, ...remains.claims] };
}

/** Nothing that is mapped, or that a header of the program points to, may lie in the archive or behind its beginning. */
function refuseReachingIn(program: readonly Claim[], archive: readonly Claim[]): void {
  const parts = program.filter(({ rank }) => rank >= RANK.segment);
  refuseOverlap(parts, archive, 'the program and the zip archive share bytes', 'APE-024');
  const start = archive
    .filter(({ kind }) => kind === 'zip-local-header')
    .reduce((least, { offset }) => Math.min(least, offset), Number.POSITIVE_INFINITY);
  const late = parts.find(({ offset, length }) => length > 0 && offset + length > start);
  if (late === undefined) return;
  throw malformed('a part of the program lies behind the beginning of the zip archive', {
    check: 'APE-024',
    offset: late.offset,
    expected: `${late.label} before byte ${start}`,
    found: `${late.length} bytes from byte ${late.offset}`,
  });
}

interface Model {
  readonly member: ZipMember;
  readonly facts: GgufFacts;
  readonly claims: readonly Claim[];
}

/** Of the weights of all members together: each is kept, and a model in parts has as many as one in one piece. */
const MODEL_BUDGETS = { tensors: 131_072, entries: 131_072, textLength: 48 * 1024 * 1024 } as const;

/** Stored members that are weights by name or by magic. Deflated ones cannot be mapped, so nothing reads them as weights. */
function readModels(source: ByteSource, zip: ZipView): Model[] {
  const models: Model[] = [];
  const spent = { tensors: 0, entries: 0, textLength: 0 };
  for (const member of zip.members) {
    const { name, contentOffset, size, method } = member;
    if (method !== 0) continue;
    const named = name.toLowerCase().endsWith('.gguf');
    if (!named && (size < 4 || source.read(contentOffset, 4).toString('latin1') !== 'GGUF')) continue;
    const { facts, tensors } = readGguf(source, contentOffset, size, name);
    spend(spent, facts);
    const shared = { label: escapeText(name, 80), member: name, rank: RANK.zip };
    const header: Claim = {
      kind: 'gguf-header',
      offset: contentOffset,
      length: facts.headerLength,
      ...shared,
    };
    const data = tensors.map((range): Claim => ({ kind: 'gguf-tensors', ...range, ...shared }));
    models.push({ member, facts, claims: [header, ...data] });
  }
  return models;
}

// One archive can hold thousands of weights, each within the bounds of one.
function spend(spent: Record<keyof typeof MODEL_BUDGETS, number>, facts: GgufFacts): void {
  spent.tensors += facts.tensorCount;
  spent.entries += facts.metadata.size;
  for (const value of facts.metadata.values())
    if (typeof value === 'string') spent.textLength += value.length;
  for (const what of ['tensors', 'entries', 'textLength'] as const) {
    const limit = MODEL_BUDGETS[what];
    if (spent[what] <= limit) continue;
    const message = 'the weights of the file have too much in their headers, taken together';
    throw tooLarge(
      message,
      facts.offset,
      `at most ${limit} (${what})`,
      `${spent[what]}`,
      CHECK_OF_BUDGET[what],
    );
  }
}

const CHECK_OF_BUDGET = { tensors: 'GGUF-006', entries: 'GGUF-005', textLength: 'GGUF-022' } as const;

/** Weights are explained in more detail than "content": what their own header does not explain stays a gap. */
function archiveClaims(zip: ZipView, weights: ReadonlyMap<ZipMember, readonly Claim[]>): Claim[] {
  const contents = new Set([...weights.keys()].map(({ contentOffset }) => contentOffset));
  const isWeights = ({ kind, offset }: Claim) => kind === 'zip-content' && contents.has(offset);
  return [...zipClaims(zip).filter((claim) => !isWeights(claim)), ...[...weights.values()].flat()];
}

function refuseCutArchive(source: ByteSource, regions: readonly Region[]): void {
  for (const { kind, offset, length } of regions) {
    if (kind !== 'unaccounted' || length < 4 || source.read(offset, 4).readUInt32BE(0) !== 0x504b0304)
      continue;
    throw malformed('the file is truncated: its zip archive has no end', {
      check: 'FILE-003',
      offset,
      expected: 'an end record in the last 64 KiB of the file',
      found: `a zip record here, and no end record up to byte ${source.size}`,
    });
  }
}

const GUARDED = 'paddock guards llamafiles: APE executables, and ELF executables with a zip archive';

/** First bytes (hex) → what kind of file it is, and what to do with one. */
const OTHER_KINDS: readonly (readonly [magic: string, kind: string, remedy: string])[] = [
  ['47475546', 'a GGUF file: weights, not a program', 'run it with an engine: llamafile -m FILE'],
  ['504b0304', 'a zip archive, not a program', GUARDED],
  ['504b0506', 'an empty zip archive, not a program', GUARDED],
  ['2321', 'a script, not a llamafile', GUARDED],
  ['1f8b', 'a gzip file, not a program', 'unpack it first'],
  ['28b52ffd', 'a Zstandard file, not a program', 'unpack it first'],
  ['fd377a585a00', 'an xz file, not a program', 'unpack it first'],
  ['cffaedfe', 'a Mach-O program of macOS, not a llamafile that runs here', 'get the original llamafile'],
  ['cefaedfe', 'a Mach-O program of macOS, not a llamafile', GUARDED],
  ['cafebabe', 'a Mach-O program of macOS or a Java class, not a llamafile', GUARDED],
  ['4d5a', 'a program of Windows (MZ) without an APE magic, not a llamafile', GUARDED],
];

function otherKind(start: Buffer, source: ByteSource) {
  if (source.size < 8 && APE_MAGICS.some((magic) => magic.startsWith(start.toString('latin1')))) {
    return malformed('the file is truncated: it ends inside its magic', {
      check: 'FILE-003',
      offset: 0,
      expected: 'a llamafile',
      found: `${source.size} bytes`,
    });
  }
  const hex = start.toString('hex');
  const known = OTHER_KINDS.find(([magic]) => hex.startsWith(magic));
  if (known !== undefined)
    return notLlamafile(`this is ${known[1]}`, `${hex} (${known[1]})`, known[2], 'FILE-004');
  return notLlamafile(
    'this is not a llamafile: it begins neither like an APE nor like an ELF file',
    hex,
    GUARDED,
    'FILE-003',
  );
}

function noArchive() {
  return notLlamafile(
    'this ELF program is not a llamafile: it carries no zip archive',
    'an ELF program without an end record of a zip archive',
    'run it directly; if it was a llamafile, it is truncated: get it again',
    'FILE-003',
  );
}
