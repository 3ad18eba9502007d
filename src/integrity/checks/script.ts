import type { Anatomy } from '../../format/anatomy.ts';
import type { ScriptFacts, ScriptRange } from '../../format/ape-facts.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/** The shell script of an APE: what it is, and whether its numbers point at what it does with them. */
export function checkScript(anatomy: Anatomy): Finding[] {
  const { script } = anatomy;
  const hidden = hiddenHeaders(anatomy);
  if (script === undefined) return hidden;
  return [
    ...unknownScript(script),
    ...hidden,
    ...foreignHeader(anatomy, script),
    ...wrongVersion(anatomy, script),
    ...wrongRanges(anatomy, script),
  ];
}

function unknownScript({ difference }: ScriptFacts): Finding[] {
  if (difference === undefined) return [];
  const { line, offset, expected, found, nearest } = difference;
  return [finding('APE-011', { offset, expected, found }, `line ${line} (nearest: ${nearest})`)];
}

// The loader tries every `printf '` that it finds, also in comments: one that is not a known program is a hiding place.
function hiddenHeaders({ ape, programs, script }: Anatomy): Finding[] {
  if (ape === undefined) return [];
  const explained = new Set(
    programs
      .filter(({ headerOffset, architecture }) => {
        const line = script?.headers.find(({ offset }) => offset === headerOffset);
        return script?.template === undefined || line?.architecture === architecture;
      })
      .map(({ headerOffset }) => headerOffset),
  );
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

// --assimilate writes the header of the script over the first bytes: in between, neither changes.
function foreignHeader({ form, programs }: Anatomy, { headers }: ScriptFacts): Finding[] {
  const [own] = programs;
  const written = headers.find(({ architecture }) => architecture === own?.architecture);
  if (form !== 'elf' || own === undefined || written === undefined) return [];
  const same =
    written.entry === own.entry &&
    written.programHeaderOffset === BigInt(own.programHeaderOffset) &&
    written.programHeaderCount === own.segments.length;
  if (same) return [];
  const found = `entry 0x${own.entry.toString(16)}, ${own.segments.length} program headers at ${own.programHeaderOffset}`;
  return [finding('APE-012', { offset: 0, expected: `the header at byte ${written.offset}`, found })];
}

function wrongVersion({ ape }: Anatomy, { version, offset }: ScriptFacts): Finding[] {
  const note = ape?.noteVersion;
  if (version === undefined || note === undefined || version === note) return [];
  const evidence = { offset, expected: `.ape-${note}, as the APE note says`, found: `.ape-${version}` };
  return [finding('APE-011', evidence, 'its version')];
}

function wrongRanges(anatomy: Anatomy, { ranges }: ScriptFacts): Finding[] {
  const told = ranges.flatMap((range) => wrongRange(anatomy, range));
  // Both copies of one loader, for macOS and for the others, come from the same bytes.
  const first = new Map<string, ScriptRange>();
  const repeated = ranges.flatMap((range) => {
    const other = first.get(range.role);
    first.set(range.role, other ?? range);
    if (other === undefined || (other.offset === range.offset && other.length === range.length)) return [];
    return [misplaced(range, `bytes ${other.offset} to ${other.offset + other.length}, as before`)];
  });
  return [...told, ...repeated];
}

function wrongRange({ loaders, macho }: Anatomy, range: ScriptRange): Finding[] {
  const { role, offset, length } = range;
  if (role === 'loader-macho') {
    const size = Math.min(
      ...loaders.filter(({ architecture }) => architecture === 'x86-64').map((each) => each.size),
    );
    return offset + length <= size ? [] : [misplaced(range, `a header inside the loader of ${size} bytes`)];
  }
  if (role === 'macho') {
    return macho?.kind === 'macho' && macho.offset === offset ? [] : [misplaced(range, 'a Mach-O header')];
  }
  const loader = loaders.find((each) => each.offset === offset && each.length <= length);
  const expected = role === 'apple' ? 'the source of a loader' : `a loader for ${role}`;
  const right = role === 'apple' ? loader?.kind === 'source' : loader?.architecture === role;
  return right ? [] : [misplaced(range, expected)];
}

function misplaced({ at, offset, length }: ScriptRange, expected: string): Finding {
  return finding('APE-016', { offset: at, expected, found: `bytes ${offset} to ${offset + length}` });
}
