import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import { isRunning, type ProcFiles } from '../lib/proc.ts';
import { sessionsDirectory } from './directory.ts';
import { EVENTS_FILE, RECORD_FILE } from './record.ts';
import { readMachine, SESSION_ID } from './start.ts';
import type { EventLine, Machine, SessionRecord } from './types.ts';

/**
 * `live`: a process of it runs. `ended`: its end was written. `crashed`: neither; the launcher was killed or the
 * machine went down. `elsewhere`: it belongs to another machine or container, whose processes cannot be seen from here.
 * `unreadable`: the record is not one.
 */
export type SessionState = 'live' | 'ended' | 'crashed' | 'elsewhere' | 'unreadable';

export interface SessionEntry {
  readonly id: string;
  readonly state: SessionState;
  readonly directory: string;
  readonly record?: SessionRecord;
  /** Why it is `unreadable`. */
  readonly fault?: string;
}

/** The newest sessions of a user, newest first; at most `limit`. A state directory that is not there has none. */
export function listSessions(stateDir: string, files: ProcFiles, limit = 10_000): SessionEntry[] {
  const sessions = sessionsDirectory(stateDir);
  const machine = readMachine(files);
  return sessionIds(stateDir)
    .sort()
    .reverse()
    .slice(0, limit)
    .map((id) => readEntry(join(sessions, id), id, machine, files));
}

/** Ids of all recorded sessions, in no order; no record is opened. */
export function sessionIds(stateDir: string): string[] {
  return namesIn(sessionsDirectory(stateDir)).filter((name) => SESSION_ID.test(name));
}

/**
 * The whole lines of an `events.jsonl`: one that was not ended by a line feed was being written, and is left out.
 * @throws PaddockError `malformed` for a line that is not an event, or whose number is not the next one.
 */
export function parseEvents(text: string): EventLine[] {
  const end = text.lastIndexOf('\n');
  if (end < 0) return [];
  return text
    .slice(0, end)
    .split('\n')
    .map((line, index) => parseLine(line, index));
}

/** Reads the events of one session; files of up to 96 MiB. @throws PaddockError `io`, `malformed` */
export function readEvents(directory: string): EventLine[] {
  const path = join(directory, EVENTS_FILE);
  const text = readSmall(path, MAX_EVENTS_BYTES);
  if (text === undefined) {
    throw new PaddockError('io', 'the events of the session cannot be read', { where: path });
  }
  return parseEvents(text);
}

/** What a text of `session.json` says; undefined if it is not a record of ours. */
export function parseRecord(text: string): SessionRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // cut off, or not ours
  }
  if (!isRecord(value) || value.format !== 'paddock-session' || value.version !== 1) return undefined;
  const { id, started, file, verdict, plan, host, launcher, end, running } = value;
  const whole =
    hasTexts({ id, started }, ['id', 'started']) &&
    hasTexts(file, ['path']) &&
    hasTexts(verdict, ['standing', 'tier']) &&
    isPlan(plan) &&
    hasTexts(host, ['hostname', 'bootId', 'pidNamespace']) &&
    isProcess(launcher) &&
    (running === undefined || (isRecord(running) && isProcess(running.child))) &&
    (end === undefined || isEnd(end));
  return whole ? (value as unknown as SessionRecord) : undefined;
}

/** Those that are shown. Records of earlier releases lack some of the others. */
const PEAKS = ['memoryBytes', 'processes', 'threads', 'cpus', 'cpuMs'] as const;
const MAX_RECORD_BYTES = 4 << 20;
const MAX_EVENTS_BYTES = 96 << 20;

function readEntry(directory: string, id: string, machine: Machine, files: ProcFiles): SessionEntry {
  const text = readSmall(join(directory, RECORD_FILE), MAX_RECORD_BYTES);
  if (text === undefined) return { id, directory, state: 'unreadable', fault: `no ${RECORD_FILE}` };
  const record = parseRecord(text);
  if (record === undefined || record.id !== id) {
    return { id, directory, state: 'unreadable', fault: `${RECORD_FILE} is not a record of this session` };
  }
  return { id, directory, record, state: stateOf(record, machine, files) };
}

function stateOf(record: SessionRecord, machine: Machine, files: ProcFiles): SessionState {
  if (record.end !== undefined) return 'ended';
  const { host, launcher, running } = record;
  if (host.hostname !== machine.hostname) return 'elsewhere';
  if (host.bootId !== machine.bootId) return 'crashed'; // this machine was started again since
  if (host.pidNamespace !== machine.pidNamespace) return 'elsewhere';
  const processes = [launcher, running?.gate, running?.child];
  return processes.some((one) => one !== undefined && isRunning(files, one)) ? 'live' : 'crashed';
}

function parseLine(line: string, index: number): EventLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw badLine(index, 'not JSON', cause);
  }
  if (!hasTexts(value, ['time', 'event'])) throw badLine(index, 'not an event');
  if (value.seq !== index) throw badLine(index, `number ${String(value.seq).slice(0, 20)}`);
  return value as EventLine;
}

function badLine(index: number, found: string, cause?: unknown): PaddockError {
  return new PaddockError('malformed', 'the events of the session are damaged', {
    where: `${EVENTS_FILE}:${index + 1}:1`,
    expected: `one JSON object a line, number ${index}`,
    found,
    ...(cause === undefined ? {} : { cause }),
  });
}

// Never through a link, and never more than `limit` bytes: undefined then.
function readSmall(path: string, limit: number): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined; // not there, or not ours to read
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > limit) return undefined;
    const bytes = Buffer.alloc(stats.size);
    let done = 0;
    for (let got = 1; got > 0 && done < bytes.length; done += got) {
      got = readSync(fd, bytes, done, bytes.length - done, done);
    }
    return bytes.toString('utf8', 0, done);
  } finally {
    closeSync(fd);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new PaddockError('io', 'the records of sessions cannot be read', { where: folder, cause });
  }
}

type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasTexts(value: unknown, keys: readonly string[]): value is Fields {
  return isRecord(value) && keys.every((key) => typeof value[key] === 'string');
}

function isPlan(value: unknown): boolean {
  const texts = (list: unknown): boolean =>
    Array.isArray(list) && list.every((item) => typeof item === 'string');
  if (!isRecord(value) || !texts(value.argv) || !texts(value.cgroups) || !texts(value.missing)) return false;
  const { network } = value;
  if (!hasTexts(network, ['mode']) || !(network.connect === undefined || texts(network.connect)))
    return false;
  return network.mode === 'none' || (typeof network.address === 'string' && typeof network.port === 'number');
}

function isProcess(value: unknown): boolean {
  return isRecord(value) && Number.isSafeInteger(value.pid) && Number.isSafeInteger(value.startTime);
}

function isEnd(value: unknown): boolean {
  if (!hasTexts(value, ['time']) || typeof value.durationMs !== 'number') return false;
  const { peaks, labels, result } = value;
  const figures = isRecord(peaks) && PEAKS.every((name) => typeof peaks[name] === 'number');
  const counts =
    isRecord(labels) && Object.values(labels).every((one) => isRecord(one) && typeof one.denied === 'number');
  return figures && counts && hasTexts(result, ['kind']);
}
