import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { Operation } from './operations.ts';
import type { CgroupAbility, CgroupLeaf, CgroupValue } from './plan.ts';

/** cpu.max and cpu.cfs_quota_us are microseconds in this period; the kernel's own default. */
const CPU_PERIOD_US = 100_000;
const LARGEST_PAGE = 65_536n;

/**
 * The leaves that hold a session: one of v2, or one for each controller of v1, and where v2 is there without
 * controllers (a hybrid host) one more for its `cgroup.kill` and `cgroup.freeze`. Empty where none can be made.
 */
export function planLeaves(
  ability: CgroupAbility,
  limits: Policy['limits'],
  id: string,
  swapBytes?: number,
): CgroupLeaf[] {
  const limited = { ...limits, swaps: swapBytes !== 0 };
  const name = `paddock-${id}`;
  const { parents, controllers } = ability;
  if (ability.kind === 'v2' && parents.unified !== undefined) {
    return [leaf('v2', join(parents.unified, name), valuesV2(controllers, limited))];
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
    byPath.set(path, leaf(kind, path, [...(before?.values ?? []), ...valuesV1(controller, limited)]));
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
 * Makes the leaves, writes their limits and reads each back: a limit that did not take is not a limit. Gives what the
 * user should know of optional ones that did not.
 * @throws PaddockError `host-lacks`; what was made until then is removed again.
 */
export function makeLeaves(leaves: readonly CgroupLeaf[], files: CgroupFiles = SYSTEM): string[] {
  const made: CgroupLeaf[] = [];
  const told = new Map<string, boolean>();
  try {
    for (const one of leaves) {
      files.mkdir(one.path);
      made.push(one);
      for (const value of one.values) {
        const took = setValue(one, value, files);
        const { otherwise } = value;
        if (otherwise !== undefined) told.set(otherwise, took || told.get(otherwise) === true);
      }
    }
    return [...told].filter(([, took]) => !took).map(([words]) => words);
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

function setValue(one: CgroupLeaf, value: CgroupValue, files: CgroupFiles): boolean {
  const path = join(one.path, value.file);
  try {
    files.write(path, value.value);
    const found = files.read(path).trim();
    if (holds(value, found)) return true;
    throw new PaddockError('host-lacks', 'a limit of the control group did not take', {
      where: path,
      expected: value.value,
      found,
      remedy: 'run `paddock doctor`; `--allow-degraded` goes on with limits of each process',
    });
  } catch (cause) {
    // Optional ones exist only on some kernels (swap accounting, group kill).
    if (!value.optional) throw cause;
    return false;
  }
}

// The kernel rounds bytes down to whole pages (64 KiB at most); everything else comes back as it was written.
function holds({ file, value }: CgroupValue, found: string): boolean {
  if (value === found.split('\n')[0]) return true; // further lines are exceptions for single devices
  if (!file.startsWith('memory.') || !/^\d+$/.test(value) || !/^\d+$/.test(found)) return false;
  const difference = BigInt(value) - BigInt(found);
  return difference >= 0n && difference < LARGEST_PAGE;
}

function leaf(kind: CgroupLeaf['kind'], path: string, values: readonly CgroupValue[]): CgroupLeaf {
  return { kind, path, join: join(path, 'cgroup.procs'), values };
}

interface Limited extends Readonly<Policy['limits']> {
  /** The machine has swap space, or nobody knows. */
  readonly swaps: boolean;
}

const SWAP = 'swap is not limited: this kernel does not count it for a control group';
const IO_WEIGHT = 'the share of the disks is not in force: no I/O scheduler here knows shares';

function valuesV2(controllers: readonly string[], limits: Limited): CgroupValue[] {
  const { memoryBytes, swapBytes, swaps } = limits;
  const values: CgroupValue[] = [];
  if (controllers.includes('memory')) {
    if (memoryBytes !== null) values.push(needed('memory.max', Math.floor(memoryBytes)));
    if (swapBytes !== null)
      values.push(wanted('memory.swap.max', Math.floor(swapBytes), swaps ? SWAP : undefined));
    if (memoryBytes !== null) values.push(wanted('memory.oom.group', 1));
  }
  if (controllers.includes('pids')) values.push(needed('pids.max', limits.processes));
  if (controllers.includes('cpu')) {
    if (limits.cpus !== null) values.push(needed('cpu.max', `${quota(limits.cpus)} ${CPU_PERIOD_US}`));
    if (limits.cpuWeight !== EVERYBODYS) values.push(needed('cpu.weight', limits.cpuWeight));
  }
  if (controllers.includes('io') && limits.ioWeight !== EVERYBODYS) {
    // The first is of io.cost, the second of the BFQ scheduler; a kernel has either, both or none.
    values.push(wanted('io.weight', `default ${limits.ioWeight}`, IO_WEIGHT));
    values.push(wanted('io.bfq.weight', `default ${Math.min(1000, limits.ioWeight)}`, IO_WEIGHT));
  }
  return values;
}

function valuesV1(controller: string, limits: Limited): CgroupValue[] {
  const { memoryBytes, swapBytes, swaps } = limits;
  switch (controller) {
    case 'memory': {
      if (memoryBytes === null) return [];
      const memory = Math.floor(memoryBytes);
      const both = needed('memory.limit_in_bytes', memory);
      if (swapBytes === null) return [both];
      // Memory and swap together, and never below the limit of memory, which therefore comes first.
      const sum = memory + Math.floor(swapBytes);
      return [both, wanted('memory.memsw.limit_in_bytes', sum, swaps ? SWAP : undefined)];
    }
    case 'pids':
      return [needed('pids.max', limits.processes)];
    case 'cpu':
      return [
        ...(limits.cpus === null
          ? []
          : [needed('cpu.cfs_period_us', CPU_PERIOD_US), needed('cpu.cfs_quota_us', quota(limits.cpus))]),
        ...(limits.cpuWeight === EVERYBODYS ? [] : [needed('cpu.shares', shares(limits.cpuWeight))]),
      ];
    case 'io':
      if (limits.ioWeight === EVERYBODYS) return [];
      return ['blkio.bfq.weight', 'blkio.weight'].map((file) =>
        wanted(file, Math.max(10, Math.min(1000, limits.ioWeight)), IO_WEIGHT),
      );
    default:
      return [];
  }
}

/** The weight that every group has where nobody says otherwise, of CPUs and of disks. */
const EVERYBODYS = 100;

function needed(file: string, value: number | string): CgroupValue {
  return { file, value: String(value), optional: false };
}

function wanted(file: string, value: number | string, otherwise?: string): CgroupValue {
  const base = { file, value: String(value), optional: true };
  return otherwise === undefined ? base : { ...base, otherwise };
}

// v1 has 1024 where v2 has 100; 2 to 262144.
function shares(weight: number): number {
  return Math.max(2, Math.min(262_144, Math.round((weight * 1024) / EVERYBODYS)));
}

// At least one millisecond: the kernel refuses less.
function quota(cpus: number): number {
  return Math.max(1000, Math.round(cpus * CPU_PERIOD_US));
}
