import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import { canonicalFlag, flagKind, flagName, WEIGHT_FLAGS } from './flags.ts';
import type { PathFacts } from './paths.ts';
import { type Listening, listening, wantsServer } from './server.ts';

export interface ArgumentsInput {
  /** What the user typed behind the file's name. */
  readonly args: readonly string[];
  /** The caller's working directory. */
  readonly cwd: string;
  /** Text of the zip member `.args`; undefined when there is none. */
  readonly dotArgs?: string;
  /** Names of the file's zip members, to warn where a file of the caller takes the place of one. */
  readonly members: ReadonlySet<string>;
  readonly hasModel: boolean;
  readonly effective: EffectivePolicy;
  readonly paths: PathFacts;
}

export interface PreparedArguments {
  /** What the program is given, without its own name. */
  readonly args: readonly string[];
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
 * @throws PaddockError `refused` for a denied flag or address, `usage` for a port or address that is none.
 */
export function prepareArguments(input: ArgumentsInput): PreparedArguments {
  const { policy } = input.effective;
  const fromFile = tokens(input.dotArgs ?? '');
  checkDenied(input.args, input.effective, 'the command line');
  checkDenied(fromFile, input.effective, '.args inside the file');
  const rewritten = rewrite(input);
  const server = {
    fromFile,
    fromUser: [...input.args, ...policy.arguments.append],
    hasModel: input.hasModel,
  };
  const asked = policy.network.mode === 'serve' || wantsServer(server);
  const serve = asked && policy.network.mode !== 'none';
  const warnings = [...rewritten.warnings];
  if (asked && !serve)
    warnings.push('the policy says `network.mode: none`: a server will not be able to listen');
  return {
    args: [...rewritten.args, ...policy.arguments.append],
    reads: rewritten.reads,
    network: serve ? { mode: 'serve', ...listening(server, policy.network) } : { mode: 'none' },
    warnings,
  };
}

/** `.args` is small in every genuine file; a longer one is cut for this purpose, and a finding of its own. */
const MAX_DOT_ARGS = 65_536;

// Releases parse it by line or like a shell. Words without quotes stand for both here: a word too many may refuse or
// listen to too much, a word too few would hide a flag. A line that begins with `#` is no flag to either.
function tokens(text: string): string[] {
  return text
    .slice(0, MAX_DOT_ARGS)
    .split(/[\r\n]+/)
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.split(/\s+/))
    .map((word) => word.replace(/["'\\]/g, ''))
    .filter((word) => word !== '');
}

function checkDenied(args: readonly string[], effective: EffectivePolicy, where: string): void {
  const denied = new Map(effective.policy.arguments.deny.map((flag) => [canonicalFlag(flag), flag]));
  for (const argument of args) {
    const name = flagName(argument);
    const rule = name === undefined ? undefined : denied.get(canonicalFlag(name));
    if (rule === undefined) continue;
    const origin = effective.origins.get('arguments.deny');
    const line = origin?.line === undefined ? '' : `:${origin.line}`;
    throw new PaddockError('refused', `the policy denies the flag ${rule}`, {
      found: `${escapeText(argument, 80)} on ${where}`.replace('on .args', 'in .args'),
      ...(origin === undefined ? {} : { where: `${origin.layer}${line} (arguments.deny)` }),
      remedy: 'leave it out, or take it from `arguments.deny` of the policy',
    });
  }
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

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);
}
