import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { userPaths } from '../lib/paths.ts';
import type { Preferences } from './config.ts';
import type { Context } from './context.ts';

/**
 * The user's preferences, read without the library that writes them: `run` is on the user's path at every start.
 * @throws PaddockError `io` for a file that is not what `paddock config` writes.
 */
export function preferences(context: Context): Preferences {
  const path = join(userPaths(context.env, context.home).config, 'config.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw damaged(path, cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
  if (typeof value !== 'object' || value === null) throw damaged(path, new TypeError('no object'));
  const { preset, quiet } = value as Readonly<Record<string, unknown>>;
  return {
    ...(typeof preset === 'string' ? { preset } : {}),
    ...(typeof quiet === 'boolean' ? { quiet } : {}),
  };
}

function damaged(path: string, cause: unknown): PaddockError {
  return new PaddockError('io', 'your preferences cannot be read', {
    where: path,
    found: cause instanceof Error ? cause.message : String(cause),
    remedy: '`paddock config` writes this file; remove it to start anew',
    cause,
  });
}
