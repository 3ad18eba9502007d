import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { StressPlace } from './place.ts';

/** What is there of sessions, each as text by which it can be found. Records are counted: every session keeps one. */
export interface Traces {
  readonly processes: readonly string[];
  /** Of this very process. */
  readonly descriptors: readonly string[];
  readonly listeners: readonly string[];
  readonly groups: readonly string[];
  readonly files: readonly string[];
  readonly sockets: readonly string[];
  /** Locks and leases on files of the place. */
  readonly locks: readonly string[];
  /** In the folder of records, all that is no record. */
  readonly beside: readonly string[];
}

/** Looks for everything that a session of this place could have left on this machine. */
export function traces(place: StressPlace): Traces {
  const ids = new Set(records(place));
  return {
    processes: processes(place.root),
    descriptors: descriptors(),
    listeners: process.eventNames().map((name) => `${String(name)}: ${process.listenerCount(name)}`),
    groups: groups(CGROUPS, MAX_DEPTH).filter((path) => ids.has(basename(path).slice(PREFIX.length))),
    files: place.temporary.flatMap((path) => below(path)),
    sockets: text('/proc/net/unix')
      .split('\n')
      .filter((line) => line.includes(place.root)),
    locks: locks(place.root),
    beside: below(place.state).filter((path) => !IN_RECORD.test(path)),
  };
}

/** Ids of the sessions that were recorded. */
export function records({ state }: StressPlace): string[] {
  return names(join(state, 'paddock/sessions'));
}

/** What is there afterwards and was not before, by kind; empty when nothing was left. */
export function left(before: Traces, after: Traces): Readonly<Record<string, readonly string[]>> {
  const kinds = Object.keys(before) as (keyof Traces)[];
  const more = kinds.map((kind) => [kind, after[kind].filter((one) => !before[kind].includes(one))] as const);
  return Object.fromEntries(more.filter(([, lines]) => lines.length > 0));
}

const CGROUPS = '/sys/fs/cgroup';
const PREFIX = 'paddock-';
const MAX_DEPTH = 12;
/** Records stand in `sessions/ID`, and what is in there is theirs. */
const IN_RECORD = /\/sessions(\/|$)/;

// By command line, environment, working folder and program: the private folders of a session are in the place.
function processes(root: string): string[] {
  return names('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const seen = [text(`/proc/${pid}/cmdline`), text(`/proc/${pid}/environ`), link(`/proc/${pid}/cwd`)];
      return [...seen, link(`/proc/${pid}/exe`)].some((one) => one.includes(root));
    })
    .map((pid) => `${pid} ${text(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
}

// Pipes and sockets have numbers of their own each time; what counts is how many of a kind there are.
function descriptors(): string[] {
  const kinds = names('/proc/self/fd').map((fd) => link(`/proc/self/fd/${fd}`).replace(/\d+/g, 'N'));
  return kinds
    .filter((one) => one !== '')
    .map((one, index) => `${one} ${kinds.slice(0, index).filter((other) => other === one).length}`);
}

// Of other sessions on this machine there may be some as well: ours are those that have a record in the place.
function groups(path: string, depth: number): string[] {
  if (basename(path).startsWith(PREFIX)) return [path];
  return depth === 0 ? [] : folders(path).flatMap((name) => groups(join(path, name), depth - 1));
}

function locks(root: string): string[] {
  const numbers = new Set(below(root).map((path) => lstatSync(path, { throwIfNoEntry: false })?.ino));
  return text('/proc/locks')
    .split('\n')
    .filter((line) => numbers.has(Number(/ [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line)?.[1])));
}

function below(path: string): string[] {
  return folderEntries(path).flatMap((entry) => {
    const one = join(path, entry.name);
    return entry.isDirectory() ? [one, ...below(one)] : [one];
  });
}

function folders(path: string): string[] {
  return folderEntries(path)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function folderEntries(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return []; // gone meanwhile, or not ours to look into
  }
}

const names = (path: string): string[] => folderEntries(path).map(({ name }) => name);

function text(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // a process that ended, or of somebody else
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // as above
  }
}
