import { join } from 'node:path';
import type { CgroupLeaf } from '../launch/plan.ts';
import {
  type KernelUnits,
  keyedNumber,
  type ProcessStat,
  type ProcFiles,
  parseCount,
  parsePids,
  readStat,
} from '../lib/proc.ts';
import { descendants } from './tree.ts';

/** What the processes of a session use at one moment. Sums over all of them. */
export interface Sample {
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** Anonymous and mapped file pages that are in memory. */
  readonly rssBytes: number;
  /** What the memory limit counts: the control group's figure (with page cache), else the same as `rssBytes`. */
  readonly memoryBytes: number;
  /** User and system time since the start, without processes that came and went between two samples when there is
   * no control group to count them. */
  readonly cpuMs: number;
  readonly processes: number;
  readonly threads: number;
  /** Storage traffic (read_bytes and write_bytes of proc_pid_io(5)); null where it may not be read. */
  readonly readBytes: number | null;
  readonly writeBytes: number | null;
  /** Processes that the kernel killed because the session reached its memory limit; null without a control group. */
  readonly memoryKills: number | null;
  /** How often the limit itself was struck, and not one of the machine or of a group above; null as before. */
  readonly memoryStrikes: number | null;
  /** The same for processes and threads that were one too many. */
  readonly processRefusals: number | null;
}

export interface SamplerOptions {
  readonly files: ProcFiles;
  readonly units: KernelUnits;
  /** Of the plan. Empty: /proc alone is looked at. */
  readonly leaves: readonly Pick<CgroupLeaf, 'path'>[];
  /** Process id of the gate. Everything below it is the session, orphans too: it is their subreaper. */
  readonly gate: number;
  /** A process of the gate's own below it, which is not the session's. */
  readonly init?: number;
}

/** What the control groups still tell when the program has ended, and nothing can be sampled any more. */
export interface Totals {
  readonly time: number;
  readonly memoryPeakBytes?: number;
  readonly tasksPeak?: number;
  readonly cpuMs?: number;
  readonly memoryKills?: number;
  readonly memoryStrikes?: number;
  /** How often a new process or thread was refused because there were as many as there may be. */
  readonly processRefusals?: number;
}

export interface Sampler {
  /** Undefined when no process of the session is left. */
  sample(time: number): Sample | undefined;
  /** Processes of the last sample. */
  pids(): readonly number[];
  /** For the end, before the control groups are removed. */
  totals(time: number): Totals;
}

/** A sampler of one session. What a process had used when it was last seen still counts when it has ended. */
export function createSampler(options: SamplerOptions): Sampler {
  const { files, units, leaves } = options;
  const ended: Usage = { ticks: 0, readBytes: 0, writeBytes: 0 };
  let seen = new Map<string, Usage>();
  let walk: readonly number[] = [];
  let round = 0;
  let last: readonly number[] = [];

  function members(): readonly number[] {
    const pids = membersOfLeaves(files, leaves);
    if (pids !== undefined) return pids;
    const found = descendants(files, options.gate, round++ % SCAN_EVERY === 0 ? undefined : walk);
    walk = found.filter((pid) => pid !== options.init);
    return walk;
  }

  return {
    pids: () => last,
    sample(time) {
      const pids = members();
      last = pids;
      if (pids.length === 0) return undefined;
      const processes = readProcesses(files, pids);
      seen = account(ended, seen, processes);
      return summarise(time, options, pids.length, processes, total(ended, seen), units, leaves);
    },
    totals(time) {
      const figures = readGroup(files, leaves, [...SOURCES, ...PEAKS]);
      const { memoryPeakBytes, tasksPeak, cpuMs, memoryKills, memoryStrikes, processRefusals } = figures;
      return {
        time,
        ...(memoryPeakBytes === undefined ? {} : { memoryPeakBytes }),
        ...(tasksPeak === undefined ? {} : { tasksPeak }),
        ...(cpuMs === undefined ? {} : { cpuMs: Math.round(cpuMs) }),
        ...(memoryKills === undefined ? {} : { memoryKills }),
        ...(memoryStrikes === undefined ? {} : { memoryStrikes }),
        ...(processRefusals === undefined ? {} : { processRefusals }),
      };
    },
  };
}

/** Read one by one; the rest of a larger session only counts in the figures of its control group. */
const MAX_PROCESSES = 256;
/** Without a control group and without `children` files all of /proc is searched: not at each sample. */
const SCAN_EVERY = 5;

interface Usage {
  ticks: number;
  readBytes: number | null;
  writeBytes: number | null;
}

interface Seen {
  readonly stat: ProcessStat;
  readonly usage: Usage;
}

function membersOfLeaves(files: ProcFiles, leaves: SamplerOptions['leaves']): number[] | undefined {
  for (const { path } of leaves) {
    const text = files.readText(join(path, 'cgroup.procs'));
    if (text !== undefined) return parsePids(text);
  }
  return undefined;
}

function readProcesses(files: ProcFiles, pids: readonly number[]): Seen[] {
  const found: Seen[] = [];
  for (const pid of pids.slice(0, MAX_PROCESSES)) {
    const stat = readStat(files, pid);
    if (stat === undefined) continue; // it has ended since
    const io = files.readText(`/proc/${pid}/io`) ?? '';
    const readBytes = keyedNumber(io, 'read_bytes') ?? null;
    const writeBytes = keyedNumber(io, 'write_bytes') ?? null;
    found.push({ stat, usage: { ticks: stat.ticks, readBytes, writeBytes } });
  }
  return found;
}

/** Moves what is gone into `ended`. A number that was given to another process is another process. */
function account(ended: Usage, before: ReadonlyMap<string, Usage>, now: readonly Seen[]): Map<string, Usage> {
  const after = new Map(now.map(({ stat, usage }) => [`${stat.pid} ${stat.startTime}`, usage]));
  for (const [name, usage] of before) if (!after.has(name)) Object.assign(ended, sum([ended, usage]));
  return after;
}

function total(ended: Usage, seen: ReadonlyMap<string, Usage>): Usage {
  const all = sum([ended, ...seen.values()]);
  // Nothing of what runs now may be read: then a figure would only be of the past.
  const readable = [...seen.values()].some(({ readBytes }) => readBytes !== null);
  return readable || seen.size === 0 ? all : { ...all, readBytes: null, writeBytes: null };
}

function sum(usages: readonly Usage[]): Usage {
  const of = (pick: (usage: Usage) => number | null): number =>
    usages.reduce((value, usage) => value + (pick(usage) ?? 0), 0);
  return {
    ticks: of(({ ticks }) => ticks),
    readBytes: of(({ readBytes }) => readBytes),
    writeBytes: of(({ writeBytes }) => writeBytes),
  };
}

function summarise(
  time: number,
  { files }: SamplerOptions,
  members: number,
  processes: readonly Seen[],
  usage: Usage,
  units: KernelUnits,
  leaves: SamplerOptions['leaves'],
): Sample {
  const pages = processes.reduce((value, { stat }) => value + stat.residentPages, 0);
  const threads = processes.reduce((value, { stat }) => value + stat.threads, 0);
  const group = readGroup(files, leaves);
  const rssBytes = group.rssBytes ?? pages * units.pageBytes;
  return {
    time,
    rssBytes,
    memoryBytes: group.memoryBytes ?? rssBytes,
    cpuMs: Math.round(group.cpuMs ?? (usage.ticks * 1000) / units.ticksPerSecond),
    processes: members,
    threads: group.tasks ?? threads,
    readBytes: usage.readBytes,
    writeBytes: usage.writeBytes,
    memoryKills: group.memoryKills ?? null,
    memoryStrikes: group.memoryStrikes ?? null,
    processRefusals: group.processRefusals ?? null,
  };
}

interface GroupFigures {
  memoryBytes?: number;
  rssBytes?: number;
  cpuMs?: number;
  tasks?: number;
  memoryKills?: number;
  memoryStrikes?: number;
  swapStrikes?: number;
  processRefusals?: number;
  memoryPeakBytes?: number;
  tasksPeak?: number;
}

/** One figure from the first file that has it: v2 and v1 have the same facts under different names and units. */
interface Source {
  readonly figure: keyof GroupFigures;
  readonly file: string;
  /** Absent: the file holds one number. Several: their sum. */
  readonly keys?: readonly string[];
  readonly factor?: number;
}

// Documentation/admin-guide/cgroup-v2.rst; cgroup-v1/memory.rst, cpuacct.rst. `cpu.stat` of v2 has the usage without
// any controller, so that a leaf of a hybrid host has it too; that of v1 has not.
const SOURCES: readonly Source[] = [
  { figure: 'memoryBytes', file: 'memory.current' },
  { figure: 'memoryBytes', file: 'memory.usage_in_bytes' },
  { figure: 'rssBytes', file: 'memory.stat', keys: ['anon', 'file_mapped'] },
  { figure: 'rssBytes', file: 'memory.stat', keys: ['total_rss', 'total_mapped_file'] },
  { figure: 'cpuMs', file: 'cpu.stat', keys: ['usage_usec'], factor: 1 / 1000 },
  { figure: 'cpuMs', file: 'cpuacct.usage', factor: 1 / 1_000_000 },
  { figure: 'tasks', file: 'pids.current' },
  { figure: 'processRefusals', file: 'pids.events', keys: ['max'] },
  { figure: 'memoryKills', file: 'memory.events', keys: ['oom_kill'] },
  { figure: 'memoryKills', file: 'memory.oom_control', keys: ['oom_kill'] },
  { figure: 'memoryStrikes', file: 'memory.events', keys: ['oom'] },
  { figure: 'memoryStrikes', file: 'memory.failcnt' },
  // Where no swap is allowed both limits are the same, and the kernel asks for this one first.
  { figure: 'swapStrikes', file: 'memory.memsw.failcnt' },
];

// memory.peak since Linux 5.19, pids.peak since 6.1; v1 has always had its own.
const PEAKS: readonly Source[] = [
  { figure: 'memoryPeakBytes', file: 'memory.peak' },
  { figure: 'memoryPeakBytes', file: 'memory.max_usage_in_bytes' },
  { figure: 'tasksPeak', file: 'pids.peak' },
];

function readGroup(
  files: ProcFiles,
  leaves: SamplerOptions['leaves'],
  sources: readonly Source[] = SOURCES,
): GroupFigures {
  const figures: GroupFigures = {};
  for (const { path } of leaves) {
    for (const { figure, file, keys, factor = 1 } of sources) {
      if (figures[figure] !== undefined) continue;
      const text = files.readText(join(path, file));
      if (text === undefined) continue;
      const value = keys === undefined ? parseCount(text) : sumOfKeys(text, keys);
      if (value !== undefined) figures[figure] = value * factor;
    }
  }
  const { memoryStrikes, swapStrikes = 0 } = figures;
  return memoryStrikes === undefined ? figures : { ...figures, memoryStrikes: memoryStrikes + swapStrikes };
}

function sumOfKeys(text: string, keys: readonly string[]): number | undefined {
  const values = keys.map((key) => keyedNumber(text, key));
  if (values.every((value) => value === undefined)) return undefined;
  return values.reduce<number>((value, next) => value + (next ?? 0), 0);
}
