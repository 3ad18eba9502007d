import { relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Outcome } from '../../report/outcome.ts';
import { sarifLog } from '../../report/sarif.ts';
import type { Context } from '../context.ts';
import { toJson } from '../render.ts';
import { VERSION } from '../version.ts';
import { walkedText } from './summary.ts';
import type { Walked } from './walk.ts';

/** `--sarif`: paths below the current folder become relative references, as code-scanning services want them; others are absolute. */
export function sarifText(
  context: Context,
  judged: {
    readonly outcomes: readonly Outcome[];
    readonly folders: readonly Walked[];
    readonly exit: number;
  },
): string {
  const { outcomes, folders, exit } = judged;
  const { cwd } = context;
  return toJson(
    sarifLog({
      outcomes,
      notices: folders.filter(({ files, cut }) => files.length === 0 || cut).map(walkedText),
      exit,
      version: VERSION,
      uri: (path) => uriOf(cwd, path),
    }),
  );
}

function uriOf(cwd: string, path: string): string {
  const absolute = resolve(cwd, path);
  const inside = relative(cwd, absolute);
  if (inside === '' || inside.startsWith('..')) return pathToFileURL(absolute).href;
  return inside.split(sep).map(encoded).join('/');
}

function encoded(segment: string): string {
  // A lone surrogate, which no path of a system's own has, would throw.
  return encodeURIComponent(Buffer.from(segment, 'utf8').toString('utf8'));
}
