import { accessSync, constants, readFileSync } from 'node:fs';
import { discoverCgroups } from '../../src/host/cgroups.ts';
import type { CgroupAbility } from '../../src/launch/plan.ts';

/** The control groups of the machine that the tests run on. */
export function discoverHere(): CgroupAbility {
  return discoverCgroups({
    own: read('/proc/self/cgroup') ?? '',
    mounts: read('/proc/self/mountinfo') ?? '',
    writable: (path) => {
      try {
        accessSync(path, constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
    read,
  });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
