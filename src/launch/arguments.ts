import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { EffectiveToken } from '../format/args/effective.ts';
import { type CommandLine, commandLines, type DotArgsMember } from '../integrity/dot-args.ts';
import { flagName, swallowsAppended } from '../integrity/flags.ts';
import { wantsServer } from '../integrity/modes.ts';
import { PaddockError } from '../lib/errors.ts';
import { type Environment, isBelow } from '../lib/paths.ts';
import { escapeText } from '../lib/text.ts';
import type { EffectivePolicy, Policy } from '../policy/policy.ts';
import { checkArguments, firstExempt, userTokens } from './argument-rules.ts';
import { flagKind, WEIGHT_FLAGS } from './flags.ts';
import type { PathFacts } from './paths.ts';
import { type Listening, listening } from './server.ts';

export interface ArgumentsInput {
  /** What the user typed behind the file's name. */
  readonly args: readonly string[];
  /** The caller's working directory. */
  readonly cwd: string;
  /** The members named `.args`: at most one in a file that is in order. */
  readonly dotArgs?: readonly DotArgsMember[];
  /** Of the identified llamafile release: it decides how `.args` is read. Without one, every way counts. */
  readonly version?: string;
  /** That the program will have, for the variables in `.args`. */
  readonly environment?: Environment;
  /** Names of the file's zip members, to warn where a file of the caller takes the place of one. */
  readonly members: ReadonlySet<string>;
  readonly hasModel: boolean;
  readonly effective: EffectivePolicy;
  readonly paths: PathFacts;
}

export interface PreparedArguments {
  /** What the program is given, without its own name. */
  readonly args: readonly string[];
  /** The whole command line that the program comes to by them, by `.args` and the policy; of several the newest grammar's. */
  readonly line: readonly EffectiveToken[];
  /** Files and folders to be granted for reading. */
  readonly reads: readonly string[];
  readonly network: { readonly mode: 'none' } | ({ readonly mode: 'serve' } & Listening);
  /** For the user, one line each; escaped. */
  readonly warnings: readonly string[];
}

/**
 * The program runs in an empty folder of its own, so that no file of the caller's can stand in for verified weights.
 * What the user names by argument is meant, though: files that exist in the caller's folder become absolute and are
 * granted for reading. A name that does not exist there stays: it is a member of the zip, or no path at all.
 *
 * What is decided by arguments is decided by every command line that they and `.args` can come to: one for an identified
 * release, one for each grammar of `.args` otherwise.
 * @throws PaddockError `refused` for a flag, number or address that the policy does not allow, for an `.args` that cannot be read, for what overrides the policy,
 * `usage` for a port or address that is none.
 */
export function prepareArguments(input: ArgumentsInput): PreparedArguments {
  const { policy } = input.effective;
  checkArguments(userTokens(input.args), input.effective);
  const rewritten = rewrite(input);
  const lines = linesOf(input, rewritten.args);
  for (const line of lines) {
    checkArguments(line.tokens, input.effective);
    checkLastWord(line, firstExempt(input.effective));
  }
  const asked =
    policy.network.mode === 'serve' ||
    lines.some(({ tokens }) => wantsServer(tokens, input.hasModel, input.version));
  const serve = asked && policy.network.mode !== 'none';
  const warnings = [...rewritten.warnings, ...leftOut(input, lines)];
  if (asked && !serve)
    warnings.push('the policy says `network.mode: none`: a server will not be able to listen');
  return {
    args: [...rewritten.args, ...policy.arguments.force],
    line: lines[0]?.tokens ?? [],
    reads: rewritten.reads,
    network: serve ? { mode: 'serve', ...place(lines, policy.network, warnings) } : { mode: 'none' },
    warnings,
  };
}

// Without knowing what the program is told, neither flags can be denied nor its port be known.
function linesOf(input: ArgumentsInput, user: readonly string[]): CommandLine[] {
  const bad = input.dotArgs?.find(({ bytes }) => bytes === undefined);
  if (bad !== undefined) {
    throw new PaddockError('refused', '.args inside the file cannot be read', {
      expected: 'at most 64 KiB, stored or deflated',
      found: bad.fault ?? 'nothing',
      offset: bad.member.contentOffset,
      check: 'ARG-001',
      remedy: 'get the file again from its publisher',
    });
  }
  const { force: append } = input.effective.policy.arguments;
  const { environment } = input;
  return commandLines(input.dotArgs ?? [], input.version, {
    user,
    append,
    ...(environment === undefined ? {} : { environment }),
  });
}

// Each must be allowed; the fence opens for the first, which is that of the newest grammar.
function place(lines: readonly CommandLine[], network: Policy['network'], warnings: string[]): Listening {
  const [first, ...others] = lines.map(({ tokens }) => listening(tokens, network));
  if (first === undefined) throw new PaddockError('internal', 'no command line was made', {});
  if (others.some(({ address, port }) => address !== first.address || port !== first.port)) {
    warnings.push(
      `old releases would read .args otherwise: the program may listen on ${escapeText(first.address, 60)}:${first.port} only`,
    );
  }
  return first;
}

function checkLastWord({ tokens }: CommandLine, exempt: number): void {
  const taker = swallowsAppended(tokens, exempt);
  if (taker !== undefined) {
    const fromFile = taker.origin.from === '.args';
    throw new PaddockError('refused', `${LINES[taker.origin.from]} has the last word over the policy`, {
      expected: 'no flag that takes the arguments of `arguments.force` for its value',
      found: `${escapeText(taker.text, 80)} right in front of them`,
      ...(fromFile ? { check: 'ARG-020' } : {}),
      remedy: `give ${escapeText(taker.text, 80)} a value behind the file name, or leave it out`,
    });
  }
  const own = tokens.findLastIndex(({ origin }) => origin.from === 'policy');
  const after = own === -1 ? undefined : tokens.slice(own + 1).find(({ origin }) => origin.from === '.args');
  if (after === undefined) return;
  throw new PaddockError('refused', '.args inside the file has the last word over the policy', {
    expected: 'nothing behind the arguments of `arguments.force`',
    found: escapeText(after.text, 80),
    check: 'ARG-020',
    remedy: 'take them out of `arguments.force` of the policy, or ask for an .args that ends with “...”',
  });
}

const LINES = {
  '.args': '.args inside the file',
  'command line': 'the command line',
  policy: '`arguments.force` of a later policy',
} as const;

// Releases before 0.7 take their own arguments only where nobody else gives any.
function leftOut(input: ArgumentsInput, lines: readonly CommandLine[]): string[] {
  const dropped = lines.length > 0 && lines.every((line) => line.dropped);
  if (!dropped || input.args.length > 0) return [];
  return [
    'this release ignores its own .args when arguments are given: `arguments.force` of the policy gives some',
  ];
}

interface Rewritten {
  readonly args: string[];
  readonly reads: string[];
  readonly warnings: string[];
}

function rewrite(input: ArgumentsInput): Rewritten {
  const out: Rewritten = { args: [], reads: [], warnings: [] };
  let flag: string | undefined;
  for (const argument of input.args) {
    const name = flagName(argument);
    if (name === undefined) {
      out.args.push(value(input, out, argument, flag));
      flag = undefined;
    } else if (name === argument) {
      out.args.push(argument);
      flag = name;
    } else {
      out.args.push(`${name}=${value(input, out, argument.slice(name.length + 1), name)}`);
      flag = undefined;
    }
  }
  return out;
}

function value(input: ArgumentsInput, out: Rewritten, text: string, flag: string | undefined): string {
  const kind = flag === undefined ? undefined : flagKind(flag);
  if (kind === 'text' || text === '' || text === '-' || OWN_NAMES.test(text) || text.includes('\0'))
    return text;
  if (kind === 'write') return writable(input, out, text, flag ?? '');
  // Without a flag that says so, only what looks like a path is one.
  if (kind === undefined && !text.includes('/')) return text;
  const path = resolve(input.cwd, text);
  const found = input.paths.kind(path);
  if (found === 'missing') return contained(input, out, text);
  if (found === 'directory') return folder(input, out, text, path, kind === 'read-folder');
  if (flag !== undefined && WEIGHT_FLAGS.has(flag) && input.members.has(text)) {
    out.warnings.push(
      `${flag} ${escapeText(text, 60)}: your file is used, not the member of that name in the llamafile`,
    );
  }
  grant(input, out, path);
  return path;
}

/** Names that mean something else inside the program: its zip, its own descriptors. */
const OWN_NAMES = /^\/(zip\/|proc\/(self|thread-self)\/|dev\/(stdin|stdout|stderr|fd\/))/;

function grant(input: ArgumentsInput, out: Rewritten, path: string): void {
  if (!input.effective.policy.arguments.grantFiles) {
    out.warnings.push(
      `${escapeText(path, 80)} is not readable: the policy says \`arguments.grantFiles: false\``,
    );
    return;
  }
  const folder = folderOf(input.paths.real(path));
  for (const part of splitParts(path)) {
    const real = input.paths.real(part);
    // The others were not named: whoever packed them could have made one of them a link to anything. Caches of models
    // keep links, too, all of them into one folder.
    if (part !== path && real !== undefined && folderOf(real) !== folder) {
      out.warnings.push(
        `${escapeText(part, 80)} is not readable: it is a link to another folder; \`--read\` grants it`,
      );
      continue;
    }
    for (const name of [part, real]) {
      if (name !== undefined && !out.reads.includes(name)) out.reads.push(name);
    }
  }
}

function folderOf(path: string | undefined): string | undefined {
  return path === undefined ? undefined : dirname(path);
}

// Weights in several files: naming the first means all (llama.cpp's gguf-split names).
function splitParts(path: string): string[] {
  const match = /^(.*-)\d{5}(-of-(\d{5})\.gguf)$/.exec(basename(path));
  const count = Number(match?.[3] ?? 0);
  if (match === null || count < 2 || count > MAX_PARTS) return [path];
  const names = Array.from(
    { length: count },
    (_, i) => `${match[1]}${String(i + 1).padStart(5, '0')}${match[2]}`,
  );
  return names.map((name) => join(dirname(path), name));
}

const MAX_PARTS = 999;

// "other.llamafile@weights.gguf": a member of another container.
function contained(input: ArgumentsInput, out: Rewritten, text: string): string {
  const at = text.lastIndexOf('@');
  if (at <= 0) return text;
  const path = resolve(input.cwd, text.slice(0, at));
  if (input.paths.kind(path) !== 'file') return text;
  grant(input, out, path);
  return path + text.slice(at);
}

function folder(input: ArgumentsInput, out: Rewritten, text: string, path: string, asked: boolean): string {
  if (asked) grant(input, out, path);
  // A folder by itself is no grant: `ls /home` must not open the home folders.
  else if (!isGranted(input, path)) {
    out.warnings.push(`${escapeText(text, 60)} is a folder and not granted; \`--read\` grants it`);
  }
  return path;
}

// The argument becomes absolute, so that a grant of the policy can apply; naming it is not yet a grant to write.
function writable(input: ArgumentsInput, out: Rewritten, text: string, flag: string): string {
  const path = resolve(input.cwd, text);
  const { write } = input.effective.policy.files;
  const granted = write.some((root) => isAbsolute(root) && isBelow(path, root));
  if (!granted) {
    out.warnings.push(`${flag} ${escapeText(text, 60)}: writing there is not granted; \`--write\` grants it`);
  }
  return path;
}

function isGranted(input: ArgumentsInput, path: string): boolean {
  const { read, write, execute } = input.effective.policy.files;
  return [...read, ...write, ...execute].some((root) => isAbsolute(root) && isBelow(path, root));
}
