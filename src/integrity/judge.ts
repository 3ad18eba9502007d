import type { Architecture } from '../format/anatomy.ts';
import type { FileIdentity } from '../format/open.ts';
import { shippedAdvisories } from './advisories.ts';
import { checkAdvisories } from './checks/advisories.ts';
import { checkArchive } from './checks/archive.ts';
import { checkArguments, type GivenArguments } from './checks/arguments.ts';
import { checkContents } from './checks/contents.ts';
import { checkFile } from './checks/file.ts';
import { checkMembers } from './checks/members.ts';
import { checkProgram } from './checks/program.ts';
import { checkReaders } from './checks/readers.ts';
import { checkReplacements } from './checks/replacements.ts';
import { checkSignatures } from './checks/signatures.ts';
import { checkWeights } from './checks/weights.ts';
import { commandLines, readDotArgs, runtimeVersion } from './dot-args.ts';
import { type IdentifyInput, type Identity, identify } from './identify.ts';
import type { SignatureEvidence } from './signatures/seen.ts';
import type { Finding, KnownLoader, Severity, Verdict } from './verdict.ts';

export interface JudgeInput extends IdentifyInput {
  readonly identity?: FileIdentity;
  /** Of the host that would run it: decides which of the embedded loaders counts. */
  readonly architecture: Architecture;
  /** What was found beside the file; missing where nobody looked. */
  readonly signatures?: SignatureEvidence;
  /** With what it would be started: `run` says so. */
  readonly arguments?: GivenArguments;
}

const ORDER: readonly Severity[] = ['deny', 'warn', 'info'];

/**
 * Is the file what it claims to be. Runs every check; reads the structures, small members, and those prefixes of the
 * file that can be a published release, but never the weights.
 * @throws PaddockError `changed` or `malformed` when the file cannot be read as its anatomy says.
 */
export async function judge(input: JudgeInput): Promise<Verdict> {
  const { anatomy, tables } = input;
  const identity = await identify(input);
  const findings: Finding[] = [
    ...checkFile(input.identity),
    ...checkProgram(anatomy, tables.loaders, input.architecture, identity.programLength),
    ...checkArchive(anatomy, identity.view),
    ...(await checkReaders(anatomy, input.source)),
    ...checkMembers(anatomy),
    ...(await checkReplacements(anatomy, input.source, identity.view)),
    ...checkContents(anatomy, input.source),
    ...checkStart(input, identity),
    ...(await checkWeights(anatomy, input.source, identity.told.version)),
    ...checkSignatures(input.signatures),
    ...identity.findings,
  ];
  return {
    ...identity.told,
    ...loaderOf(input, identity),
    ...(input.signatures === undefined ? {} : seenOf(input.signatures)),
    findings: bounded(findings).sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity)),
  };
}

/** Findings of one check that are told one by one: a file can hold thousands of the same. */
const TOLD_OF_CHECK = 100;

// The last one stands for all that are left out, and what these ask for nobody granted.
function bounded(findings: readonly Finding[]): Finding[] {
  const counts = new Map<string, number>();
  for (const { id } of findings) counts.set(id, (counts.get(id) ?? 0) + 1);
  const told = new Map<string, number>();
  return findings.flatMap((each) => {
    const { asks: _, ...ungranted } = each;
    const number = (told.get(each.id) ?? 0) + 1;
    told.set(each.id, number);
    const more = (counts.get(each.id) ?? 0) - TOLD_OF_CHECK;
    if (number > TOLD_OF_CHECK) return [];
    if (number < TOLD_OF_CHECK || more <= 0) return [each];
    return [{ ...ungranted, title: `${each.title}; and ${more} more of ${each.id}`, more }];
  });
}

// With what the program would be started, and what that lets others reach.
function checkStart(
  { anatomy, source, tables, arguments: given = {} }: JudgeInput,
  { told }: Identity,
): Finding[] {
  const version = runtimeVersion(told);
  const dotArgs = readDotArgs(anatomy, source);
  const lines = commandLines(dotArgs, version, given);
  return [
    ...checkArguments(anatomy, dotArgs, version, given),
    ...checkAdvisories(tables.advisories ?? shippedAdvisories(), version, lines, anatomy.models.length > 0),
  ];
}

function seenOf({ signatures, approvals }: SignatureEvidence): Pick<Verdict, 'signatures' | 'approvals'> {
  return { signatures, approvals };
}

// Releases are linked with loaders of their own build: one that lies in a published release is as known as the release.
function loaderOf(
  { anatomy, architecture, tables }: JudgeInput,
  { programLength, told }: Identity,
): Pick<Verdict, 'loader'> {
  if (anatomy.form !== 'ape') return {};
  const own = anatomy.loaders.find((loader) => loader.kind === 'elf' && loader.architecture === architecture);
  if (own === undefined) return {};
  const { sha256, encoding, offset, length } = own;
  const part: KnownLoader | undefined =
    offset + length > programLength
      ? undefined
      : {
          sha256,
          architecture,
          version: anatomy.ape?.version ?? '',
          origin: `part of ${told.release}`,
        };
  const known = tables.loaders.get(sha256) ?? part;
  return { loader: { sha256, encoding, ...(known === undefined ? {} : { known }) } };
}
