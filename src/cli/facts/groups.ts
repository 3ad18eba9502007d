import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface GroupsInput {
  /** Numeric ids of the process's groups. */
  readonly gids: readonly number[];
  /** Text of /etc/group; undefined where it cannot be read. */
  readonly file: () => string | undefined;
  /** What the system's other sources of names say of one id. @throws when they cannot be asked */
  readonly ask: (gid: number) => string | undefined;
}

/**
 * Names of groups, each once and in order. Those that /etc/group lacks are asked for one by one: LDAP and the like know them. An id
 * that has no name anywhere stands for itself: "4242". Undefined where somebody who could know cannot be asked: a list that
 * is short of one name would let a condition pass that forbids a group.
 */
export function groupNames({ gids, file, ask }: GroupsInput): string[] | undefined {
  const text = file();
  if (text === undefined) return undefined;
  const known = parseGroups(text);
  try {
    return [...new Set(gids.map((gid) => known.get(gid) ?? ask(gid) ?? String(gid)))];
  } catch {
    return undefined; // not known, and so told by the condition that asks
  }
}

/** The groups of the running process. */
export const OWN_GROUPS: GroupsInput = {
  get gids() {
    const own = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
    return own.filter((gid) => gid !== undefined);
  },
  file: () => {
    try {
      return readFileSync('/etc/group', 'utf8');
    } catch {
      return undefined; // the caller says that groups are not known
    }
  },
  ask: askSystem,
};

/** Name by id; of several lines for one id the first counts, as for libc. */
export function parseGroups(text: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of text.split('\n')) {
    const [name = '', , gid = ''] = line.split(':');
    if (name === '' || name.startsWith('#') || !/^\d{1,10}$/.test(gid)) continue;
    if (!names.has(Number(gid))) names.set(Number(gid), name);
  }
  return names;
}

const TIMEOUT_MS = 5000;
/** getent(1): "one or more supplied key could not be found in the database". */
const NOT_FOUND = 2;

// Of libc's own, at its place and without the caller's environment: what is asked here decides.
function askSystem(gid: number): string | undefined {
  try {
    const line = execFileSync('/usr/bin/getent', ['group', String(gid)], {
      encoding: 'utf8',
      env: { LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: TIMEOUT_MS,
    });
    return parseGroups(line).get(gid);
  } catch (cause) {
    if ((cause as { status?: unknown }).status === NOT_FOUND) return undefined;
    throw cause;
  }
}
