import { closeSync } from 'node:fs';
import { basename } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { identityChanged, type JudgedFile, openJudged } from '../../format/open.ts';
import { readAnatomy } from '../../format/read.ts';
import type { Baseline, BaselinePlaces } from '../../integrity/baselines/baseline.ts';
import { describeBaseline } from '../../integrity/baselines/describe.ts';
import { keepEngine } from '../../integrity/baselines/engines.ts';
import { NAME_RULE, SCHEMA, type StoredBaseline } from '../../integrity/baselines/schema.ts';
import { readBaselines, refuseTaken, writeBaseline } from '../../integrity/baselines/store.ts';
import { judge } from '../../integrity/judge.ts';
import { shippedTables } from '../../integrity/tables.ts';
import type { Verdict } from '../../integrity/verdict.ts';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { formatBytes } from '../../lib/units.ts';
import type { CallerStreams } from '../../terminal/streams.ts';
import { type Context, EXIT } from '../context.ts';
import { hostArchitecture, naming } from '../judged.ts';
import { baselinePlaces } from '../trust-places.ts';

export interface AddInput {
  readonly file: string;
  readonly name?: string;
  readonly force?: boolean;
  /** Keep the executable itself, for `run --engine trusted`. */
  readonly keepEngine?: boolean;
  /** The user vouches for the file without being asked. */
  readonly yes?: boolean;
}

interface Learned {
  readonly baseline: Baseline;
  readonly verdict: Verdict;
  /** The digest of the release is a published one. */
  readonly isPublished: boolean;
}

/** `paddock baseline add`: learns a release from a file that somebody vouches for. */
export async function run(context: Context, input: AddInput, streams: CallerStreams): Promise<number> {
  const places = baselinePlaces(context);
  const { baseline, verdict, isPublished } = await naming(input.file, () => learn(context, input));
  refuseTaken(places, baseline.name, input.force === true);
  if (!isPublished && input.yes !== true) await askToVouch(context, streams, input.file, baseline, verdict);
  const engine = input.keepEngine === true ? keep(input.file, places, baseline) : undefined;
  const stored: StoredBaseline = {
    schema: SCHEMA,
    ...baseline,
    learned: {
      at: context.now().toISOString(),
      from: basename(input.file).slice(0, 255),
      because: isPublished ? 'published digest' : 'vouched for',
    },
    ...(engine === undefined ? {} : { engine: { path: engine } }),
  } as StoredBaseline;
  writeBaseline(places, stored, input.force === true);
  const what = isPublished ? 'its digest is a published one' : 'you vouch for it';
  context.stderr.write(
    `paddock: learned ${baseline.name}: ${baseline.parts.length} parts, ${baseline.members.length} members (${what})${engine === undefined ? '' : `; its engine is kept in ${engine}`}\n`,
  );
  return EXIT.ok;
}

// Opened again: what is kept must have the digest that was just learned.
function keep(path: string, places: BaselinePlaces, baseline: Baseline): string {
  const file = openJudged(path);
  try {
    return keepEngine(places, baseline, file.source);
  } finally {
    closeSync(file.fd);
  }
}

async function learn(context: Context, input: AddInput): Promise<Learned> {
  const file = openJudged(input.file);
  try {
    const { source, identity } = file;
    const anatomy = readAnatomy(source);
    const tables = shippedTables();
    const architecture = hostArchitecture();
    const verdict = await judge({
      anatomy,
      source,
      identity,
      tables,
      architecture,
      baselines: () => readBaselines(baselinePlaces(context)).map(({ baseline }) => baseline),
    });
    refuseTampered(verdict, input.force === true);
    const described = await describeBaseline(anatomy, source, 'unnamed');
    refuseChanged(file);
    const published = tables.releases.get(described.file?.sha256 ?? '');
    const name = nameOf(input, published?.artifact);
    // It decides how .args is read. Whoever offers the file chose the file's name; only --name is the user's word.
    const version = published?.version ?? /^llamafile-(\d+(?:\.\d+)+)/.exec(input.name ?? '')?.[1];
    return {
      baseline: { ...described, name, ...(version === undefined ? {} : { version }) },
      verdict,
      isPublished: published !== undefined,
    };
  } finally {
    closeSync(file.fd);
  }
}

// With --force the user writes over a baseline that was learned from a wrong file, to which the right one looks tampered.
function refuseTampered(
  { standing, release, components = [], releaseKnownBy }: Verdict,
  force: boolean,
): void {
  if (standing !== 'tampered' || (force && releaseKnownBy === 'baseline')) return;
  throw new PaddockError('refused', 'a file that was tampered with is no release', {
    expected: escapeText(release ?? 'a release', 80),
    found: `${components[0]?.component ?? 'something'} is otherwise`,
    remedy: '`paddock verify` tells more; get the executable from its publisher',
  });
}

function refuseChanged({ fd, identity }: JudgedFile): void {
  if (!identityChanged(fd, identity)) return;
  throw new PaddockError('changed', 'the file changed while it was learned', {
    remedy: 'make sure nothing is writing to the file, then try again',
  });
}

function nameOf({ name, file }: AddInput, published: string | undefined): string {
  const wanted =
    name ??
    published ??
    basename(file)
      .toLowerCase()
      .replace(/\.(exe|llamafile|com)$/, '');
  if (NAME_RULE.test(wanted)) return wanted;
  throw new PaddockError('usage', 'this name cannot be used for a baseline', {
    expected: 'a-z, 0-9 and . _ -, at most 64, the first one a letter or digit',
    found: escapeText(wanted, 80) || 'nothing',
    remedy: 'choose one with --name: llamafile-0.9.3',
  });
}

async function askToVouch(
  context: Context,
  { isTerminal, stdin, stderr }: CallerStreams,
  file: string,
  { name, file: whole, prefix, members }: Baseline,
  { findings }: Verdict,
): Promise<void> {
  if (!isTerminal[0] || !isTerminal[2]) {
    throw new PaddockError('usage', 'nobody vouches for this file: its digest is not a published one', {
      where: file,
      expected: '--yes, or a terminal where paddock can ask',
      remedy: 'compare its SHA-256 with what the publisher says, then use --yes',
    });
  }
  const denied = findings.filter(({ severity }) => severity === 'deny');
  context.stderr.write(
    [
      `paddock: ${escapeText(file, 4096)} is no release with a published digest.`,
      `  ${whole === undefined ? `program of ${formatBytes(prefix.length)}` : formatBytes(whole.size)}, ${members.length} members`,
      `  SHA-256 ${whole?.sha256 ?? prefix.sha256}`,
      ...denied.map(({ id, title }) => `  ${id}: ${title}`),
      `From now on files made from it count as ${name}, and files that differ from it as tampered with.`,
      '',
    ].join('\n'),
  );
  const lines = createInterface({ input: stdin(), output: stderr() });
  try {
    const answer = await lines.question('Do you vouch for it? Type yes: ');
    if (answer.trim().toLowerCase() === 'yes') return;
  } finally {
    lines.close();
  }
  throw new PaddockError('refused', 'nothing was learned', { remedy: 'type yes, or use --yes' });
}
