import type { Anatomy, Architecture, ElfProgram } from '../../format/anatomy.ts';
import { formatBytes } from '../../lib/units.ts';
import { finding } from '../catalogue.ts';
import type { Finding, KnownLoader } from '../verdict.ts';

const PT_LOAD = 1;
const FLAG_EXECUTE = 1;
const FLAG_WRITE = 2;

/**
 * APE: the executable part, of each architecture.
 * @param releaseLength the first so many bytes are a published release, 0 for none: nothing in them is odd, as it is
 * what was published.
 */
export function checkProgram(
  anatomy: Anatomy,
  loaders: ReadonlyMap<string, KnownLoader>,
  architecture: Architecture,
  releaseLength = 0,
): Finding[] {
  const findings = [
    ...hiddenHeaders(anatomy),
    ...unknownLoaders(anatomy, loaders, architecture),
    ...unaccounted(anatomy, releaseLength),
    ...anatomy.programs.flatMap((program) => [
      ...writableCode(program),
      ...segmentsInArchive(program, anatomy),
    ]),
  ];
  if (releaseLength === 0) return findings;
  return findings.filter(
    ({ evidence: { offset = 0, length = 1 } }) => offset + Math.max(1, length) > releaseLength,
  );
}

// The loader tries every `printf '` that it finds, also in comments: one that is not a known program is a hiding place.
function hiddenHeaders({ ape, programs }: Anatomy): Finding[] {
  if (ape === undefined) return [];
  const explained = new Set(programs.map(({ headerOffset }) => headerOffset));
  return ape.printfOffsets
    .filter((offset) => !explained.has(offset))
    .map((offset) =>
      finding('APE-012', {
        offset,
        expected: `${programs.length} program headers, one for each architecture`,
        found: `${ape.printfOffsets.length} of them`,
      }),
    );
}

function unknownLoaders(
  anatomy: Anatomy,
  known: ReadonlyMap<string, KnownLoader>,
  architecture: Architecture,
): Finding[] {
  return anatomy.loaders
    .filter(({ sha256, encoding }) => encoding === 'gzip' && !known.has(sha256))
    .map((loader) =>
      finding(
        'APE-013',
        { offset: loader.offset, length: loader.length, found: `SHA-256 ${loader.sha256}` },
        loader.architecture === architecture
          ? `the one for this machine (${architecture})`
          : `for ${loader.architecture}`,
      ),
    );
}

function unaccounted({ regions }: Anatomy, releaseLength: number): Finding[] {
  const parts = regions.filter(
    ({ kind, offset, length }) => kind === 'unaccounted' && offset + length > releaseLength,
  );
  const [largest] = [...parts].sort((a, b) => b.length - a.length);
  if (largest === undefined) return [];
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  return [
    finding(
      'APE-014',
      {
        offset: largest.offset,
        length: largest.length,
        found: `${formatBytes(total)} in ${parts.length} ${parts.length === 1 ? 'place' : 'places'}`,
      },
      'the largest is shown',
    ),
  ];
}

function writableCode(program: ElfProgram): Finding[] {
  return program.segments
    .filter(
      ({ type, flags }) => type === PT_LOAD && (flags & FLAG_EXECUTE) !== 0 && (flags & FLAG_WRITE) !== 0,
    )
    .map(({ offset, fileSize }) => finding('APE-023', { offset, length: fileSize }, program.architecture));
}

// A monolithic program was linked together with its archive: there the image holds it.
function segmentsInArchive(program: ElfProgram, { zip, ape }: Anatomy): Finding[] {
  if (ape?.monolithic === true) return [];
  const start = Math.min(...(zip?.members.map(({ localOffset }) => localOffset) ?? []));
  return program.segments
    .filter(({ type, fileSize, offset }) => type === PT_LOAD && fileSize > 0 && offset + fileSize > start)
    .map(({ offset, fileSize }) =>
      finding(
        'APE-024',
        { offset, length: fileSize, expected: `an end before byte ${start}` },
        program.architecture,
      ),
    );
}
