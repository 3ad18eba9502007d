import { dirname, join } from 'node:path';
import type { CgroupAbility } from '../launch/plan.ts';

export interface CgroupFacts {
  /** Text of /proc/self/cgroup. */
  readonly own: string;
  /** Text of /proc/self/mountinfo. */
  readonly mounts: string;
  /** Whether a folder or file may be written, by permission and mount. */
  writable(path: string): boolean;
  /** Text of a small file; undefined when it cannot be read. */
  read(path: string): string | undefined;
}

/**
 * Where control groups for a session can be made, from what the host says. v2: the nearest ancestor of our own group
 * that is ours to write and has the controllers enabled for its children (a group with processes has none). v1: below
 * our own group of each controller.
 */
export function discoverCgroups(facts: CgroupFacts): CgroupAbility {
  const mounts = parseMounts(facts.mounts);
  const groups = parseGroups(facts.own);
  const unified = mounts.find((mount) => mount.type === 'cgroup2');
  const ownUnified = groups.find((group) => group.hierarchy === '0' && group.controllers.length === 0);
  const v2 = unified && ownUnified ? v2Parents(unified, ownUnified.path, facts) : undefined;
  if (v2?.controlled !== undefined) {
    return {
      kind: 'v2',
      parents: { unified: v2.controlled.path },
      controllers: [...v2.controlled.controllers, 'freezer'],
      killable: v2.controlled.path,
    };
  }
  const parents = v1Parents(mounts, groups, facts);
  const killable = v2?.killable === undefined ? {} : { killable: v2.killable };
  const controllers = Object.keys(parents);
  if (controllers.length > 0) return { kind: 'v1', parents, controllers, ...killable };
  return { kind: 'none', parents: {}, controllers: [], ...killable };
}

/** Controllers that hold a session, as both versions name them. */
const CONTROLLERS = ['memory', 'pids', 'cpu', 'io', 'freezer'] as const;

/** What v1 calls them, where it is not the same. */
const NAMES_V1: Readonly<Record<string, string>> = { io: 'blkio' };

/** Deeper trees do not occur; a loop over text from the kernel is bounded all the same. */
const MAX_DEPTH = 64;

interface Mount {
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}
interface Group {
  readonly hierarchy: string;
  readonly controllers: readonly string[];
  readonly path: string;
}

function v2Parents(mount: Mount, own: string, facts: CgroupFacts) {
  let path = place(mount, own);
  if (path === undefined) return undefined;
  let killable: string | undefined;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    // Moving the child needs write access to cgroup.procs of the common ancestor: that is this very folder.
    if (!facts.writable(path) || !facts.writable(join(path, 'cgroup.procs'))) break;
    killable ??= path;
    const enabled = (facts.read(join(path, 'cgroup.subtree_control')) ?? '').trim().split(/\s+/);
    const controllers = CONTROLLERS.filter((name) => enabled.includes(name));
    if (controllers.includes('memory') || controllers.includes('pids')) {
      return { controlled: { path, controllers }, killable };
    }
    if (path === mount.point) break;
    path = dirname(path);
  }
  return { controlled: undefined, killable };
}

function v1Parents(
  mounts: readonly Mount[],
  groups: readonly Group[],
  facts: CgroupFacts,
): Record<string, string> {
  const parents: Record<string, string> = {};
  for (const controller of CONTROLLERS) {
    const name = NAMES_V1[controller] ?? controller;
    const mount = mounts.find((one) => one.type === 'cgroup' && one.options.includes(name));
    const group = groups.find((one) => one.controllers.includes(name));
    if (mount === undefined || group === undefined) continue;
    const path = place(mount, group.path);
    if (path !== undefined && facts.writable(path)) parents[controller] = path;
  }
  return parents;
}

// A container sees a part of the hierarchy: `root` is what lies at the mount point.
function place(mount: Mount, group: string): string | undefined {
  if (group.includes('/../') || group.endsWith('/..')) return undefined; // outside of our namespace
  if (mount.root === '/') return group === '/' ? mount.point : join(mount.point, group);
  if (group === mount.root) return mount.point;
  if (group.startsWith(`${mount.root}/`)) return join(mount.point, group.slice(mount.root.length));
  return undefined;
}

// "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755"
function parseMounts(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ');
    const [, , , root, point] = before?.split(' ') ?? [];
    const [type, , options] = after?.split(' ') ?? [];
    if (root === undefined || point === undefined || type === undefined) continue;
    if (!type.startsWith('cgroup')) continue;
    mounts.push({
      root: decodeOctal(root),
      point: decodeOctal(point),
      type,
      options: (options ?? '').split(','),
    });
  }
  return mounts;
}

// "4:memory:/user.slice": hierarchy, controllers, path. A path may hold colons.
function parseGroups(text: string): Group[] {
  const groups: Group[] = [];
  for (const line of text.split('\n')) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) continue;
    groups.push({ hierarchy: match[1], controllers: match[2].split(',').filter(Boolean), path: match[3] });
  }
  return groups;
}

// mountinfo writes space, tab, newline and backslash as octal.
function decodeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
