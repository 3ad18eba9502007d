import { inflateRawSync } from 'node:zlib';
import type { Anatomy, ZipMember } from '../format/anatomy.ts';
import { MAX_DOT_ARGS } from '../format/args/dot-args.ts';
import {
  type ArgumentSources,
  type EffectiveArguments,
  effectiveArguments,
} from '../format/args/effective.ts';
import { grammarOf } from '../format/args/grammar.ts';
import type { ByteSource } from '../format/source.ts';
import type { Verdict } from './verdict.ts';

/** A member named `.args`. */
export interface DotArgsMember {
  readonly member: ZipMember;
  /** Its content; undefined where it is longer than 64 KiB, or does not decompress: `fault` says which. */
  readonly bytes?: Uint8Array;
  readonly fault?: string;
}

/** Every member named `.args`: one, unless the archive is out of order. Reads at most 64 KiB of each of the last eight. */
export function readDotArgs(anatomy: Anatomy, source: ByteSource): DotArgsMember[] {
  const members = (anatomy.zip?.members ?? []).filter(({ name }) => name === '.args');
  return members.slice(-MAX_MEMBERS).map((member) => ({ member, ...contentOf(source, member) }));
}

const MAX_MEMBERS = 8;

function contentOf(source: ByteSource, member: ZipMember): Pick<DotArgsMember, 'bytes' | 'fault'> {
  if (member.compressedSize > MAX_DOT_ARGS || member.size > MAX_DOT_ARGS)
    return { fault: `${member.size} bytes` };
  const raw = source.read(member.contentOffset, member.compressedSize);
  if (member.method === 0) return { bytes: raw };
  try {
    return { bytes: inflateRawSync(raw, { maxOutputLength: MAX_DOT_ARGS }) };
  } catch {
    return { fault: 'data that does not decompress' }; // told as a finding, and `run` refuses the file
  }
}

/** A command line that the program may come to, and the member that it rests on. */
export interface CommandLine extends EffectiveArguments {
  readonly member?: ZipMember;
}

/** What the program may be started with: for each readable `.args` and each grammar that the runtime may have. */
export function commandLines(
  dotArgs: readonly DotArgsMember[],
  version: string | undefined,
  sources: Pick<ArgumentSources, 'user' | 'append' | 'environment'>,
): CommandLine[] {
  const grammar = version === undefined ? undefined : grammarOf(version);
  const shared = { ...sources, ...(grammar === undefined ? {} : { grammar }) };
  const readable = dotArgs.filter(({ bytes }) => bytes !== undefined);
  if (readable.length === 0) return effectiveArguments(shared);
  return readable.flatMap(({ member, bytes = new Uint8Array(0) }) =>
    effectiveArguments({ ...shared, dotArgs: bytes }).map((line) => ({ ...line, member })),
  );
}

/**
 * Version of the llamafile release that the runtime is; undefined where it is none that is known, or was tampered with. What
 * a user learned by another name may be another program.
 */
export function runtimeVersion({
  standing,
  release = '',
  version,
  releaseKnownBy,
}: Pick<Verdict, 'standing' | 'release' | 'version' | 'releaseKnownBy'>): string | undefined {
  if (standing !== 'release') return undefined;
  return releaseKnownBy === 'published digest' || release.startsWith('llamafile') ? version : undefined;
}
