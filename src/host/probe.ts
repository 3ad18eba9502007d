import { execFileSync } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import * as v from 'valibot';
import type { HostAbilities } from '../launch/plan.ts';
import { PaddockError } from '../lib/errors.ts';
import { discoverCgroups } from './cgroups.ts';

const GateProbe = v.object({
  landlockAbi: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)),
  landlockErrata: v.optional(v.number()),
  seccompFilter: v.boolean(),
  seccompNotify: v.boolean(),
  notifySizes: v.optional(v.array(v.number())),
  pidfdGetfd: v.boolean(),
  closeRange: v.optional(v.boolean()),
  executeCheck: v.optional(v.boolean()),
  userNamespaces: v.boolean(),
  namespaces: v.boolean(),
  namespacesStep: v.optional(v.pipe(v.string(), v.maxLength(256))),
  namespacesErrno: v.optional(v.pipe(v.number(), v.integer())),
  noNewPrivileges: v.boolean(),
  kernel: v.pipe(v.string(), v.maxLength(256)),
  architecture: v.pipe(v.string(), v.maxLength(64)),
});

/** What `paddock-gate --probe` tried on this host. */
export type GateProbe = v.InferOutput<typeof GateProbe>;

/** What the host can enforce: tried by the gate in processes of its own, and read from /proc and /sys. */
export function probeHost(gate: string, uid: number): HostAbilities {
  return abilities(runProbe(gate), {
    uid,
    cgroup: readText('/proc/self/cgroup'),
    mounts: readText('/proc/self/mountinfo'),
    meminfo: readText('/proc/meminfo'),
    limits: readText('/proc/self/limits'),
    affinity: readText('/proc/self/status'),
    nice: getPriority(),
    writable,
    read: readSmall,
    userTasks: () => countTasks(uid),
  });
}

/** Where control groups can be made now: after this process was moved, elsewhere than before. */
export function currentCgroups(): HostAbilities['cgroup'] {
  const [own, mounts] = [readText('/proc/self/cgroup'), readText('/proc/self/mountinfo')];
  return discoverCgroups({ own, mounts, writable, read: readSmall });
}

/** Texts of /proc, and the questions about the file system that they lead to. */
export interface HostFacts {
  readonly uid: number;
  readonly cgroup: string;
  readonly mounts: string;
  readonly meminfo: string;
  readonly limits: string;
  /** /proc/self/status: the CPUs that we may use. */
  readonly affinity: string;
  readonly nice: number;
  writable(path: string): boolean;
  read(path: string): string | undefined;
  userTasks(): number;
}

/** The same from given facts. */
export function abilities(probe: GateProbe, facts: HostFacts): HostAbilities {
  const cgroup = discoverCgroups({
    own: facts.cgroup,
    mounts: facts.mounts,
    writable: facts.writable,
    read: facts.read,
  });
  return {
    architecture: ARCHITECTURES[probe.architecture] ?? 'other',
    kernel: probe.kernel,
    landlockAbi: probe.landlockAbi,
    seccompFilter: probe.seccompFilter && probe.noNewPrivileges,
    // The supervisor takes the listener over with pidfd_getfd.
    seccompNotify: probe.seccompNotify && probe.pidfdGetfd,
    cgroup,
    userNamespaces: probe.userNamespaces,
    namespaces: {
      works: probe.namespaces,
      ...(probe.namespacesStep === undefined ? {} : { step: probe.namespacesStep }),
      ...(probe.namespacesErrno === undefined ? {} : { errno: probe.namespacesErrno }),
    },
    memoryBytes: meminfo(facts.meminfo, 'MemTotal'),
    swapBytes: meminfo(facts.meminfo, 'SwapTotal'),
    cpus: allowedCpus(facts.affinity).length,
    cpuNumbers: allowedCpus(facts.affinity),
    nice: facts.nice,
    uid: facts.uid,
    hardLimits: hardLimits(facts.limits),
    ...(cgroup.controllers.includes('pids') ? {} : { userTasks: facts.userTasks() }),
  };
}

/**
 * The gate's own words, checked.
 * @throws PaddockError `gate-missing` when they are not what a gate says.
 */
export function parseProbe(text: string): GateProbe {
  try {
    return v.parse(GateProbe, JSON.parse(text));
  } catch (cause) {
    throw new PaddockError('gate-missing', 'paddock-gate does not answer as it should', {
      expected: 'one JSON object with what the host can enforce',
      found: cause instanceof Error ? cause.message.slice(0, 200) : 'something else',
      remedy: 'build it again: `npm rebuild llama-paddock`',
      cause,
    });
  }
}

const ARCHITECTURES: Readonly<Record<string, HostAbilities['architecture']>> = {
  x86_64: 'x86-64',
  aarch64: 'aarch64',
};

/** Names in /proc/self/limits of the limits that a plan sets, with their RLIMIT numbers. */
const LIMIT_NAMES: readonly [string, number][] = [
  ['Max file size', 1],
  ['Max data size', 2],
  ['Max core file size', 4],
  ['Max processes', 6],
  ['Max open files', 7],
  ['Max pending signals', 11],
  ['Max msgqueue size', 12],
  ['Max nice priority', 13],
  ['Max realtime priority', 14],
];

const PROBE_MS = 10_000;
/** More tasks than this are not counted: the fallback limit is then as wide as it can sensibly be. */
const MAX_PROCESSES = 100_000;

function runProbe(gate: string): GateProbe {
  try {
    const options = { env: {}, encoding: 'utf8', timeout: PROBE_MS, maxBuffer: 65_536 } as const;
    return parseProbe(execFileSync(gate, ['--probe'], { ...options, stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('gate-missing', 'paddock-gate could not look at this host', {
      where: gate,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'build it again: `npm rebuild llama-paddock`',
      cause,
    });
  }
}

function meminfo(text: string, key: 'MemTotal' | 'SwapTotal'): number {
  const line = text.split('\n').find((one) => one.startsWith(`${key}:`));
  const kib = Number(/^\w+:\s+(\d+) kB$/.exec(line ?? '')?.[1] ?? 0);
  return Number.isSafeInteger(kib * 1024) ? kib * 1024 : 0;
}

/** As many as Linux is built for. */
const MAX_CPUS = 8192;

// "Cpus_allowed_list:	0-3,8": what a container or taskset left us.
function allowedCpus(status: string): number[] {
  const list = /^Cpus_allowed_list:\s+([\d,-]+)$/m.exec(status)?.[1] ?? '0';
  const numbers = list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: Math.min(MAX_CPUS, Math.max(0, last - first + 1)) }, (_, at) => first + at);
  });
  const allowed = numbers.filter((number) => number < MAX_CPUS);
  return allowed.length === 0 ? [0] : allowed;
}

function hardLimits(text: string): Record<number, bigint> {
  const limits: Record<number, bigint> = {};
  for (const [name, resource] of LIMIT_NAMES) {
    const line = text.split('\n').find((one) => one.startsWith(name));
    const hard = line?.slice(name.length).trim().split(/\s+/)[1];
    if (hard !== undefined && /^\d{1,20}$/.test(hard)) limits[resource] = BigInt(hard);
  }
  return limits;
}

function countTasks(uid: number): number {
  let tasks = 0;
  for (const name of readdirSync('/proc').slice(0, MAX_PROCESSES)) {
    if (!/^\d+$/.test(name)) continue;
    const status = readSmall(`/proc/${name}/status`); // undefined: it has ended meanwhile
    if (status === undefined || Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? -1) !== uid) continue;
    tasks += Number(/^Threads:\s+(\d+)$/m.exec(status)?.[1] ?? 1);
  }
  return tasks;
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK); // EROFS for a read-only mount, too
    return true;
  } catch {
    return false; // that is the answer
  }
}

function readText(path: string): string {
  return readSmall(path) ?? '';
}

function readSmall(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // absent on this host, or ended meanwhile
  }
}
