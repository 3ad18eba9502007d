import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { ZipMember } from '../format/anatomy.ts';
import type { Baseline } from '../integrity/baselines/baseline.ts';
import { contentDigest, unpackMember } from '../integrity/baselines/content.ts';
import { makeClosedFolders, sealFolders } from '../launch/closed-folders.ts';
import type { CardKind } from '../launch/devices.ts';
import type { SessionDirectories } from '../launch/directories.ts';
import { DLOPEN_HELPER, LIBRARIES, type LibraryLayout, libraryLayout } from '../launch/gpu-libraries.ts';
import type { GpuLibraries } from '../launch/plan.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { Judged } from './judged.ts';

export interface ExtractInput {
  /** Of the program that runs: the file itself, or the known engine in its place. Its descriptor is still open. */
  readonly judged: Judged;
  /** Of the cards within reach; none: nothing is closed. */
  readonly kinds: readonly CardKind[];
  readonly directories: SessionDirectories;
  /** Nothing is written: what would be is told with its digest. */
  readonly dryRun: boolean;
  /** The releases that were learned. */
  readonly baselines: () => Promise<readonly Baseline[]>;
  /** Path of paddock's own dlopen helper, as built. */
  readonly helper: string;
  readonly nowMs: number;
}

/**
 * Puts the GPU libraries of a known release where it looks for them, each compared with what its baseline says of it, and
 * closes the folders; where anything is not as the release has it, the folders are closed and empty. Undefined where no card
 * is within reach.
 * @throws PaddockError `io` where it cannot be written, `changed` of the file
 */
export async function extractLibraries(input: ExtractInput): Promise<GpuLibraries | undefined> {
  if (input.kinds.length === 0) return undefined;
  const { directories, dryRun } = input;
  if (!dryRun) makeClosedFolders(directories);
  const choice = await choose(input);
  if (typeof choice === 'string') return closed(input, off(choice));
  try {
    return closed(input, await extract(input, choice));
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('io', 'the GPU libraries cannot be extracted for the session', {
      where: directories.root,
      found: cause instanceof Error ? cause.message : String(cause),
      expected: 'room for them in the private folder of the session',
      remedy: 'set TMPDIR to a folder with more room and unset XDG_RUNTIME_DIR, or run with `--gpu none`',
      cause,
    });
  }
}

/** What goes into the app folder, and by what it is known. */
interface Choice {
  readonly layout: LibraryLayout;
  readonly members: readonly ZipMember[];
  readonly isKnown: (member: ZipMember, sha256: string) => boolean;
}

/** In words: why there is nothing to extract. */
async function choose(input: ExtractInput): Promise<Choice | string> {
  const { verdict, anatomy } = input.judged;
  const { standing, version } = verdict;
  if (standing !== 'release' || version === undefined)
    return 'the program is of no release that paddock knows';
  const layout = libraryLayout(version);
  if (layout === undefined)
    return `how llamafile ${escapeText(version, 20)} looks for them is not known: docs/gpu.md`;
  const all = anatomy.zip?.members ?? [];
  const named = (name: string): readonly ZipMember[] => all.filter((member) => member.name === name);
  const libraries = input.kinds.map((kind) => LIBRARIES[kind]).filter((name) => named(name).length > 0);
  if (libraries.length === 0) return `it brings none for ${input.kinds.join(' or ')}`;
  const members: ZipMember[] = [];
  for (const name of [...layout.sources, ...libraries]) {
    const [member, ...more] = named(name);
    if (member === undefined || more.length > 0) return `the release’s ${name} is not there, or there twice`;
    if (member.size > LARGEST_BYTES) return `${name} has more than ${LARGEST_BYTES} bytes`;
    members.push(member);
  }
  return { layout, members, isKnown: await knownBy(input) };
}

/** Of ours: the largest that were published have less than one GiB. */
const LARGEST_BYTES = 2 * 1024 ** 3;

// Bytes within the release's own length were part of its digest. Else a learned release says what each member is.
async function knownBy({ judged, baselines }: ExtractInput): Promise<Choice['isKnown']> {
  const { tier, release, releaseLength = 0 } = judged.verdict;
  if (tier === 'A') {
    return ({ contentOffset, compressedSize }) => contentOffset + compressedSize <= releaseLength;
  }
  const learned = (await baselines()).filter(({ name }) => name === release);
  const known = new Set(learned.flatMap(({ members }) => members.map((one) => `${one.sha256} ${one.name}`)));
  return ({ name }, sha256) => known.has(`${sha256} ${name}`);
}

async function extract(input: ExtractInput, { layout, members, isKnown }: Choice): Promise<GpuLibraries> {
  const { directories, dryRun, judged, helper } = input;
  const folder = join(directories[layout.base], layout.folder);
  if (!dryRun) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files: GpuLibraries['files'][number][] = [];
  for (const member of members) {
    const path = join(folder, basename(member.name));
    const sha256 = dryRun
      ? await contentDigest(judged.file.source, member)
      : await write(input, member, path);
    if (sha256 === undefined || !isKnown(member, sha256)) {
      if (!dryRun) rmSync(folder, { recursive: true, force: true });
      const shown = sha256 === undefined ? 'cannot be unpacked' : `SHA-256 ${sha256} is not known`;
      return off(`${escapeText(member.name, 60)} is not what the release has: ${shown}`);
    }
    files.push({ path, bytes: member.size, sha256 });
  }
  const own = placeHelper(helper, join(directories.tmp, DLOPEN_HELPER), dryRun);
  if (own === undefined) {
    if (!dryRun) rmSync(folder, { recursive: true, force: true });
    return off(`${escapeText(helper, 200)} is not built: npm rebuild llama-paddock`);
  }
  if (!dryRun) for (const { path } of [...files, own]) date(path, input);
  return { files: [...files, own], warnings: [] };
}

async function write({ judged }: ExtractInput, member: ZipMember, path: string): Promise<string | undefined> {
  const fd = openSync(path, CREATE, 0o600);
  try {
    return await unpackMember(judged.file.source, member, (content) => {
      for (let done = 0; done < content.length; ) done += writeSync(fd, content, done);
    });
  } finally {
    closeSync(fd);
  }
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

function placeHelper(from: string, path: string, dryRun: boolean): GpuLibraries['files'][number] | undefined {
  let content: Buffer;
  try {
    content = readFileSync(from);
  } catch {
    return undefined; // told as not built
  }
  if (!dryRun) copyFileSync(from, path, constants.COPYFILE_EXCL);
  return { path, bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

// Not older than the program and its members, whose times are local ones without a zone: a day is more than any difference.
function date(path: string, { judged, nowMs }: ExtractInput): void {
  const program = fstatSync(judged.file.fd).mtimeMs;
  const seconds = Math.ceil((Math.max(nowMs, program) + DAY_MS) / 1000);
  utimesSync(path, seconds, seconds);
}

const DAY_MS = 24 * 60 * 60 * 1000;

function off(why: string): GpuLibraries {
  return {
    files: [],
    warnings: [`no GPU library is loaded, and the model computes on the CPU: ${why}`],
  };
}

function closed({ directories, dryRun }: ExtractInput, libraries: GpuLibraries): GpuLibraries {
  if (!dryRun) sealFolders(directories);
  return libraries;
}
