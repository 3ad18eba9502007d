import type { Anatomy, Architecture } from '../format/anatomy.ts';
import type { FileIdentity } from '../format/open.ts';
import type { ByteSource } from '../format/source.ts';
import { finding } from './catalogue.ts';
import { checkArchive } from './checks/archive.ts';
import { checkArguments } from './checks/arguments.ts';
import { checkFile } from './checks/file.ts';
import { checkProgram } from './checks/program.ts';
import { checkReaders } from './checks/readers.ts';
import { checkAgainstRelease } from './checks/release.ts';
import { checkSignatures } from './checks/signatures.ts';
import { checkWeights } from './checks/weights.ts';
import { matchRelease, type ReleaseMatch } from './prefix.ts';
import type { SignatureEvidence } from './signatures/seen.ts';
import type { Tables } from './tables.ts';
import type { Finding, KnownLoader, Severity, Standing, Verdict } from './verdict.ts';

export interface JudgeInput {
  readonly anatomy: Anatomy;
  readonly source: ByteSource;
  readonly identity?: FileIdentity;
  readonly tables: Tables;
  /** Of the host that would run it: decides which of the embedded loaders counts. */
  readonly architecture: Architecture;
  /** What was found beside the file; missing where nobody looked. */
  readonly signatures?: SignatureEvidence;
}

const ORDER: readonly Severity[] = ['deny', 'warn', 'info'];

/**
 * Is the file what it claims to be. Runs every check; reads the structures, small members, and those prefixes of the
 * file that can be a published release, but never the weights.
 * @throws PaddockError `changed` or `malformed` when the file cannot be read as its anatomy says.
 */
export async function judge(input: JudgeInput): Promise<Verdict> {
  const { anatomy, tables } = input;
  const match = matchRelease(anatomy, input.source, tables.releases);
  const replaced = match === undefined ? [] : checkAgainstRelease(anatomy, match);
  const findings: Finding[] = [
    ...checkFile(input.identity),
    ...checkProgram(anatomy, tables.loaders, input.architecture, match?.length ?? 0),
    ...checkArchive(anatomy, match?.view),
    ...(await checkReaders(anatomy, input.source)),
    ...checkArguments(anatomy, input.source),
    ...(await checkWeights(anatomy, input.source, match?.release.version)),
    ...checkSignatures(input.signatures),
    ...replaced,
    ...(match === undefined ? [finding('RUN-000', {})] : []),
  ];
  return {
    ...standing(match, replaced),
    ...loaderOf(input, match),
    ...(input.signatures === undefined ? {} : seenOf(input.signatures)),
    findings: findings.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity)),
  };
}

function seenOf({ signatures, approvals }: SignatureEvidence): Pick<Verdict, 'signatures' | 'approvals'> {
  return { signatures, approvals };
}

function standing(
  match: ReleaseMatch | undefined,
  replaced: readonly Finding[],
): Pick<Verdict, 'standing' | 'tier' | 'release' | 'releaseLength'> {
  if (match === undefined) return { standing: 'unknown', tier: 'C' };
  const told: { standing: Standing } = {
    standing: replaced.some(({ severity }) => severity === 'deny') ? 'tampered' : 'release',
  };
  return { ...told, tier: 'A', release: match.release.artifact, releaseLength: match.length };
}

// Releases are linked with loaders of their own build: one that lies in a published release is as known as the release.
function loaderOf(
  { anatomy, architecture, tables }: JudgeInput,
  match: ReleaseMatch | undefined,
): Pick<Verdict, 'loader'> {
  if (anatomy.form !== 'ape') return {};
  const own = anatomy.loaders.find((loader) => loader.kind === 'elf' && loader.architecture === architecture);
  if (own === undefined) return {};
  const { sha256, encoding, offset, length } = own;
  const part: KnownLoader | undefined =
    match === undefined || offset + length > match.length
      ? undefined
      : {
          sha256,
          architecture,
          version: anatomy.ape?.version ?? '',
          origin: `part of ${match.release.artifact}`,
        };
  const known = tables.loaders.get(sha256) ?? part;
  return { loader: { sha256, encoding, ...(known === undefined ? {} : { known }) } };
}
