import Conf from 'conf';
import { PaddockError } from '../lib/errors.ts';
import { userPaths } from '../lib/paths.ts';
import { nearest } from '../policy/nearest.ts';
import { PRESETS } from '../policy/presets.ts';
import { type Context, EXIT } from './context.ts';
import { table } from './render.ts';

export interface ConfigInput {
  readonly action: 'list' | 'get' | 'set' | 'unset';
  readonly key?: string;
  readonly value?: string;
}

/** The user's own preferences. They choose among what the policy allows, and change nothing of it. */
export interface Preferences {
  /** Preset that `run` and `verify` use when none is named. */
  preset?: string;
  /** No words of paddock's own on stderr. */
  quiet?: boolean;
}

const SCHEMA = {
  preset: { type: 'string', enum: [...PRESETS] },
  quiet: { type: 'boolean' },
} as const;

const MEANING: Readonly<Record<keyof Preferences, string>> = {
  preset: `policy preset when none is named: ${PRESETS.join(', ')}`,
  quiet: 'true: no words of paddock’s own on stderr',
};

const KEYS = Object.keys(SCHEMA) as (keyof Preferences)[];

/** `paddock config`. */
export async function run(context: Context, { action, key, value }: ConfigInput): Promise<number> {
  const store = open(context);
  if (action === 'list') {
    const rows = KEYS.map((name) => [name, String(store.get(name) ?? 'not set'), MEANING[name]]);
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
  const cwd = userPaths(context.env, context.home).config;
  try {
    return new Conf<Preferences>({
      cwd,
      configName: 'config',
      schema: SCHEMA,
      configFileMode: 0o600,
      clearInvalidConfig: false,
      accessPropertiesByDotNotation: false,
    });
  } catch (cause) {
    throw new PaddockError('io', 'your preferences cannot be read', {
      where: `${cwd}/config.json`,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'correct the file, or remove it to start anew',
      cause,
    });
  }
}

function knownKey(key: string | undefined): keyof Preferences {
  const found = KEYS.find((name) => name === key);
  if (found !== undefined) return found;
  const near = nearest(key ?? '', KEYS);
  throw new PaddockError('usage', `there is no preference ${JSON.stringify(key ?? '')}`, {
    expected: KEYS.join(', '),
    ...(near === undefined ? {} : { remedy: `did you mean \`${near}\`?` }),
  });
}

function set(store: Conf<Preferences>, key: keyof Preferences, text: string): void {
  const wanted = SCHEMA[key].type === 'boolean' ? BOOLEANS.get(text) : text;
  try {
    if (wanted === undefined) throw new TypeError('true or false is expected');
    store.set(key, wanted);
  } catch (cause) {
    throw new PaddockError('usage', `${key} cannot be ${JSON.stringify(text)}`, {
      expected: MEANING[key],
      found: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}

const BOOLEANS = new Map([
  ['true', true],
  ['false', false],
]);
