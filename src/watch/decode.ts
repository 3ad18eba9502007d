import { PaddockError } from '../lib/errors.ts';
import { asUntrusted, escapeText, type Untrusted } from '../lib/text.ts';
import type { GateEvent } from './events.ts';

/** Longest line that the gate writes, with room to spare; bytes. */
export const MAX_LINE_BYTES = 64 << 10;

/**
 * A decoder of the gate's event stream. Each chunk gives the events that it completes, one by one, so that those
 * before a malformed line are handled before the error is thrown. Call with no chunk when the stream has ended.
 * @throws PaddockError `gate-failed` while iterating: a line is malformed, too long, or not ended at the end. From
 * then on every call throws it again: after a fault nothing that follows is believed.
 */
export function eventDecoder(): (chunk?: Uint8Array) => Iterable<GateEvent> {
  let rest: Uint8Array[] = [];
  let restLength = 0;
  let fault: PaddockError | undefined;

  function keep(piece: Uint8Array): void {
    if (restLength + piece.length > MAX_LINE_BYTES) {
      throw malformed(`a line longer than ${MAX_LINE_BYTES} bytes`, Buffer.concat([...rest, piece]));
    }
    // A copy: a small piece must not keep the whole chunk in memory.
    if (piece.length > 0) rest.push(Uint8Array.from(piece));
    restLength += piece.length;
  }

  function take(piece: Uint8Array): Buffer {
    keep(piece);
    const line = Buffer.concat(rest, restLength);
    rest = [];
    restLength = 0;
    return line;
  }

  function* decode(chunk: Uint8Array | undefined): Generator<GateEvent> {
    if (chunk === undefined) {
      if (restLength > 0) throw malformed('the stream ends within a line', Buffer.concat(rest));
      return;
    }
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = take(chunk.subarray(start, end));
      start = end + 1;
      yield decodeLine(line);
    }
    keep(chunk.subarray(start));
  }

  return function* decodeUntilFault(chunk) {
    if (fault !== undefined) throw fault;
    try {
      yield* decode(chunk);
    } catch (cause) {
      if (cause instanceof PaddockError) fault = cause;
      throw cause;
    }
  };
}

const NEWLINE = 10;
const MAX_ARGS = 16;
const MAX_LABEL = 64;
const ANSWERS = ['continued', 'emulated', 'denied'] as const;

type Fields = Readonly<Record<string, unknown>>;

/** One line without its line feed. Fields that are not part of the contract are left behind. */
function decodeLine(line: Buffer): GateEvent {
  const fields = parseObject(line);
  const read = new Reader(fields, line);
  const time = read.number('time', 0);
  switch (fields.event) {
    case 'started':
      return {
        event: 'started',
        time,
        child: read.number('child', 1),
        ...(fields.init === undefined ? {} : { init: read.number('init', 1) }),
      };
    case 'failed':
      return {
        event: 'failed',
        time,
        operation: read.text('operation'),
        errno: read.number('errno', 0),
        detail: read.text('detail'),
      };
    case 'call':
      return call(read, time);
    case 'dropped':
      return { event: 'dropped', time, count: read.number('count', 0) };
    case 'disturbed':
      return { event: 'disturbed', time };
    case 'stopped':
    case 'continued':
      return { event: fields.event, time, signal: read.number('signal', 0) };
    case 'exited':
      return exited(read, time);
    case 'finished':
      return { event: 'finished', time, killed: read.number('killed', 0) };
    default:
      throw malformed('an event of an unknown name', line);
  }
}

function call(read: Reader, time: number): GateEvent {
  const answer = ANSWERS.find((one) => one === read.fields.answer);
  if (answer === undefined) throw malformed('a call without a known answer', read.line);
  const { target, granted } = read.fields;
  if (granted !== undefined && typeof granted !== 'boolean') throw malformed('granted', read.line);
  const label = read.text('label');
  if (!/^[a-z0-9_-]+$/.test(label) || label.length > MAX_LABEL) throw malformed('label', read.line);
  return {
    event: 'call',
    time,
    pid: read.number('pid', 0),
    label,
    nr: read.number('nr', -1),
    arch: read.number('arch', 0),
    answer,
    errno: read.number('errno', 0),
    ...(target === undefined ? {} : { target: read.text('target') }),
    ...(granted === undefined ? {} : { granted }),
    args: read.texts('args'),
  };
}

function exited(read: Reader, time: number): GateEvent {
  const { code, signal } = read.fields;
  if ((code === undefined) === (signal === undefined)) {
    throw malformed('an end without exactly one of code and signal', read.line);
  }
  return code === undefined
    ? { event: 'exited', time, signal: read.number('signal', 1) }
    : { event: 'exited', time, code: read.number('code', 0) };
}

class Reader {
  readonly fields: Fields;
  readonly line: Buffer;

  constructor(fields: Fields, line: Buffer) {
    this.fields = fields;
    this.line = line;
  }

  number(key: string, lowest: number): number {
    const value = this.fields[key];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < lowest) {
      throw malformed(key, this.line);
    }
    return value;
  }

  text(key: string): Untrusted {
    const value = this.fields[key];
    if (typeof value !== 'string') throw malformed(key, this.line);
    return asUntrusted(value);
  }

  texts(key: string): string[] {
    const value = this.fields[key];
    if (!Array.isArray(value) || value.length > MAX_ARGS) throw malformed(key, this.line);
    return value.map((item: unknown) => {
      if (typeof item !== 'string') throw malformed(key, this.line);
      return item;
    });
  }
}

function parseObject(line: Buffer): Fields {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('latin1'));
  } catch (cause) {
    throw malformed('not JSON', line, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed('not an object', line);
  }
  return value as Fields;
}

function malformed(what: string, line: Buffer, cause?: unknown): PaddockError {
  return new PaddockError('gate-failed', `an event of paddock-gate is malformed: ${what}`, {
    expected: 'one JSON object a line, as src/watch/events.ts describes',
    found: escapeText(line.toString('latin1', 0, 200), 160),
    remedy: 'build paddock-gate and paddock from the same release: npm rebuild llama-paddock',
    ...(cause === undefined ? {} : { cause }),
  });
}
