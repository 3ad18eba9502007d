import { PaddockError } from '../lib/errors.ts';

/**
 * The operations that paddock-gate executes, in order. The wire format is in `src/gate/protocol.h`; both sides must
 * agree. Everything before `fork` is done by the supervisor, everything after it by the child.
 */
export type Operation =
  // ── supervisor ──
  | { readonly op: 'subreaper' }
  /** New sealed memfd with these bytes; later operations name it by slot (0 to 7). */
  | { readonly op: 'memfd'; readonly slot: number; readonly name: string; readonly content: Uint8Array }
  /** A cgroup directory made by the launcher: how to kill, freeze and finally remove it. */
  | { readonly op: 'cgroup'; readonly kind: 'v2' | 'v1-freezer' | 'v1'; readonly path: string }
  /** What to answer when this system call is notified. First match by (foreign, nr). */
  | {
      readonly op: 'answer';
      readonly nr: number; // -1 matches every number; used for foreign architectures
      readonly foreign: boolean; // true: matches calls whose arch is not the native one, or with the x32 bit
      readonly answer: Answer;
      readonly errno: number; // for `deny`; positive
      readonly label: string;
      readonly kill: boolean; // kill the session when this is denied
    }
  | {
      readonly op: 'allow-bind';
      readonly family: number;
      readonly port: number;
      readonly address: Uint8Array;
    }
  /** Where the gate connects to for the program; port 1 to 65535. */
  | {
      readonly op: 'allow-connect';
      readonly family: number;
      readonly port: number;
      readonly address: Uint8Array;
    }
  /** For reporting only: what the fence grants (Landlock enforces it). Longest prefix wins; rights of all matches add up. */
  | { readonly op: 'grant'; readonly rights: number; readonly path: string }
  | { readonly op: 'event-rate'; readonly burst: number; readonly perSecond: number }
  /** Become session leader with descriptor 0 as controlling terminal; the child gets its own foreground group. */
  | { readonly op: 'terminal' }
  /** Descriptor 6 or 7 must still be the file that was judged; with `lease` nobody writes to it until the session has ended. */
  | { readonly op: 'hold'; readonly fd: number; readonly lease: boolean; readonly identity: HeldIdentity }
  | { readonly op: 'fork' }
  // ── child ──
  | { readonly op: 'death-signal'; readonly signal: number }
  | { readonly op: 'rlimit'; readonly resource: number; readonly soft: bigint; readonly hard: bigint }
  /** 0 to 19; the caller's own niceness or more. */
  | { readonly op: 'nice'; readonly value: number }
  /** Best effort of level 0 to 7; a caller that stands back further stays there. */
  | { readonly op: 'io-priority'; readonly level: number }
  /** Bit n of the bytes stands for CPU n. */
  | { readonly op: 'affinity'; readonly mask: Uint8Array }
  | { readonly op: 'join'; readonly path: string } // writes "0" to this cgroup.procs or tasks file
  /** The child goes on in new namespaces, with an init of the gate's own; always with user, mount and process. */
  | { readonly op: 'namespaces'; readonly kinds: readonly NamespaceKind[] }
  | { readonly op: 'chdir'; readonly path: string }
  | { readonly op: 'umask'; readonly mask: number }
  | { readonly op: 'drop-capabilities' }
  | { readonly op: 'no-new-privileges' }
  | { readonly op: 'landlock-create'; readonly fs: bigint; readonly net: bigint; readonly scoped: bigint }
  | {
      readonly op: 'landlock-path';
      readonly access: bigint;
      readonly optional: boolean;
      readonly path: string;
    }
  | { readonly op: 'landlock-descriptor'; readonly access: bigint; readonly fd: number }
  | { readonly op: 'landlock-port'; readonly access: bigint; readonly port: number }
  | { readonly op: 'landlock-restrict'; readonly flags: number }
  | { readonly op: 'seccomp'; readonly program: Uint8Array }
  | { readonly op: 'seccomp-notify'; readonly program: Uint8Array }
  /** Duplicates an inherited descriptor or a memfd to number `to`, kept across exec. */
  | { readonly op: 'place'; readonly from: Handle; readonly to: number }
  | { readonly op: 'close-from'; readonly first: number } // marks first… close-on-exec, except placed descriptors
  | { readonly op: 'environment'; readonly entry: string } // KEY=VALUE
  | { readonly op: 'argument'; readonly value: string }
  | { readonly op: 'signals' } // default dispositions, empty mask
  | { readonly op: 'exec'; readonly program: Handle };

/** Times in nanoseconds since the epoch. */
export interface HeldIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** Wire bits by position. `name` is that of the host (UTS). */
export const NAMESPACE_KINDS = ['user', 'mount', 'process', 'ipc', 'name', 'network'] as const;
export type NamespaceKind = (typeof NAMESPACE_KINDS)[number];

export type Handle = { readonly fd: number } | { readonly slot: number };

/**
 * continue: let the kernel do it (observation only). deny: fail with errno. exec-once: continue the first, deny the
 * rest. open: continue, and report by grants. bind, listen: done by the gate on its own duplicate of the socket.
 * connect: by the gate, too, to what `allow-connect` lists; denied and reported otherwise. exec: continue, and report the path. process: continue when the process that
 * the call names is one of the session, deny and report otherwise. map: continue until executable mappings are closed, then deny.
 */
export type Answer =
  | 'continue'
  | 'deny'
  | 'exec-once'
  | 'exec'
  | 'open'
  | 'bind'
  | 'listen'
  | 'connect'
  | 'process'
  | 'map';

export const RIGHT_READ = 1;
export const RIGHT_WRITE = 2;
export const RIGHT_EXECUTE = 4;
/** With `grant`: may be written after the program is ready, too, where that closes writing. */
export const RIGHT_KEPT = 8;

const ANSWERS: readonly Answer[] = [
  'continue',
  'deny',
  'exec-once',
  'exec',
  'open',
  'bind',
  'listen',
  'connect',
  'process',
  'map',
];
const CGROUP_KINDS = ['v2', 'v1-freezer', 'v1'] as const;

/** Wire numbers. Never renumber: add at the end. Mirrored in `src/gate/protocol.h`. */
export const OPCODES: Readonly<Record<Operation['op'] | 'end', number>> = {
  end: 0,
  subreaper: 1,
  memfd: 2,
  cgroup: 3,
  answer: 4,
  'allow-bind': 5,
  grant: 6,
  'event-rate': 7,
  terminal: 8,
  'allow-connect': 9,
  hold: 15,
  fork: 20,
  'death-signal': 30,
  rlimit: 31,
  join: 32,
  chdir: 33,
  umask: 34,
  'drop-capabilities': 35,
  'no-new-privileges': 36,
  'landlock-create': 37,
  'landlock-path': 38,
  'landlock-descriptor': 39,
  'landlock-port': 40,
  'landlock-restrict': 41,
  seccomp: 42,
  'seccomp-notify': 43,
  place: 44,
  'close-from': 45,
  environment: 46,
  argument: 47,
  signals: 48,
  exec: 49,
  nice: 60,
  'io-priority': 61,
  affinity: 62,
  namespaces: 70,
};

/** First bytes of the stream. */
export const MAGIC = 'PDKGATE1';

/** The whole operation list as the gate reads it. Ends with the `end` record. */
export function encodeOperations(operations: readonly Operation[]): Buffer {
  const parts: Buffer[] = [Buffer.from(MAGIC, 'latin1')];
  for (const operation of operations) parts.push(record(OPCODES[operation.op], payload(operation)));
  parts.push(record(OPCODES.end, Buffer.alloc(0)));
  return Buffer.concat(parts);
}

// A record: u32 opcode, u32 payload length, payload. All integers little-endian.
function record(opcode: number, body: Buffer): Buffer {
  return Buffer.concat([u32(opcode), u32(body.length), body]);
}

function payload(operation: Operation): Buffer {
  switch (operation.op) {
    case 'subreaper':
    case 'terminal':
    case 'fork':
    case 'drop-capabilities':
    case 'no-new-privileges':
    case 'signals':
      return Buffer.alloc(0);
    case 'memfd':
      return Buffer.concat([u32(operation.slot), text(operation.name), Buffer.from(operation.content)]);
    case 'cgroup':
      return Buffer.concat([u32(CGROUP_KINDS.indexOf(operation.kind)), text(operation.path)]);
    case 'answer':
      return Buffer.concat([
        i32(operation.nr),
        u32(operation.foreign ? 1 : 0),
        u32(ANSWERS.indexOf(operation.answer)),
        u32(operation.errno),
        u32(operation.kill ? 1 : 0),
        text(operation.label),
      ]);
    case 'allow-bind':
    case 'allow-connect':
      return Buffer.concat([u32(operation.family), u32(operation.port), Buffer.from(operation.address)]);
    case 'grant':
      return Buffer.concat([u32(operation.rights), text(operation.path)]);
    case 'event-rate':
      return Buffer.concat([u32(operation.burst), u32(operation.perSecond)]);
    case 'hold': {
      const { dev, ino, size, mtimeNs, ctimeNs } = operation.identity;
      const identity = [dev, ino, size, mtimeNs, ctimeNs].map((value) => u64(BigInt.asUintN(64, value)));
      return Buffer.concat([u32(operation.fd), u32(operation.lease ? 1 : 0), ...identity]);
    }
    case 'death-signal':
      return u32(operation.signal);
    case 'rlimit':
      return Buffer.concat([u32(operation.resource), u64(operation.soft), u64(operation.hard)]);
    case 'nice':
      return u32(operation.value);
    case 'io-priority':
      return u32(operation.level);
    case 'affinity':
      return Buffer.from(operation.mask);
    case 'join':
    case 'chdir':
      return text(operation.path);
    case 'umask':
      return u32(operation.mask);
    case 'namespaces':
      return u32(operation.kinds.reduce((bits, kind) => bits | (1 << NAMESPACE_KINDS.indexOf(kind)), 0));
    case 'landlock-create':
      return Buffer.concat([u64(operation.fs), u64(operation.net), u64(operation.scoped)]);
    case 'landlock-path':
      return Buffer.concat([u64(operation.access), u32(operation.optional ? 1 : 0), text(operation.path)]);
    case 'landlock-descriptor':
      return Buffer.concat([u64(operation.access), u32(operation.fd)]);
    case 'landlock-port':
      return Buffer.concat([u64(operation.access), u64(BigInt(operation.port))]);
    case 'landlock-restrict':
      return u32(operation.flags);
    case 'seccomp':
    case 'seccomp-notify':
      return Buffer.from(operation.program);
    case 'place':
      return Buffer.concat([handle(operation.from), u32(operation.to)]);
    case 'close-from':
      return u32(operation.first);
    case 'environment':
      return text(operation.entry);
    case 'argument':
      return text(operation.value);
    case 'exec':
      return handle(operation.program);
  }
}

// u32 kind (0 descriptor, 1 memfd slot), u32 number.
function handle(value: Handle): Buffer {
  return 'fd' in value ? Buffer.concat([u32(0), u32(value.fd)]) : Buffer.concat([u32(1), u32(value.slot)]);
}

// u32 length, bytes. A NUL would end the string early in C, so it is refused here.
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.includes(0)) {
    throw new PaddockError('usage', 'an argument, path or variable contains a NUL byte', {
      expected: 'text without NUL, as execve demands',
    });
  }
  return Buffer.concat([u32(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function i32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value);
  return buffer;
}

function u64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(value);
  return buffer;
}
