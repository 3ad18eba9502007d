import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PaddockError } from '../lib/errors.ts';
import { makeFolders } from '../lib/paths.ts';

export interface GateInput {
  /** The user's cache folder of paddock. */
  readonly cache: string;
  readonly uid: number;
  /** Where `cc` is looked for. */
  readonly searchPath: string | undefined;
  /** One line for the user, before a build that takes a moment. */
  say(line: string): void;
}

/**
 * Path of paddock-gate. The one that was built at install, else one built now into a private cache: package managers
 * may block install scripts.
 * @throws PaddockError `gate-missing` with what is needed.
 */
export async function ensureGate(input: GateInput, root: string = packageRoot()): Promise<string> {
  const built = join(root, 'dist', 'paddock-gate');
  // Whoever can change it can change the rest of the package too: only what we build ourselves is checked further.
  if (isProgram(built)) return built;
  const sources = gateSources(root);
  const digest = createHash('sha256');
  for (const path of sources)
    digest
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update('\0');
  const folder = join(input.cache, 'gate');
  const cached = join(folder, `paddock-gate-${process.arch}-${digest.digest('hex').slice(0, 16)}`);
  makePrivate(folder, input.uid);
  if (isOurs(cached, input.uid)) return cached;
  input.say('building paddock-gate, once: the package was installed without its build step');
  return compile(sources, folder, cached, input);
}

/** The folder of the package: found from this very file, in the bundle as in the sources. */
export function packageRoot(start: string = dirname(fileURLToPath(import.meta.url))): string {
  let folder = start;
  for (let level = 0; level < 8 && folder !== dirname(folder); level++, folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'src', 'gate'))) return folder;
  }
  throw new PaddockError('gate-missing', 'the package of paddock is not whole', {
    expected: 'package.json and src/gate above the program',
    found: start,
    remedy: 'install llama-paddock again',
  });
}

// As bin/build.js does it.
const FLAGS = [
  '-std=c11',
  '-O2',
  '-Wall',
  '-Wextra',
  '-D_GNU_SOURCE',
  '-fstack-protector-strong',
  '-D_FORTIFY_SOURCE=2',
];
const BUILD_MS = 120_000;

async function compile(
  sources: readonly string[],
  folder: string,
  target: string,
  input: GateInput,
): Promise<string> {
  const { execa } = await import('execa'); // only when there is something to build
  const scratch = mkdtempSync(join(folder, 'build-'));
  try {
    const output = join(scratch, 'paddock-gate');
    const env = { PATH: input.searchPath ?? '/usr/bin:/bin', TMPDIR: scratch, LC_ALL: 'C' };
    const inputs = sources.filter((path) => path.endsWith('.c'));
    const run = await execa('cc', [...FLAGS, '-o', output, ...inputs], {
      env,
      extendEnv: false,
      timeout: BUILD_MS,
      reject: false,
    });
    if (run.failed) {
      throw new PaddockError('gate-missing', 'paddock-gate is not built, and building it failed', {
        expected: 'a C compiler named cc',
        found: firstLine(run.stderr ?? '') || (run.shortMessage ?? 'no compiler could be started'),
        remedy:
          'install one (Debian, Ubuntu: `apt install gcc libc6-dev`; Fedora: `dnf install gcc`) and try again',
      });
    }
    renameSync(output, target); // whole or not at all, also when two build at once
    return target;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function gateSources(root: string): string[] {
  const folder = join(root, 'src', 'gate');
  const names = readdirSync(folder).filter((name) => /\.[ch]$/.test(name));
  return names.sort().map((name) => join(folder, name));
}

function makePrivate(folder: string, uid: number): void {
  makeFolders(folder, 0o700);
  const stat = lstatSync(folder);
  if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o077) === 0) return;
  throw new PaddockError('gate-missing', 'the folder for paddock’s own programs is not private', {
    where: folder,
    expected: 'a folder of your own with mode 0700',
    found: `owner ${stat.uid}, mode ${(stat.mode & 0o7777).toString(8)}`,
    remedy: `remove ${folder}, or set its mode to 0700`,
  });
}

// It is about to be executed: a program that somebody else may write is not the gate.
function isOurs(path: string, uid: number): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && isProgram(path) && stat.uid === uid && (stat.mode & 0o022) === 0;
}

function isProgram(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
}

function firstLine(text: string | null): string {
  return (text ?? '').split('\n').find((line) => line.includes('error')) ?? (text ?? '').split('\n')[0] ?? '';
}
