import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { Operation } from './operations.ts';
import type { CgroupAbility, CgroupLeaf } from './plan.ts';

/** cpu.max and cpu.cfs_quota_us are microseconds in this period; the kernel's own default. */
const CPU_PERIOD_US = 100_000;
const LARGEST_PAGE = 65_536n;

/**
 * The leaves that hold a session: one of v2, or one for each controller of v1, and where v2 is there without
 * controllers (a hybrid host) one more for its `cgroup.kill` and `cgroup.freeze`. Empty where none can be made.
 */
export function planLeaves(ability: CgroupAbility, limits: Policy['limits'], id: string): CgroupLeaf[] {
  const name = `paddock-${id}`;
  const { parents, controllers } = ability;
  if (ability.kind === 'v2' && parents.unified !== undefined) {
    return [leaf('v2', join(parents.unified, name), valuesV2(controllers, limits))];
  }
  const leaves: CgroupLeaf[] = [];
  if (ability.killable !== undefined) leaves.push(leaf('v2', join(ability.killable, name), []));
  if (ability.kind !== 'v1') return leaves;
  // Controllers may share a hierarchy (cpu,cpuacct): one leaf then takes the values of both.
  const byPath = new Map<string, CgroupLeaf>();
  for (const controller of controllers) {
    const parent = parents[controller];
    if (parent === undefined) continue;
    const path = join(parent, name);
    const before = byPath.get(path);
    const kind = controller === 'freezer' || before?.kind === 'v1-freezer' ? 'v1-freezer' : 'v1';
    byPath.set(path, leaf(kind, path, [...(before?.values ?? []), ...valuesV1(controller, limits)]));
  }
  return [...leaves, ...byPath.values()];
}

/** For the supervisor: which directories to kill through and to remove at the end. */
export function cgroupOperations(leaves: readonly CgroupLeaf[]): Operation[] {
  return leaves.map(({ kind, path }) => ({ op: 'cgroup', kind, path }));
}

/** For the child: it joins by itself, before the fence is up. */
export function joinOperations(leaves: readonly CgroupLeaf[]): Operation[] {
  return leaves.map(({ join: path }) => ({ op: 'join', path }));
}

/** The calls that making and removing leaves needs. Tests replace it. */
export interface CgroupFiles {
  mkdir(path: string): void;
  write(path: string, text: string): void;
  read(path: string): string;
  rmdir(path: string): void;
}

const SYSTEM: CgroupFiles = {
  mkdir: (path) => void mkdirSync(path, { mode: 0o755 }),
  write: (path, text) => writeFileSync(path, text, { flag: 'r+' }),
  read: (path) => readFileSync(path, 'utf8'),
  rmdir: (path) => rmdirSync(path),
};

/**
 * Makes the leaves, writes their limits and reads each back: a limit that did not take is not a limit.
 * @throws PaddockError `host-lacks`; what was made until then is removed again.
 */
export function makeLeaves(leaves: readonly CgroupLeaf[], files: CgroupFiles = SYSTEM): void {
  const made: CgroupLeaf[] = [];
  try {
    for (const one of leaves) {
      files.mkdir(one.path);
      made.push(one);
      for (const value of one.values) setValue(one, value, files);
    }
  } catch (cause) {
    removeLeaves(made, files);
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('host-lacks', 'a control group for the session cannot be made', {
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'run `paddock doctor`; `--allow-degraded` goes on with limits of each process',
      cause,
    });
  }
}

/** Rounds of looking for processes that are left, with a pause between them: two seconds in all. */
const KILL_ROUNDS = 200;
const KILL_PAUSE_MS = 10;

/**
 * Ends every process in the leaves. For the case that the gate, whose task this is, was itself killed. Gives whether
 * none is left.
 */
export async function killLeaves(
  leaves: readonly CgroupLeaf[],
  kill: (pid: number) => void,
  files: CgroupFiles = SYSTEM,
): Promise<boolean> {
  for (let round = 0; round < KILL_ROUNDS; round++) {
    const pids = new Set(leaves.flatMap((one) => membersOf(one, files)));
    if (pids.size === 0) return true;
    for (const { kind, path } of leaves) if (kind === 'v2') tryWrite(files, join(path, 'cgroup.kill'), '1');
    for (const pid of pids) kill(pid);
    await new Promise((resolve) => setTimeout(resolve, KILL_PAUSE_MS));
  }
  return false;
}

function membersOf(one: CgroupLeaf, files: CgroupFiles): number[] {
  try {
    const text = files.read(join(one.path, 'cgroup.procs'));
    return text
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    return []; // the leaf is gone, and its processes with it
  }
}

function tryWrite(files: CgroupFiles, path: string, text: string): void {
  try {
    files.write(path, text);
  } catch {
    // before Linux 5.14 there is no such file: the signals do it
  }
}

/** Removes the leaves; those that still hold processes, or are gone already, are not an error. Gives what is left. */
export function removeLeaves(leaves: readonly CgroupLeaf[], files: CgroupFiles = SYSTEM): string[] {
  const left: string[] = [];
  for (const { path } of [...leaves].reverse()) {
    try {
      files.rmdir(path);
    } catch (cause) {
      // The supervisor has removed it: that is its task, this is the second broom.
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') left.push(path);
    }
  }
  return left;
}

type Value = CgroupLeaf['values'][number];

function setValue(one: CgroupLeaf, value: Value, files: CgroupFiles): void {
  const path = join(one.path, value.file);
  try {
    files.write(path, value.value);
    const found = files.read(path).trim();
    if (holds(value, found)) return;
    throw new PaddockError('host-lacks', 'a limit of the control group did not take', {
      where: path,
      expected: value.value,
      found,
      remedy: 'run `paddock doctor`; `--allow-degraded` goes on with limits of each process',
    });
  } catch (cause) {
    // Optional ones exist only on some kernels (swap accounting, group kill).
    if (!value.optional) throw cause;
  }
}

// The kernel rounds bytes down to whole pages (64 KiB at most); everything else comes back as it was written.
function holds({ file, value }: Value, found: string): boolean {
  if (value === found) return true;
  if (!file.startsWith('memory.') || !/^\d+$/.test(value) || !/^\d+$/.test(found)) return false;
  const difference = BigInt(value) - BigInt(found);
  return difference >= 0n && difference < LARGEST_PAGE;
}

function leaf(kind: CgroupLeaf['kind'], path: string, values: readonly Value[]): CgroupLeaf {
  return { kind, path, join: join(path, 'cgroup.procs'), values };
}

function valuesV2(controllers: readonly string[], limits: Policy['limits']): Value[] {
  const values: Value[] = [];
  if (controllers.includes('memory') && limits.memoryBytes !== null) {
    values.push(
      { file: 'memory.max', value: String(Math.floor(limits.memoryBytes)), optional: false },
      { file: 'memory.swap.max', value: '0', optional: true },
      { file: 'memory.oom.group', value: '1', optional: true },
    );
  }
  if (controllers.includes('pids')) {
    values.push({ file: 'pids.max', value: String(limits.processes), optional: false });
  }
  if (controllers.includes('cpu') && limits.cpus !== null) {
    values.push({ file: 'cpu.max', value: `${quota(limits.cpus)} ${CPU_PERIOD_US}`, optional: false });
  }
  return values;
}

function valuesV1(controller: string, limits: Policy['limits']): Value[] {
  switch (controller) {
    case 'memory': {
      if (limits.memoryBytes === null) return [];
      const value = String(Math.floor(limits.memoryBytes));
      return [
        { file: 'memory.limit_in_bytes', value, optional: false },
        { file: 'memory.memsw.limit_in_bytes', value, optional: true },
      ];
    }
    case 'pids':
      return [{ file: 'pids.max', value: String(limits.processes), optional: false }];
    case 'cpu':
      if (limits.cpus === null) return [];
      return [
        { file: 'cpu.cfs_period_us', value: String(CPU_PERIOD_US), optional: false },
        { file: 'cpu.cfs_quota_us', value: String(quota(limits.cpus)), optional: false },
      ];
    default:
      return [];
  }
}

// At least one millisecond: the kernel refuses less.
function quota(cpus: number): number {
  return Math.max(1000, Math.round(cpus * CPU_PERIOD_US));
}
