import { CommanderError } from 'commander';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { type Context, EXIT } from './context.ts';

/** Says what went wrong on stderr and gives the exit code for it. */
export function report(context: Context, cause: unknown): number {
  if (cause instanceof CommanderError) return cause.exitCode === 0 ? EXIT.ok : EXIT.failed;
  const known = cause instanceof PaddockError ? cause : ofSystem(cause);
  if (known === undefined) {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    context.stderr.write(`paddock: internal error (please report it)\n${text}\n`);
    return EXIT.failed;
  }
  context.stderr.write(`paddock: ${known.explain()}\n`);
  if (known.code === 'not-found') return EXIT.notFound;
  return REFUSALS.has(known.code) ? EXIT.refused : EXIT.failed;
}

/** Errors that say "this file does not run", as opposed to "paddock could not do its work". */
const REFUSALS = new Set<string>([
  'unreadable',
  'not-regular',
  'not-llamafile',
  'malformed',
  'too-large',
  'changed',
  'refused',
  'host-lacks',
]);

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'make room there, or choose another place',
  EDQUOT: 'make room there, or choose another place',
  EACCES: 'give yourself the permission, or choose another place (TMPDIR, XDG_STATE_HOME, XDG_CACHE_HOME)',
  EROFS: 'choose a place that can be written (TMPDIR, XDG_STATE_HOME, XDG_CACHE_HOME)',
  ENOENT: 'make the folder, or choose another place (TMPDIR, XDG_STATE_HOME, XDG_CACHE_HOME)',
  EMFILE: 'allow more open files (`ulimit -n`)',
};

/** A refusal of the operating system is no bug of paddock's: a full disk, a folder that is not there. */
function ofSystem(cause: unknown): PaddockError | undefined {
  if (!(cause instanceof Error)) return undefined;
  const { code, syscall, path } = cause as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return undefined;
  return new PaddockError('io', `the system refused: ${syscall}`, {
    ...(path === undefined ? {} : { where: escapeText(path, 4096) }),
    found: escapeText(cause.message),
    remedy: REMEDIES[code] ?? 'see whether the place is there and may be written',
    cause,
  });
}
