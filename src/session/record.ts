import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import type { ProcessName } from '../lib/proc.ts';
import { makeSessionDirectory } from './directory.ts';
import type { SessionEnd, SessionRecord, SessionStart } from './types.ts';

/** The record of one session while it is written. Every method throws PaddockError `io` when it cannot be kept. */
export interface SessionWriter {
  readonly directory: string;
  readonly eventsFile: string;
  /** Appends one line. `time` is in milliseconds since the epoch. Lines that are not vital end at 64 MiB. */
  append(time: number, entry: Entry, vital?: boolean): void;
  /** The fence is up. */
  running(child: ProcessName, gate: ProcessName | undefined): void;
  /** Writes the end and closes. `durable`: not before both files are on the disk. */
  end(end: SessionEnd, durable: boolean): SessionRecord;
}

export type Entry = { readonly event: string } & Readonly<Record<string, unknown>>;

export const RECORD_FILE = 'session.json';
export const EVENTS_FILE = 'events.jsonl';

/**
 * Makes the session's directory and both files, none of which may be there already.
 * @throws PaddockError `io`
 */
export function createSession(stateDir: string, uid: number, start: SessionStart): SessionWriter {
  const directory = makeSessionDirectory(stateDir, start.id, uid);
  const eventsFile = join(directory, EVENTS_FILE);
  let record: SessionRecord = { format: 'paddock-session', version: 1, ...start };
  const lines = guarded(eventsFile, () => openLines(eventsFile));
  const save = (durable: boolean): void =>
    guarded(join(directory, RECORD_FILE), () => replace(directory, record, durable));
  const append = (time: number, entry: Entry, vital = false): void =>
    guarded(eventsFile, () => lines.append(time, entry, vital));

  save(false);
  append(Date.parse(start.started), { event: 'session', format: 'paddock-events', version: 1, id: start.id });
  return {
    directory,
    eventsFile,
    append,
    running(child, gate) {
      record = { ...record, running: gate === undefined ? { child } : { child, gate } };
      save(false);
    },
    end(end, durable) {
      record = { ...record, end };
      append(Date.parse(end.time), { event: 'end', result: end.result }, true);
      guarded(eventsFile, () => lines.close(durable));
      save(durable);
      return record;
    },
  };
}

/** JSON whose text is printable ASCII: what a program put into a path must not reach the terminal of who reads it. */
export function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\x7f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A program that is refused without end must not fill the disk with it. */
const MAX_LINES_BYTES = 64 << 20;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

interface Lines {
  append(time: number, entry: Entry, vital: boolean): void;
  close(durable: boolean): void;
}

function openLines(path: string): Lines {
  const fd = openSync(path, NEW_FILE | constants.O_APPEND, 0o600);
  let seq = 0;
  let bytes = 0;
  let full = false;

  function put(time: number, entry: Entry): void {
    const line = Buffer.from(
      `${safeJson({ seq, time: new Date(time).toISOString(), ...entry })}\n`,
      'latin1',
    );
    const written = writeSync(fd, line);
    if (written < line.length) {
      // A full disk took the head of the line: without it the file is whole again.
      ftruncateSync(fd, bytes);
      throw new Error(`only ${written} of ${line.length} bytes could be written`);
    }
    bytes += line.length;
    seq++;
  }

  return {
    append(time, entry, vital) {
      if (!vital && bytes > MAX_LINES_BYTES) {
        if (!full) put(time, { event: 'full', message: 'later calls and samples are counted, not recorded' });
        full = true;
        return;
      }
      put(time, entry);
    },
    close(durable) {
      if (durable) fdatasyncSync(fd);
      closeSync(fd);
    },
  };
}

/** Under another name first: a reader sees the old record or the new one, never half of either. */
function replace(directory: string, record: SessionRecord, durable: boolean): void {
  const path = join(directory, RECORD_FILE);
  const next = `${path}.new`;
  rmSync(next, { force: true });
  const fd = openSync(next, NEW_FILE, 0o600);
  try {
    const text = Buffer.from(`${safeJson(record, 2)}\n`, 'latin1');
    for (let done = 0; done < text.length; ) done += writeSync(fd, text, done);
    if (durable) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(next, path);
}

function guarded<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw new PaddockError('io', 'the record of the session cannot be written', {
      where: path,
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'free space on that disk, or point XDG_STATE_HOME to a directory of yours',
      cause,
    });
  }
}
