import { isAbsolute, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The directories of the XDG Base Directory Specification 0.8, for paddock. A relative value is ignored, as it demands. */
export interface Paths {
  readonly config: string;
  readonly state: string;
  readonly cache: string;
  readonly home: string;
}

/** Where this user's files of paddock live. */
export function userPaths(env: Environment, home: string): Paths {
  return {
    config: join(base(env.XDG_CONFIG_HOME, join(home, '.config')), 'paddock'),
    state: join(base(env.XDG_STATE_HOME, join(home, '.local', 'state')), 'paddock'),
    cache: join(base(env.XDG_CACHE_HOME, join(home, '.cache')), 'paddock'),
    home,
  };
}

function base(value: string | undefined, fallback: string): string {
  return value !== undefined && isAbsolute(value) ? value : fallback;
}
