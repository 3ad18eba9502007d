import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { PaddockError } from '../lib/errors.ts';
import type { Sink } from '../policy/policy.ts';
import { type Entry, type SessionWriter, safeJson } from './record.ts';

/** A log of the host to which lines of the record go, too. */
export interface OpenSink {
  /** One line; throws when it cannot be passed on. */
  write(line: string): void;
  /** Resolves when the log has taken everything, or after two seconds. */
  close(): Promise<void>;
}

/** How a log is reached: a tool of the system that takes lines on its standard input. */
export interface SinkTool {
  /** Where the service listens; without it the tool would have nobody to speak to. */
  readonly socket: string;
  /** The first that is there is used; never looked for in PATH. */
  readonly programs: readonly string[];
  readonly args: readonly string[];
}

/** systemd-cat(1), logger(1). */
export const SINK_TOOLS: Readonly<Record<Sink, SinkTool>> = {
  journal: {
    socket: '/run/systemd/journal/stdout',
    programs: ['/usr/bin/systemd-cat', '/bin/systemd-cat'],
    args: ['--identifier=paddock', '--priority=notice', '--level-prefix=false'],
  },
  syslog: {
    socket: '/dev/log',
    programs: ['/usr/bin/logger', '/bin/logger'],
    args: ['--tag', 'paddock', '--priority', 'user.notice', '--size', '16KiB', '--socket-errors=on'],
  },
};

/**
 * Starts what passes lines on. Each is in a process group of its own, so that Ctrl-C does not take the end of the record
 * from it, and ends with its input.
 * @param missing is told of a log that is not there; without it that is an error.
 * @throws PaddockError `host-lacks` for a log that is not there.
 */
export async function openSinks(
  names: readonly Sink[],
  missing?: (failure: PaddockError) => void,
  tools: Readonly<Record<Sink, SinkTool>> = SINK_TOOLS,
): Promise<OpenSink[]> {
  const found = names.flatMap((name) => {
    const program = programOf(name, tools[name]);
    if (!(program instanceof PaddockError)) return [{ name, program, tool: tools[name] }];
    if (missing === undefined) throw program;
    missing(program);
    return [];
  });
  const { execa } = await import('execa');
  return found.map(({ name, program, tool }) => {
    const child = execa(program, tool.args, {
      stdin: 'pipe',
      stdout: 'ignore',
      stderr: 'ignore',
      detached: true,
      cleanup: false,
      reject: false,
      cwd: '/',
      env: {},
      extendEnv: false,
    });
    return throughInput(
      name,
      child.stdin,
      child.then(() => undefined),
    );
  });
}

function programOf(name: Sink, { socket, programs }: SinkTool): string | PaddockError {
  const program = programs.find((path) => existsSync(path));
  if (program !== undefined && existsSync(socket)) return program;
  return new PaddockError('host-lacks', `the ${name} cannot be written on this host`, {
    expected: `${programs[0]} and ${socket}`,
    found: program === undefined ? `no ${programs[0]}` : `no ${socket}`,
    remedy: `start the service, or take ${name} from \`audit.sinks\` of the policy`,
  });
}

const CLOSE_MS = 2000;
/** More than this waiting, and the log has stopped reading. */
const MAX_WAITING_BYTES = 1 << 20;

function throughInput(name: Sink, input: Writable, ended: Promise<void>): OpenSink {
  let gone = false;
  input.on('error', () => {
    gone = true; // told by the next write
  });
  void ended.then(() => {
    gone = true;
  });
  return {
    write(line) {
      if (gone) throw new Error(`what passes lines on to the ${name} has ended`);
      if (input.writableLength > MAX_WAITING_BYTES)
        throw new Error(`the ${name} does not take lines any more`);
      input.write(`${line}\n`);
    },
    async close() {
      input.end();
      const late = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref());
      await Promise.race([ended, late]);
    },
  };
}

/** The same writer, with every line but the samples in the logs of the host, too. They name the session. */
export function mirrored(writer: SessionWriter, id: string, sinks: readonly OpenSink[]): SessionWriter {
  if (sinks.length === 0) return writer;
  const mirror = (time: number, entry: Entry): void => {
    if (entry.event === 'sample') return;
    const line = safeJson({ session: id, time: new Date(time).toISOString(), ...entry });
    for (const sink of sinks) sink.write(line);
  };
  return {
    ...writer,
    append(time, entry, vital) {
      writer.append(time, entry, vital);
      mirror(time, entry);
    },
    end(end, durable) {
      const record = writer.end(end, durable);
      mirror(Date.parse(end.time), { event: 'end', result: end.result });
      return record;
    },
  };
}
