import { existsSync } from 'node:fs';
import { availableParallelism, hostname, totalmem, userInfo } from 'node:os';
import type { Facts, VariableName } from '../../policy/conditions/variables.ts';
import type { Context } from '../context.ts';
import { groupNames, OWN_GROUPS } from './groups.ts';
import { machineZone, momentFacts } from './moment.ts';

/** What is known without any file: who, when and where. Only what is needed of what costs something. */
export function hostFacts(context: Context, needs: ReadonlySet<VariableName>): Facts['values'] {
  const name = needs.has('user.name') ? userName() : undefined;
  const groups = needs.has('user.groups') ? groupNames(OWN_GROUPS) : undefined;
  return {
    ...(name === undefined ? {} : { 'user.name': name }),
    ...(groups === undefined ? {} : { 'user.groups': groups }),
    'user.uid': context.uid,
    ...(asksTime(needs) ? momentFacts(context.now(), machineZone()) : {}),
    'host.name': hostname(),
    'host.cpus': availableParallelism(),
    'host.memory': totalmem(),
    'host.gpus': GPUS.filter(([, devices]) => devices.some((path) => existsSync(path))).map(([kind]) => kind),
  };
}

function asksTime(needs: ReadonlySet<VariableName>): boolean {
  return [...needs].some((name) => name.startsWith('time.'));
}

function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined; // an id without a name
  }
}

/** Device files by which the runtimes find a GPU. */
const GPUS: readonly (readonly [kind: string, devices: readonly string[]])[] = [
  ['nvidia', ['/dev/nvidiactl', '/dev/nvidia0']],
  ['amd', ['/dev/kfd']],
];
