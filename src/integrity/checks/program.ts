import type { Anatomy, Architecture, ElfProgram } from '../../format/anatomy.ts';
import { formatBytes } from '../../lib/units.ts';
import { finding } from '../catalogue.ts';
import type { Finding, KnownLoader } from '../verdict.ts';
import { checkCaves } from './caves.ts';
import { checkMac } from './macos.ts';
import { checkScript } from './script.ts';
import { checkWindows } from './windows.ts';

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
    ...checkScript(anatomy),
    ...unknownLoaders(anatomy, loaders, architecture),
    ...unaccounted(anatomy, releaseLength),
    ...anatomy.programs.flatMap(writableCode),
    ...checkWindows(anatomy, programEnd(anatomy)),
    ...checkMac(anatomy),
    ...checkCaves(anatomy),
  ];
  if (releaseLength === 0) return findings;
  return findings.filter(
    ({ evidence: { offset = 0, length = 1 } }) => offset + Math.max(1, length) > releaseLength,
  );
}

/** Where the archive begins, in the newest generation or an older one; a program in one piece maps the archive, too. */
function programEnd({ ape, regions, size }: Anatomy): number {
  if (ape?.monolithic === true) return size;
  return regions.find(({ kind }) => kind === 'zip-local-header')?.offset ?? size;
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
