import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import type { Environment } from '../lib/paths.ts';
import { type BusCall, callBus, marshal } from './bus.ts';

/** What making a scope touches. Tests replace it. */
export interface ScopeFiles {
  /** Text of a small file; undefined when it cannot be read. */
  read(path: string): string | undefined;
  write(path: string, text: string): void;
  mkdir(path: string): void;
  pause(): Promise<void>;
}

/** Where the user's own service manager listens; undefined where nobody says. */
export function userBus(env: Environment): string | undefined {
  const address = /(?:^|;)unix:path=([^,;]+)/.exec(env.DBUS_SESSION_BUS_ADDRESS ?? '')?.[1];
  if (address !== undefined) return decodeURIComponent(address);
  return env.XDG_RUNTIME_DIR === undefined ? undefined : join(env.XDG_RUNTIME_DIR, 'bus');
}

/**
 * Has the user's service manager put this process into a scope of its own whose control group is delegated to the user,
 * and makes it ready for a session: this process in a leaf, the controllers enabled for others beside it. A login session
 * belongs to root, so without this nothing can be limited there (systemd, "Control Group APIs and Delegation"). The scope
 * goes away with its last process. Gives the controllers that are there.
 * @throws PaddockError `host-lacks` with what was in the way.
 */
export async function enterScope(
  bus: string,
  uid: number,
  { id, pid, root }: { readonly id: string; readonly pid: number; readonly root: string },
  files: ScopeFiles = SYSTEM,
): Promise<string[]> {
  const unit = `paddock-${id}.scope`;
  await callBus(bus, uid, startTransientUnit(unit, pid));
  const scope = await arrival(unit, root, files);
  try {
    const leaf = join(scope, 'launcher');
    files.mkdir(leaf);
    // A group that has processes of its own gives no controllers to those below it.
    files.write(join(leaf, 'cgroup.procs'), String(pid));
    return enable(scope, files);
  } catch (cause) {
    throw lacking('its control group cannot be used', cause instanceof Error ? cause.message : String(cause));
  }
}

const SYSTEM: ScopeFiles = {
  read(path) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return undefined; // not there, or not ours to read
    }
  },
  write: (path, text) => writeFileSync(path, text, { flag: 'r+' }),
  mkdir: (path) => void mkdirSync(path, { mode: 0o755 }),
  pause: () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS)),
};

const PAUSE_MS = 10;
/** Three seconds in all. */
const PAUSES = 300;
const WANTED = ['memory', 'pids', 'cpu', 'io'] as const;

/** StartTransientUnit(in s name, in s mode, in a(sv) properties, in a(sa(sv)) aux, out o job). */
function startTransientUnit(unit: string, pid: number): BusCall {
  const body = marshal().string(unit).string('fail');
  body.array(8, (to) => {
    to.struct().string('Description').signature('s').string('a guarded llamafile');
    to.struct()
      .string('PIDs')
      .signature('au')
      .array(4, (list) => list.u32(pid));
    to.struct().string('Delegate').signature('b').u32(1);
    to.struct().string('CollectMode').signature('s').string('inactive-or-failed');
  });
  body.array(8, () => {});
  return {
    destination: 'org.freedesktop.systemd1',
    path: '/org/freedesktop/systemd1',
    interface: 'org.freedesktop.systemd1.Manager',
    member: 'StartTransientUnit',
    signature: 'ssa(sv)a(sa(sv))',
    body: body.end(),
  };
}

/** The answer comes when the work is queued, not when it is done. */
async function arrival(unit: string, root: string, files: ScopeFiles): Promise<string> {
  for (let count = 0; count < PAUSES; count++) {
    const own = /^0::(\/.*)$/m.exec(files.read('/proc/self/cgroup') ?? '')?.[1];
    if (own?.endsWith(`/${unit}`) === true && !own.includes('/../')) return join(root, own);
    await files.pause();
  }
  throw lacking('this process was not moved to it', 'nothing happened for three seconds');
}

function enable(scope: string, files: ScopeFiles): string[] {
  const offered = (files.read(join(scope, 'cgroup.controllers')) ?? '').trim().split(/\s+/);
  const control = join(scope, 'cgroup.subtree_control');
  for (const name of WANTED.filter((one) => offered.includes(one))) {
    try {
      files.write(control, `+${name}`);
    } catch {
      // Not delegated after all. What was enabled is read back.
    }
  }
  const enabled = (files.read(control) ?? '').trim().split(/\s+/);
  return WANTED.filter((name) => enabled.includes(name));
}

function lacking(what: string, found: string): PaddockError {
  return new PaddockError('host-lacks', `the user’s service manager made a scope, but ${what}`, {
    found,
    remedy: 'start it in one: systemd-run --user --scope -p Delegate=yes paddock run …',
  });
}
