import type { Anatomy, ZipView } from '../format/anatomy.ts';
import type { ByteSource } from '../format/source.ts';
import { escapeText } from '../lib/text.ts';
import type { Baseline } from './baselines/baseline.ts';
import { type BaselineMatch, matchBaselines } from './baselines/match.ts';
import { shownDigest } from './baselines/members.ts';
import { findReplacedSupport, findResemblance, hasSupportFiles } from './baselines/support.ts';
import { finding } from './catalogue.ts';
import { checkAgainstBaseline } from './checks/baseline.ts';
import {
  addedMember,
  changedMember,
  checkAgainstRelease,
  type Difference,
  digestText,
} from './checks/release.ts';
import { matchRelease, type ReleaseMatch } from './prefix.ts';
import type { Release, Tables } from './tables.ts';
import type { Finding, Verdict } from './verdict.ts';

export interface IdentifyInput {
  readonly anatomy: Anatomy;
  readonly source: ByteSource;
  readonly tables: Tables;
  /** Releases that were learned; asked for only where the published digests do not answer. */
  readonly baselines?: () => readonly Baseline[] | Promise<readonly Baseline[]>;
}

/** Which release the file was made from, and what of it is otherwise. */
export interface Identity {
  readonly told: Pick<
    Verdict,
    | 'standing'
    | 'tier'
    | 'release'
    | 'version'
    | 'releaseKnownBy'
    | 'releaseLength'
    | 'form'
    | 'components'
    | 'resembles'
  >;
  readonly findings: readonly Finding[];
  /** The first so many bytes are as the release has them: 0 for an unknown one. */
  readonly programLength: number;
  /** The archive of the release, where the file still has it. */
  readonly view?: ZipView;
}

/**
 * Tier A, then tier B, then what the archive tells: docs/baselines.md has the rules. The first answer without a
 * difference counts; else the first one with differences, and the file is tampered with; else it is unknown.
 * @throws PaddockError of the source, for instance `changed`
 */
export async function identify(input: IdentifyInput): Promise<Identity> {
  const { anatomy, source, tables } = input;
  const published = await byDigest(input, tables.releases, 'published digest');
  if (published !== undefined && published.told.standing === 'release') return published;
  const baselines = (await input.baselines?.()) ?? [];
  const learned = await byDigest(input, wholeFiles(baselines), 'baseline');
  if (learned !== undefined && learned.told.standing === 'release') return learned;
  const match = await matchBaselines(anatomy, source, baselines);
  const parts = match === undefined ? undefined : byParts(anatomy, match);
  if (parts !== undefined && parts.told.standing === 'release') return parts;
  return published ?? learned ?? parts ?? byMembers(input, baselines);
}

async function byDigest(
  { anatomy, source }: IdentifyInput,
  releases: ReadonlyMap<string, Release>,
  releaseKnownBy: NonNullable<Verdict['releaseKnownBy']>,
): Promise<Identity | undefined> {
  const match: ReleaseMatch | undefined =
    releases.size === 0 ? undefined : matchRelease(anatomy, source, releases);
  if (match === undefined) return undefined;
  const { artifact, version } = match.release;
  const differences = await checkAgainstRelease(anatomy, source, match);
  return {
    told: {
      ...standing(differences),
      tier: 'A',
      release: artifact,
      ...(version === '' ? {} : { version }),
      releaseKnownBy,
      releaseLength: match.length,
    },
    findings: differences.map((each) => each.finding),
    programLength: match.length,
    view: match.view,
  };
}

function wholeFiles(baselines: readonly Baseline[]): Map<string, Release> {
  const rows = baselines.flatMap(({ name, version = '', file }): [string, Release][] =>
    file === undefined ? [] : [[file.sha256, { artifact: name, version, source: 'a baseline', ...file }]],
  );
  return new Map(rows);
}

function byParts(anatomy: Anatomy, match: BaselineMatch): Identity {
  const { baseline, program } = match;
  const differences = checkAgainstBaseline(match);
  const { name, version } = baseline;
  const changed = program.outcome === 'equal' ? {} : ({ standing: 'tampered' } as const);
  return {
    told: {
      ...standing(differences),
      ...changed,
      tier: 'B',
      release: name,
      ...(version === undefined ? {} : { version }),
      releaseKnownBy: 'baseline',
      form: program.assimilated ? 'assimilated' : 'repacked',
    },
    findings: differences.map((each) => each.finding),
    programLength: program.outcome === 'equal' ? Math.min(baseline.prefix.length, anatomy.size) : 0,
  };
}

async function byMembers(input: IdentifyInput, baselines: readonly Baseline[]): Promise<Identity> {
  const { anatomy, source, tables } = input;
  const modules = await unknownModules(input, baselines);
  const unknown = [...modules, finding('RUN-000', {})];
  const told = { standing: 'unknown', tier: 'C' } as const;
  const table = hasSupportFiles(anatomy) ? await tables.support?.() : undefined;
  if (table === undefined || anatomy.zip === undefined) return { told, findings: unknown, programLength: 0 };
  const history = await findReplacedSupport(anatomy, source, table);
  if (history !== undefined) {
    const differences = [
      ...history.differing.map(({ name, class: kind, expected, found }) =>
        changedMember(name, kind, {
          ...(found === undefined ? {} : { offset: found.member.localOffset }),
          expected: digestText(expected),
          found: found === undefined ? 'no member of that name' : digestText(found.digest),
        }),
      ),
      ...history.added.flatMap(addedMember),
    ];
    const release = history.releases.map((version) => `llamafile-${version}`).join(' or ');
    return {
      told: { ...standing(differences), tier: 'C', release, releaseKnownBy: 'support files' },
      findings: [...differences.map((each) => each.finding), ...modules],
      programLength: 0,
    };
  }
  const resembles = await findResemblance(anatomy.zip, source, table);
  return {
    told: { ...told, ...(resembles === undefined ? {} : { resembles }) },
    findings: unknown,
    programLength: 0,
  };
}

/** GPU modules that the program would load, and that no baseline has. */
async function unknownModules(
  { anatomy, source }: IdentifyInput,
  baselines: readonly Baseline[],
): Promise<Finding[]> {
  const known = new Set(baselines.flatMap(({ members }) => members.map(({ sha256 }) => sha256)));
  const sizes = new Set(baselines.flatMap(({ members }) => members.map(({ size }) => size)));
  const found: Finding[] = [];
  for (const member of anatomy.zip?.members ?? []) {
    if (!/^[^/]+\.(so|dll|dylib)$/i.test(member.name)) continue;
    // A digest decides only where a baseline could have it.
    const digest = sizes.has(member.size)
      ? await shownDigest(source, member, member.size)
      : `${member.size} bytes`;
    if (known.has(digest)) continue;
    found.push(
      finding(
        'ZIP-053',
        { offset: member.localOffset, length: member.compressedSize, found: digestText(digest) },
        escapeText(member.name, 60),
      ),
    );
  }
  return found;
}

function standing(differences: readonly Difference[]): Pick<Verdict, 'standing' | 'components'> {
  const components = differences.flatMap(({ component }) => component ?? []);
  return differences.some(({ finding: { severity } }) => severity === 'deny')
    ? { standing: 'tampered', components }
    : { standing: 'release' };
}
