import { dirname } from 'node:path';
import Conf from 'conf';
import { PaddockError } from '../lib/errors.ts';
import { nearest } from '../policy/nearest.ts';
import { PRESETS } from '../policy/preset-names.ts';
import { type Context, EXIT } from './context.ts';
import {
  damaged,
  PREFERENCE_KEYS,
  PREFERENCES,
  type Preferences,
  preferences,
  preferencesPath,
} from './preferences.ts';
import { table } from './render.ts';

export interface ConfigInput {
  readonly action: 'list' | 'get' | 'set' | 'unset';
  readonly key?: string;
  readonly value?: string;
}

const MEANING: Readonly<Record<keyof Preferences, string>> = {
  preset: `policy preset when none is named: ${PRESETS.join(', ')}`,
  quiet: 'true or false: no words of paddock’s own on stderr',
};

/** `paddock config`. */
export async function run(context: Context, { action, key, value }: ConfigInput): Promise<number> {
  const store = open(context);
  if (action === 'list') {
    const rows = PREFERENCE_KEYS.map((name) => [name, String(store.get(name) ?? 'not set'), MEANING[name]]);
    context.stdout.write(`${table(rows)}\n`);
    return EXIT.ok;
  }
  const name = knownKey(key);
  if (action === 'get') context.stdout.write(`${String(store.get(name) ?? '')}\n`);
  if (action === 'unset') store.delete(name);
  if (action === 'set') set(store, name, value ?? '');
  return EXIT.ok;
}

function open(context: Context): Conf<Preferences> {
  preferences(context); // a file that `run` would refuse is not written over
  const path = preferencesPath(context);
  try {
    return new Conf<Preferences>({
      cwd: dirname(path),
      configName: 'config',
      schema: PREFERENCES,
      configFileMode: 0o600,
      clearInvalidConfig: false,
      accessPropertiesByDotNotation: false,
    });
  } catch (cause) {
    throw damaged(path, cause);
  }
}

function knownKey(key: string | undefined): keyof Preferences {
  const found = PREFERENCE_KEYS.find((name) => name === key);
  if (found !== undefined) return found;
  const near = nearest(key ?? '', PREFERENCE_KEYS);
  throw new PaddockError('usage', `there is no preference ${JSON.stringify(key ?? '')}`, {
    expected: PREFERENCE_KEYS.join(', '),
    ...(near === undefined ? {} : { remedy: `did you mean \`${near}\`?` }),
  });
}

function set(store: Conf<Preferences>, key: keyof Preferences, text: string): void {
  const wanted = PREFERENCES[key].type === 'boolean' ? BOOLEANS.get(text) : text;
  try {
    if (wanted === undefined) throw new TypeError('neither true nor false');
    store.set(key, wanted);
  } catch (cause) {
    throw new PaddockError('usage', `${key} cannot be ${JSON.stringify(text)}`, {
      expected: key === 'quiet' ? 'true or false' : PRESETS.join(', '),
      found: JSON.stringify(text),
      remedy: `${key} means: ${MEANING[key]}`,
      cause,
    });
  }
}

const BOOLEANS = new Map([
  ['true', true],
  ['false', false],
]);
