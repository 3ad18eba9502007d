import type { EffectiveToken } from '../format/args/effective.ts';
import { compareVersions } from '../format/args/version.ts';
import { flagName } from '../integrity/flags.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { flagKind, WEIGHT_FLAGS } from './flags.ts';

export interface ContainerArgumentsInput {
  /** The command line that the file's own engine would come to: user, `.args` and policy. */
  readonly line: readonly EffectiveToken[];
  /** Where the engine finds the file. Without `@`, at which releases cut the name of a member off. */
  readonly path: string;
  /** Names of the file's members. */
  readonly members: ReadonlySet<string>;
  /** Names of the members that are weights. */
  readonly models: readonly string[];
  /** What the engine has in its own archive. */
  readonly own: ReadonlySet<string>;
  /** Of the engine's release, where it is known. */
  readonly version?: string;
}

/** The first release that reads `-m other.llamafile@member` (llamafile_open_gguf of llamafile/llamafile.c in the tag 0.6). */
const FIRST_VERSION = '0.6';

/** Flags whose value is opened as `-m` is: by `llamafile_open_gguf`, in all releases from 0.6 on. */
const CONTAINER_FLAGS: ReadonlySet<string> = new Set([...WEIGHT_FLAGS, '--mmproj', '-md', '--model-draft']);
const ZIP = '/zip/';

/**
 * The arguments with which a known engine does what the file's own would: members of the file that the arguments name are
 * read out of it. The engine itself has no `.args` that would be merged again.
 * @throws PaddockError `refused` where its release cannot do that
 */
export function containerArguments(input: ContainerArgumentsInput): string[] {
  const { line, path, models, version } = input;
  if (version !== undefined && compareVersions(version, FIRST_VERSION) < 0) {
    throw refused('this release reads weights out of no other file', `release ${version}`, {
      expected: `${FIRST_VERSION} or later`,
    });
  }
  const args: string[] = [];
  let flag: string | undefined;
  for (const { text } of line) {
    const name = flagName(text);
    if (flag !== undefined && takesPath(flag)) {
      args.push(mapped(input, flag, text));
      flag = undefined;
    } else if (name !== undefined && name !== text) {
      const value = text.slice(name.length + 1);
      args.push(takesPath(name) ? `${name}=${mapped(input, name, value)}` : text);
      flag = undefined;
    } else {
      args.push(text);
      flag = name;
    }
  }
  const named = line.some(({ text }) => WEIGHT_FLAGS.has(flagName(text) ?? ''));
  const [model, ...others] = models;
  // With one model inside, the file’s own engine would take that one unless it is told otherwise.
  return named || model === undefined || others.length > 0 ? args : ['-m', `${path}@${model}`, ...args];
}

function takesPath(flag: string): boolean {
  return flagKind(flag) === 'read';
}

function mapped({ path, members, own }: ContainerArgumentsInput, flag: string, value: string): string {
  const inside = value.startsWith(ZIP) ? value.slice(ZIP.length) : value;
  if (!value.startsWith(ZIP) && !members.has(value)) return value; // a file of the user’s, or none
  if (CONTAINER_FLAGS.has(flag)) return `${path}@${inside}`;
  if (own.has(inside) && !members.has(inside)) return value;
  throw refused('a known engine cannot read this out of the file', `${flag} ${escapeText(value, 80)}`, {
    expected: `members of the file for ${[...CONTAINER_FLAGS].join(', ')} only`,
  });
}

function refused(message: string, found: string, detail: { readonly expected: string }): PaddockError {
  return new PaddockError('refused', message, {
    ...detail,
    found,
    remedy: 'unpack the member and name it as a file; or run the file’s own engine (`--engine own`)',
  });
}
