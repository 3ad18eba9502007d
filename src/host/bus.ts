import { connect, type Socket } from 'node:net';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';

/**
 * A method call on a message bus, as far as this needs of the D-Bus specification (0.43): little-endian, no signals, no
 * descriptors.
 */
export interface BusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** D-Bus type signature of `body`. */
  readonly signature: string;
  readonly body: Buffer;
}

/**
 * Makes one call on the bus behind a Unix socket, as the user `uid`, and waits for its answer.
 * @throws PaddockError `host-lacks` when there is no bus, it does not answer in time, or it answers with an error.
 */
export async function callBus(socketPath: string, uid: number, call: BusCall): Promise<void> {
  const socket = connect(socketPath);
  socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`no answer in ${ANSWER_MS / 1000} seconds`)));
  const input = reader(socket);
  try {
    socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(uid)).toString('hex')}\r\n`);
    const answer = (await input.line()).trimEnd();
    if (!answer.startsWith('OK ')) throw new Error(`authentication: ${escapeText(answer, 100)}`);
    socket.write('BEGIN\r\n');
    socket.write(message(1, HELLO));
    await answerTo(1, input);
    socket.write(message(2, call));
    await answerTo(2, input);
  } catch (cause) {
    throw new PaddockError('host-lacks', 'the message bus of the user did not do what it was asked for', {
      where: socketPath,
      expected: `an answer to ${call.member}`,
      found: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  } finally {
    socket.destroy();
  }
}

/** Marshals values of a body: each method writes one value at its own alignment. */
export function marshal(): Marshaller {
  const parts: Buffer[] = [];
  let length = 0;
  const push = (bytes: Buffer): void => {
    parts.push(bytes);
    length += bytes.length;
  };
  const align = (to: number): void => push(Buffer.alloc((to - (length % to)) % to));
  const self: Marshaller = {
    byte(value) {
      push(Buffer.of(value));
      return self;
    },
    u32(value) {
      align(4);
      push(u32(value));
      return self;
    },
    string(text) {
      self.u32(Buffer.byteLength(text));
      push(Buffer.from(`${text}\0`));
      return self;
    },
    signature(text) {
      push(Buffer.from([text.length]));
      push(Buffer.from(`${text}\0`));
      return self;
    },
    struct() {
      align(8);
      return self;
    },
    // The length counts from the first element on, not the padding before it.
    array(alignment, write) {
      align(4);
      const place = u32(0);
      push(place);
      align(alignment);
      const start = length;
      write(self);
      place.writeUInt32LE(length - start);
      return self;
    },
    end: () => Buffer.concat(parts),
  };
  return self;
}

export interface Marshaller {
  byte(value: number): Marshaller;
  u32(value: number): Marshaller;
  string(text: string): Marshaller;
  signature(text: string): Marshaller;
  struct(): Marshaller;
  array(alignment: number, write: (to: Marshaller) => void): Marshaller;
  end(): Buffer;
}

const ANSWER_MS = 5000;
/** What a bus sends us is short; more is no bus. */
const MAX_MESSAGE_BYTES = 1 << 20;
const MAX_MESSAGES = 100;

const METHOD_CALL = 1;
const METHOD_RETURN = 2;
const ERROR = 3;
/** Header fields, with their types. */
const FIELDS = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  signature: 8,
} as const;

const BUS = 'org.freedesktop.DBus';
const HELLO: BusCall = {
  destination: BUS,
  path: '/org/freedesktop/DBus',
  interface: BUS,
  member: 'Hello',
  signature: '',
  body: Buffer.alloc(0),
};

function message(serial: number, call: BusCall): Buffer {
  const header = marshal().byte('l'.charCodeAt(0)).byte(METHOD_CALL).byte(0).byte(1);
  header.u32(call.body.length).u32(serial);
  header.array(8, (to) => {
    field(to, FIELDS.path, 'o', call.path);
    field(to, FIELDS.interface, 's', call.interface);
    field(to, FIELDS.member, 's', call.member);
    field(to, FIELDS.destination, 's', call.destination);
    if (call.signature !== '') to.struct().byte(FIELDS.signature).signature('g').signature(call.signature);
  });
  return Buffer.concat([header.struct().end(), call.body]);
}

function field(to: Marshaller, code: number, type: 'o' | 's', value: string): void {
  to.struct().byte(code).signature(type).string(value);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

interface Reader {
  line(): Promise<string>;
  bytes(length: number): Promise<Buffer>;
}

/** Whatever else comes (the signal that we have a name) is passed over. */
async function answerTo(serial: number, input: Reader): Promise<void> {
  for (let count = 0; count < MAX_MESSAGES; count++) {
    const { type, replySerial, errorName, body } = await receive(input);
    if (replySerial !== serial) continue;
    if (type === METHOD_RETURN) return;
    if (type === ERROR) throw new Error(escapeText(`${errorName}: ${firstString(body)}`, 300));
  }
  throw new Error('too many other messages');
}

interface Received {
  readonly type: number;
  readonly replySerial: number | undefined;
  readonly errorName: string;
  readonly body: Buffer;
}

async function receive(input: Reader): Promise<Received> {
  const fixed = await input.bytes(16);
  if (fixed[0] !== 'l'.charCodeAt(0)) throw new Error('a message that is not little-endian');
  const bodyLength = fixed.readUInt32LE(4);
  const fieldsLength = fixed.readUInt32LE(12);
  if (bodyLength + fieldsLength > MAX_MESSAGE_BYTES) throw new Error('a message that is too long');
  const fields = await input.bytes(Math.ceil(fieldsLength / 8) * 8);
  const body = await input.bytes(bodyLength);
  return { type: fixed[1] ?? 0, ...parseFields(fields.subarray(0, fieldsLength)), body };
}

/** Fields are structs of a byte and a variant; all the types that occur are known. */
function parseFields(fields: Buffer): Pick<Received, 'replySerial' | 'errorName'> {
  let replySerial: number | undefined;
  let errorName = '';
  for (let at = 0; at + 4 <= fields.length; at = Math.ceil(at / 8) * 8) {
    const code = fields[at];
    const type = String.fromCharCode(fields[at + 2] ?? 0);
    at += 4; // code, signature of one letter with its length and NUL
    if (type === 'u') {
      if (code === FIELDS.replySerial) replySerial = fields.readUInt32LE(at);
      at += 4;
    } else if (type === 's' || type === 'o') {
      const length = fields.readUInt32LE(at);
      if (code === FIELDS.errorName) errorName = fields.toString('utf8', at + 4, at + 4 + length);
      at += 4 + length + 1;
    } else if (type === 'g') at += (fields[at] ?? 0) + 2;
    else throw new Error('a header that is none');
  }
  return { replySerial, errorName };
}

function firstString(body: Buffer): string {
  if (body.length < 5) return '';
  return body.toString('utf8', 4, Math.min(body.length, 4 + body.readUInt32LE(0)));
}

function reader(socket: Socket): Reader {
  let held = Buffer.alloc(0);
  let failure: Error | undefined;
  let wake = (): void => {};
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk]);
    wake();
  });
  socket.on('error', (error) => {
    failure = error;
    wake();
  });
  socket.on('close', () => {
    failure ??= new Error('the connection was closed');
    wake();
  });
  async function take(length: () => number | undefined): Promise<Buffer> {
    for (;;) {
      const wanted = length();
      if (wanted !== undefined && held.length >= wanted) {
        const taken = held.subarray(0, wanted);
        held = held.subarray(wanted);
        return taken;
      }
      if (failure !== undefined) throw failure;
      if (held.length > 2 * MAX_MESSAGE_BYTES) throw new Error('a line that is too long');
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  return {
    bytes: (length) => take(() => length),
    line: async () => {
      const whole = (): number | undefined => {
        const end = held.indexOf('\n');
        return end < 0 ? undefined : end + 1;
      };
      return (await take(whole)).toString('latin1');
    },
  };
}
