import { existsSync, mkdirSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The directories of the XDG Base Directory Specification 0.8, for paddock. A relative value is ignored, as it demands. */
export interface Paths {
  readonly config: string;
  readonly state: string;
  readonly cache: string;
  readonly data: string;
  readonly home: string;
}

/** Where this user's files of paddock live. */
export function userPaths(env: Environment, home: string): Paths {
  return {
    config: join(base(env.XDG_CONFIG_HOME, join(home, '.config')), 'paddock'),
    state: join(base(env.XDG_STATE_HOME, join(home, '.local', 'state')), 'paddock'),
    cache: join(base(env.XDG_CACHE_HOME, join(home, '.cache')), 'paddock'),
    data: join(base(env.XDG_DATA_HOME, join(home, '.local', 'share')), 'paddock'),
    home,
  };
}

function base(value: string | undefined, fallback: string): string {
  return value !== undefined && isAbsolute(value) ? value : fallback;
}

/**
 * Makes a folder and those above it that are missing, each with `mode`. Node's own recursive mkdir does not return where
 * the file system says "not found" for a folder that it will not make (/proc).
 * @throws the error of the system for the first folder that cannot be made.
 */
export function makeFolders(path: string, mode: number): void {
  const missing: string[] = [];
  for (let folder = path; !existsSync(folder); folder = dirname(folder)) {
    missing.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of missing) {
    try {
      mkdirSync(folder, { mode });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause; // somebody was faster
    }
  }
}

/** Whether a path is a folder or something in it. Both absolute and normal; links are not looked through. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
