import { lstatSync } from 'node:fs';
import { currentCgroups } from '../host/probe.ts';
import { enterScope, userBus } from '../host/scope.ts';
import type { HostAbilities } from '../launch/plan.ts';
import { PaddockError } from '../lib/errors.ts';
import type { Context } from './context.ts';
import type { Speaker } from './speaker.ts';

const UNIFIED = '/sys/fs/cgroup';

/**
 * The host's abilities, with a control group from the user's service manager where there is none otherwise. It changes where
 * this process runs, so it is for a real start alone. A manager that does not help is told, and the limits then hold as
 * they can without.
 */
export async function placed(
  context: Context,
  host: HostAbilities,
  id: string,
  say: Speaker,
): Promise<HostAbilities> {
  const { controllers } = host.cgroup;
  if (controllers.includes('memory') && controllers.includes('pids')) return host;
  const bus = userBus(context.env);
  if (bus === undefined || !isOwnSocket(bus, context.uid) || !isUnified()) return host;
  try {
    await enterScope(bus, context.uid, { id, pid: process.pid, root: UNIFIED });
  } catch (cause) {
    if (!(cause instanceof PaddockError)) throw cause;
    say('note', `${cause.message}: ${cause.detail.found ?? ''}`);
    return host;
  }
  const { userTasks, ...rest } = host;
  const cgroup = currentCgroups();
  return cgroup.controllers.includes('pids') || userTasks === undefined
    ? { ...rest, cgroup }
    : { ...rest, cgroup, userTasks };
}

function isOwnSocket(path: string, uid: number): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isSocket() && stats.uid === uid;
  } catch {
    return false; // nobody listens there
  }
}

function isUnified(): boolean {
  try {
    return lstatSync(`${UNIFIED}/cgroup.controllers`).isFile();
  } catch {
    return false; // v1 or hybrid: the manager has no controllers to give
  }
}
