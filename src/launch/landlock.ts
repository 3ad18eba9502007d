import type { Operation } from './operations.ts';
import { RIGHT_EXECUTE, RIGHT_READ, RIGHT_WRITE } from './operations.ts';

/** LANDLOCK_ACCESS_FS_* of linux/landlock.h. Own constants: headers of a distribution are older than its kernel. */
export const FS = {
  execute: 1n << 0n,
  writeFile: 1n << 1n,
  readFile: 1n << 2n,
  readDirectory: 1n << 3n,
  removeDirectory: 1n << 4n,
  removeFile: 1n << 5n,
  makeCharacterDevice: 1n << 6n,
  makeDirectory: 1n << 7n,
  makeFile: 1n << 8n,
  makeSocket: 1n << 9n,
  makeFifo: 1n << 10n,
  makeBlockDevice: 1n << 11n,
  makeSymlink: 1n << 12n,
  refer: 1n << 13n,
  truncate: 1n << 14n,
  deviceControl: 1n << 15n,
  resolveUnix: 1n << 16n,
} as const;

export const NET = { bindTcp: 1n << 0n, connectTcp: 1n << 1n, bindUdp: 1n << 2n, sendUdp: 1n << 3n } as const;
export const SCOPE = { abstractUnix: 1n << 0n, signal: 1n << 1n } as const;
/** LANDLOCK_RESTRICT_SELF_*: without it nothing after the exec is in the audit log. */
export const LOG_NEW_EXEC_ON = 1 << 1;

/** A right by its name, of whichever kind. */
export type LandlockRight = keyof typeof FS | keyof typeof NET | keyof typeof SCOPE;

interface Abi {
  readonly abi: number;
  readonly kernel: string;
  readonly fs: readonly (keyof typeof FS)[];
  readonly net: readonly (keyof typeof NET)[];
  readonly scope: readonly (keyof typeof SCOPE)[];
  readonly flags: number;
  /** Rows that are known and not used: the fence was not tried on such a kernel. */
  readonly used: boolean;
}

const row = (abi: number, kernel: string, adds: Partial<Abi> = {}): Abi => ({
  abi,
  kernel,
  fs: [],
  net: [],
  scope: [],
  flags: 0,
  used: true,
  ...adds,
});

/** What each ABI adds. Source: Documentation/userspace-api/landlock.rst. */
export const ABIS: readonly Abi[] = [
  row(1, '5.13', {
    fs: [
      'execute',
      'writeFile',
      'readFile',
      'readDirectory',
      'removeDirectory',
      'removeFile',
      'makeCharacterDevice',
      'makeDirectory',
      'makeFile',
      'makeSocket',
      'makeFifo',
      'makeBlockDevice',
      'makeSymlink',
    ],
  }),
  row(2, '5.19', { fs: ['refer'] }),
  row(3, '6.2', { fs: ['truncate'] }),
  row(4, '6.7', { net: ['bindTcp', 'connectTcp'] }),
  row(5, '6.10', { fs: ['deviceControl'] }),
  row(6, '6.12', { scope: ['abstractUnix', 'signal'] }),
  row(7, '6.15', { flags: LOG_NEW_EXEC_ON }),
  row(8, '7.0', { used: false }),
  row(9, '7.1', { fs: ['resolveUnix'], used: false }),
  row(10, '7.2', { net: ['bindUdp', 'sendUdp'], used: false }),
];

/** What a ruleset can handle on a host with this ABI. All zero without Landlock. */
export interface Handled {
  readonly abi: number;
  readonly fs: bigint;
  readonly net: bigint;
  readonly scope: bigint;
  readonly flags: number;
}

/** The rights of every used row up to `abi`. */
export function handled(abi: number): Handled {
  const rows = ABIS.filter((entry) => entry.used && entry.abi <= abi);
  return {
    abi: rows.at(-1)?.abi ?? 0,
    fs: union(rows.flatMap((entry) => entry.fs.map((name) => FS[name]))),
    net: union(rows.flatMap((entry) => entry.net.map((name) => NET[name]))),
    scope: union(rows.flatMap((entry) => entry.scope.map((name) => SCOPE[name]))),
    flags: rows.reduce((flags, entry) => flags | entry.flags, 0),
  };
}

export type PathKind = 'file' | 'directory' | 'missing';

/** A path and what may be done with it and all below it. */
export interface PathGrant {
  readonly path: string;
  readonly rights: number; // RIGHT_* of operations.ts
  /** Add ioctl on devices: a terminal of the program's own. */
  readonly deviceControl?: boolean;
}

/** A rule on an inherited descriptor, whatever its path. */
export interface DescriptorGrant {
  readonly fd: number;
  readonly rights: number;
  readonly deviceControl?: boolean;
}

export interface LandlockInput {
  readonly abi: number;
  readonly paths: readonly PathGrant[];
  readonly descriptors: readonly DescriptorGrant[];
  /** TCP ports that may be bound; connecting is handled and never granted. */
  readonly bindPorts: readonly number[];
  readonly kind: (path: string) => PathKind;
}

/**
 * The ruleset as operations, without `landlock-restrict`, which comes last. Empty without Landlock. Paths that are not
 * there when the plan is made are left out; those below /proc are looked up in the child, whose own they are.
 */
export function landlockRules(input: LandlockInput): Operation[] {
  const can = handled(input.abi);
  if (can.abi === 0) return [];
  const operations: Operation[] = [{ op: 'landlock-create', fs: can.fs, net: can.net, scoped: can.scope }];
  for (const grant of merge(input.paths)) {
    const kind = input.kind(grant.path);
    if (kind === 'missing') continue;
    const access = accessOf(grant.rights, grant.deviceControl === true, kind) & can.fs;
    if (access !== 0n) operations.push({ op: 'landlock-path', access, optional: true, path: grant.path });
  }
  for (const grant of input.descriptors) {
    const access = accessOf(grant.rights, grant.deviceControl === true, 'file') & can.fs;
    operations.push({ op: 'landlock-descriptor', access, fd: grant.fd });
  }
  if (can.net !== 0n) {
    for (const port of input.bindPorts) operations.push({ op: 'landlock-port', access: NET.bindTcp, port });
  }
  return operations;
}

/** The last step: nothing can be opened outside the rules after it. Empty without Landlock. */
export function landlockRestrict(abi: number): Operation[] {
  const can = handled(abi);
  return can.abi === 0 ? [] : [{ op: 'landlock-restrict', flags: can.flags }];
}

// Rights that may stand on a file; the kernel refuses a rule on a file with any other (EINVAL).
const FILE_RIGHTS = FS.execute | FS.writeFile | FS.readFile | FS.truncate | FS.deviceControl;
const READ = FS.readFile | FS.readDirectory;
// No devices and no sockets: nothing that a model writes is one of these.
const WRITE =
  FS.writeFile |
  FS.truncate |
  FS.makeFile |
  FS.makeDirectory |
  FS.makeSymlink |
  FS.makeFifo |
  FS.removeFile |
  FS.removeDirectory |
  FS.refer;

function accessOf(rights: number, deviceControl: boolean, kind: PathKind): bigint {
  let access = 0n;
  if ((rights & RIGHT_READ) !== 0) access |= READ;
  if ((rights & RIGHT_WRITE) !== 0) access |= WRITE;
  if ((rights & RIGHT_EXECUTE) !== 0) access |= FS.execute;
  if (deviceControl) access |= FS.deviceControl;
  return kind === 'file' ? access & FILE_RIGHTS : access;
}

// Two rules on one path would add up in the kernel too; one is easier to read in a plan.
function merge(grants: readonly PathGrant[]): PathGrant[] {
  const merged = new Map<string, PathGrant>();
  for (const grant of grants) {
    const before = merged.get(grant.path);
    const deviceControl = before?.deviceControl === true || grant.deviceControl === true;
    merged.set(grant.path, {
      path: grant.path,
      rights: (before?.rights ?? 0) | grant.rights,
      ...(deviceControl ? { deviceControl } : {}),
    });
  }
  return [...merged.values()];
}

function union(bits: readonly bigint[]): bigint {
  return bits.reduce((all, bit) => all | bit, 0n);
}
