import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

/** Reads small text files of /proc and of control groups. Tests put recorded text in its place. */
export interface ProcFiles {
  /** Bytes as latin1; undefined when the file is not there, may not be read, or its process has ended. */
  readText(path: string): string | undefined;
  /** Names in a directory; undefined as above. */
  list(path: string): readonly string[] | undefined;
  /** What a symbolic link says; undefined as above. */
  readLink(path: string): string | undefined;
}

/** The machine's own files. A read ends after 1 MiB: process lists of larger sessions are cut there. */
export const PROC_FILES: ProcFiles = { readText, list, readLink };

/** What /proc/PID/stat tells of a process (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly pid: number;
  /** One letter: R, S, D, Z … */
  readonly state: string;
  readonly ppid: number;
  /** User and system time of the process itself, without children; clock ticks. */
  readonly ticks: number;
  readonly threads: number;
  /** Clock ticks after boot. With the process id it names one process for as long as the machine is up. */
  readonly startTime: number;
  /** Resident pages. */
  readonly residentPages: number;
}

/**
 * Reads the text of /proc/PID/stat; undefined for anything else. The name of the program, in parentheses, may itself
 * contain parentheses, blanks and line breaks: only the last `)` ends it, as nothing but numbers follows.
 */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf(' (');
  const close = text.lastIndexOf(')');
  if (open < 1 || close < open) return undefined;
  const [state = '', ...rest] = text.slice(close + 2).split(' ', FIELDS);
  const field = (number: number): number => count(rest[number - FIRST_NUMBER]) ?? Number.NaN;
  const stat = {
    pid: count(text.slice(0, open)) ?? Number.NaN,
    state,
    ppid: field(4),
    ticks: field(14) + field(15),
    threads: field(20),
    startTime: field(22),
    residentPages: field(24),
  };
  const numbers = Object.values(stat).filter((value) => typeof value === 'number');
  return /^[A-Za-z]$/.test(state) && numbers.every(Number.isSafeInteger) ? stat : undefined;
}

// Numbered as in the manual, from 1; the state is the third, the resident set the 24th.
const FIRST_NUMBER = 4;
const FIELDS = 24;

/** The value of "key: 12" or "key 12" in texts such as /proc/PID/io, cpu.stat and memory.stat; undefined if absent. */
export function keyedNumber(text: string, key: string): number | undefined {
  for (const line of text.split('\n')) {
    if (!line.startsWith(key)) continue;
    const rest = line.slice(key.length);
    const found = /^:?\s+(\d+)(?:\s|$)/.exec(rest);
    if (found !== null) return count(found[1]);
  }
  return undefined;
}

/** Positive integers separated by white space, as in cgroup.procs and `children`; anything else is left out. */
export function parsePids(text: string): number[] {
  const pids: number[] = [];
  for (const word of text.split(/\s+/)) {
    const pid = count(word);
    if (pid !== undefined && pid > 0) pids.push(pid);
  }
  return pids;
}

/** "max", "12\n" → undefined, 12. */
export function parseCount(text: string | undefined): number | undefined {
  return count(text?.trim());
}

/** One process for as long as the machine is up. */
export interface ProcessName {
  readonly pid: number;
  readonly startTime: number;
}

/** Names a running process; undefined when there is none with this number. */
export function nameProcess(files: ProcFiles, pid: number): ProcessName | undefined {
  const stat = readStat(files, pid);
  return stat === undefined ? undefined : { pid, startTime: stat.startTime };
}

/** Whether that very process still runs: a zombie, or another process with its number, does not count. */
export function isRunning(files: ProcFiles, { pid, startTime }: ProcessName): boolean {
  const stat = readStat(files, pid);
  return stat !== undefined && stat.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X';
}

/** Reads and parses /proc/PID/stat. */
export function readStat(files: ProcFiles, pid: number): ProcessStat | undefined {
  const text = files.readText(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Sizes that the kernel counts in. */
export interface KernelUnits {
  readonly pageBytes: number;
  readonly ticksPerSecond: number;
}

/** From the latin1 text of /proc/self/auxv on a 64-bit machine: AT_PAGESZ 6, AT_CLKTCK 17 (getauxval(3)). */
export function parseAuxv(text: string | undefined): KernelUnits {
  const bytes = Buffer.from(text ?? '', 'latin1');
  const values = new Map<bigint, number>();
  for (let at = 0; at + 16 <= bytes.length; at += 16) {
    values.set(bytes.readBigUInt64LE(at), Number(bytes.readBigUInt64LE(at + 8)));
  }
  const within = (key: bigint, highest: number, otherwise: number): number => {
    const value = values.get(key) ?? 0;
    return value >= 1 && value <= highest ? value : otherwise;
  };
  return { pageBytes: within(6n, 1 << 20, 4096), ticksPerSecond: within(17n, 10_000, 100) };
}

function count(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

const MAX_TEXT_BYTES = 1 << 20;
const CHUNK_BYTES = 1 << 14;

// Files of /proc have no size, so they are read until they end.
function readText(path: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined; // not there, not ours, or no descriptor free: there is nothing to see now
  }
  try {
    let text = '';
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    while (text.length < MAX_TEXT_BYTES) {
      const got = readSync(fd, chunk, 0, CHUNK_BYTES, null);
      if (got === 0) break;
      text += chunk.toString('latin1', 0, got);
    }
    return text;
  } catch {
    return undefined; // the process ended between open and read
  } finally {
    closeSync(fd);
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // as above
  }
}

function list(path: string): readonly string[] | undefined {
  try {
    return readdirSync(path);
  } catch {
    return undefined; // as above
  }
}
