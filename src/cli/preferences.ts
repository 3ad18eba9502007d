import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { userPaths } from '../lib/paths.ts';
import { escapeText } from '../lib/text.ts';
import { PRESETS } from '../policy/preset-names.ts';
import type { Context } from './context.ts';

/** The user's own preferences. They choose among what the policy allows, and change nothing of it. */
export interface Preferences {
  /** Preset that `run` and `verify` use when none is named. */
  preset?: string;
  /** No words of paddock's own on stderr. */
  quiet?: boolean;
}

/** What each preference may be, as JSON schema. */
export const PREFERENCES = {
  preset: { type: 'string', enum: [...PRESETS] },
  quiet: { type: 'boolean' },
} as const;

/** Names of the preferences. */
export const PREFERENCE_KEYS = Object.keys(PREFERENCES) as (keyof Preferences)[];

/** A preferences file is a few lines. */
const MAX_BYTES = 64 * 1024;

/**
 * The user's preferences, read without the library that writes them: `run` is on the user's path at every start.
 * @throws PaddockError `io` for a file that is not what `paddock config` writes: a wish for `strict` that is misspelt
 * must not end in `default`.
 */
export function preferences(context: Context): Preferences {
  const path = preferencesPath(context);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new PaddockError('io', 'your preferences cannot be read', {
      where: path,
      found: escapeText(cause instanceof Error ? cause.message : String(cause)),
      remedy: 'make the file readable, or point HOME or XDG_CONFIG_HOME to a folder of your own',
      cause,
    });
  }
  return parse(path, text);
}

/** Where the preferences are kept. */
export function preferencesPath(context: Context): string {
  return join(userPaths(context.env, context.home).config, 'config.json');
}

function parse(path: string, text: string): Preferences {
  if (text.length > MAX_BYTES) throw damaged(path, new TypeError(`more than ${MAX_BYTES} bytes`));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw damaged(path, new TypeError('no object'));
  }
  for (const [key, said] of Object.entries(value)) check(path, key, said);
  return value;
}

function check(path: string, key: string, said: unknown): void {
  if (!Object.hasOwn(PREFERENCES, key)) throw damaged(path, new TypeError(`a key ${JSON.stringify(key)}`));
  const { type, ...rest } = PREFERENCES[key as keyof Preferences];
  const allowed = 'enum' in rest ? rest.enum.some((one) => one === said) : true;
  if (typeof said === type && allowed) return;
  throw damaged(path, new TypeError(`${key}: ${JSON.stringify(said)}`));
}

/** The file is not what `paddock config` writes. */
export function damaged(path: string, cause: unknown): PaddockError {
  return new PaddockError('io', 'your preferences cannot be read', {
    where: path,
    expected: `an object with nothing but ${PREFERENCE_KEYS.join(', ')}`,
    found: escapeText(cause instanceof Error ? cause.message : String(cause)),
    remedy: '`paddock config` writes this file; correct it, or remove it to start anew',
    cause,
  });
}
