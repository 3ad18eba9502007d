import type { Architecture } from '../format/anatomy.ts';
import { PaddockError } from '../lib/errors.ts';
import type { Environment } from '../lib/paths.ts';
import { escapeText } from '../lib/text.ts';
import type { EffectivePolicy, Policy } from '../policy/policy.ts';
import { PRESETS } from '../policy/preset-names.ts';
import type { PreparedArguments } from './arguments.ts';
import { cgroupOperations, joinOperations, planLeaves } from './cgroup.ts';
import { planClosing } from './closing.ts';
import { type Card, deviceGrants } from './devices.ts';
import { prepareEnvironment } from './environment.ts';
import { grantedPaths, grantOperations } from './grants.ts';
import { type DescriptorGrant, landlockRestrict, landlockRules, type PathGrant } from './landlock.ts';
import { holdsByAffinity, limitWeaknesses, rlimits, scheduling } from './limits.ts';
import { lacking, matrixFacts } from './matrix.ts';
import { namespaceKinds, namespaceOperations } from './namespaces.ts';
import { connectOperations, usesNetwork } from './network.ts';
import {
  type HeldIdentity,
  type NamespaceKind,
  type Operation,
  RIGHT_EXECUTE,
  RIGHT_READ,
  RIGHT_WRITE,
} from './operations.ts';
import type { PathFacts } from './paths.ts';
import type { CgroupLeaf, GpuLibraries, HostAbilities, LaunchPlan, TrustedEngine } from './plan.ts';
import { protections } from './protections.ts';
import type { SeccompOptions } from './rules/rule.ts';
import { answers, denyProgram, notifyProgram } from './seccomp.ts';

export interface LaunchInput {
  readonly id: string;
  /** Absolute path of the judged file, for the record and for reports: it is not opened again. */
  readonly file: string;
  /** The name as the user typed it. */
  readonly argv0: string;
  readonly effective: EffectivePolicy;
  readonly host: HostAbilities;
  readonly start:
    | { readonly form: 'ape'; readonly loader: Uint8Array; readonly sha256: string }
    | { readonly form: 'elf' }
    /** Descriptor 6 of the gate must be the private copy, at this path. */
    | { readonly form: 'copy'; readonly path: string };
  /** Runs in the place of the file's own; `start` is the engine's then, and the file is held as the container. */
  readonly engine?: TrustedEngine & { readonly container: string };
  /** How the judged file is kept as it is, and what the gate's descriptors must still be when it starts. */
  readonly still: LaunchPlan['still'];
  readonly held: readonly HeldFile[];
  readonly arguments: PreparedArguments;
  readonly environment: Environment;
  /** The user's home, for `~` in the policy. */
  readonly home: string;
  readonly directories: LaunchPlan['directories'];
  /** paddock's own folders, which are never granted for writing. */
  readonly own: readonly string[];
  readonly streams: LaunchPlan['streams'];
  /**
   * Inherited descriptors 0 to 2 that are regular files or devices: the program may open these again by
   * `/dev/stdin` and its like. Pipes and sockets need no rule, and the kernel takes none.
   */
  readonly reopen: readonly (0 | 1 | 2)[];
  readonly allowDegraded: boolean;
  /** The graphics cards of this host; empty where the policy grants none. */
  readonly cards: readonly Card[];
  /** What lies in the closed app folders, where cards are within reach. */
  readonly libraries?: GpuLibraries;
  readonly paths: PathFacts;
}

/** A descriptor of the gate, as it was before its first byte was judged. */
export interface HeldFile {
  readonly fd: typeof FILE_FD | typeof CONTAINER_FD;
  readonly lease: boolean;
  readonly identity: HeldIdentity;
}

/** Where the program finds the judged file: inherited, and above the first descriptors that it opens itself. */
const PROGRAM_FD = 9;
/** Where a known engine finds the judged file: what it is told to read. */
export const CONTAINER_PATH = '/proc/self/fd/10';
const CONTAINER_AT = 10;
/** Descriptor of the judged file in the gate (src/gate/protocol.h). */
const FILE_FD = 6;
/** The same where another program reads it as a container. */
const CONTAINER_FD = 7;
const LOADER_SLOT = 0;
const SIGKILL = 9;
const EVENT_RATE = { burst: 256, perSecond: 64 } as const;

/**
 * The whole run as data. Nothing is made or changed; the same input gives the same plan.
 * @throws PaddockError `host-lacks` when the policy requires a protection that the host has not, `refused` for a grant
 * that would open the fence.
 */
export function planLaunch(input: LaunchInput): LaunchPlan {
  const { policy } = input.effective;
  const architecture = nativeArchitecture(input.host);
  const { namespaces } = policy.isolation;
  const { connect } = policy.network;
  const isAlone = !usesNetwork(input.arguments.network, policy.network);
  const kinds = namespaceKinds(namespaces, input.host, isAlone);
  const inside = kinds.length > 0;
  const needed = lacking(matrixFacts(input.host, inside), input.arguments.network.mode === 'serve');
  if (namespaces === 'require') needed.push('namespaces');
  // Without a supervisor nothing could connect for it, and the list would do nothing.
  const required = [...policy.require, ...needed, ...(connect.length > 0 ? CONNECTS_BY : [])];
  const { inForce, missing } = protections(required, input.host, policy.limits, inside, input.allowDegraded);
  const environment = prepareEnvironment({
    policy: policy.environment,
    caller: input.environment,
    home: input.directories.home,
    tmp: input.directories.tmp,
    execute: policy.files.execute.length > 0,
  });
  const argv = [
    input.start.form === 'ape' ? `/proc/self/fd/${PROGRAM_FD}` : input.argv0,
    ...input.arguments.args,
  ];
  const leaves = planLeaves(input.host.cgroup, policy.limits, input.id, input.host.swapBytes);
  const { network } = input.arguments;
  const start = input.start;
  const devices = deviceGrants(policy.devices, input.cards);
  const granted = grantedPaths({
    ...input,
    files: policy.files,
    reads: input.arguments.reads,
    devices: devices.grants,
  });
  const closing = planClosing(policy, input.host);
  return {
    id: input.id,
    file: input.file,
    form: start.form === 'ape' ? 'ape' : 'elf',
    copied: start.form === 'copy',
    argv,
    environment: environment.variables,
    directories: input.directories,
    network: {
      ...(network.mode === 'none'
        ? { mode: 'none' }
        : { mode: 'serve', address: network.address, port: network.port }),
      ...(connect.length > 0 ? { connect } : {}),
    },
    closing: closing.closing,
    cards: devices.cards.map(({ kind, number }) => ({ kind, number })),
    ...(input.libraries === undefined ? {} : { libraries: input.libraries }),
    streams: input.streams,
    ...(start.form === 'ape' ? { loader: { sha256: start.sha256, size: start.loader.length } } : {}),
    still: input.still,
    ...(input.engine === undefined ? {} : { engine: input.engine }),
    protections: inForce,
    missing,
    cgroups: leaves,
    weaknesses: limitWeaknesses(policy.limits, input.host),
    operations: operations(input, architecture, leaves, kinds, environment.variables, argv, granted.grants),
    warnings: [
      ...warnings(input, environment.withheld),
      ...granted.warnings,
      ...devices.warnings,
      ...(fromPreset(input.effective) ? [] : closing.warnings),
      ...(input.libraries?.warnings ?? []),
    ],
  };
}

const CONNECTS_BY = ['seccomp-notify'] as const;

// That a preset's default gives way to what the user grants is nothing to warn of at each run.
function fromPreset({ origins, hasCeiling }: EffectivePolicy): boolean {
  const layer = origins.get('phases.ready')?.layer;
  return !hasCeiling && PRESETS.some((name) => `${name}.yaml` === layer);
}

// The order is that of the kernel's demands: see the comments at each step.
function operations(
  input: LaunchInput,
  architecture: Architecture,
  leaves: readonly CgroupLeaf[],
  kinds: readonly NamespaceKind[],
  environment: Readonly<Record<string, string>>,
  argv: readonly string[],
  grants: readonly PathGrant[],
): Operation[] {
  const { policy } = input.effective;
  const { start, host } = input;
  const isApe = start.form === 'ape';
  const seccomp = seccompOptions(input, policy);
  const placed: Operation[] = [
    // An ELF is executed by descriptor: it finds itself through /proc/self/exe.
    ...(isApe ? [{ op: 'place', from: { fd: FILE_FD }, to: PROGRAM_FD } as const] : []),
    ...(input.engine === undefined
      ? []
      : [{ op: 'place', from: { fd: CONTAINER_FD }, to: CONTAINER_AT } as const]),
  ];
  return [
    // ── supervisor ──
    { op: 'subreaper' },
    ...(isApe ? [{ op: 'memfd', slot: LOADER_SLOT, name: 'ape', content: start.loader } as const] : []),
    ...cgroupOperations(leaves),
    ...(notifies(host) ? answers(architecture, seccomp) : []),
    ...bindOperations(input.arguments),
    ...connectOperations(policy.network),
    ...grantOperations([...grants, ...ownFile(input)], input.paths),
    { op: 'event-rate', ...EVENT_RATE },
    ...(input.streams === 'terminal' ? [{ op: 'terminal' } as const] : []),
    // Late: what takes long was done before, and an end of the session by it is told as any other.
    ...input.held.map(({ fd, lease, identity }): Operation => ({ op: 'hold', fd, lease, identity })),
    { op: 'fork' },
    // ── child ──
    { op: 'death-signal', signal: SIGKILL }, // first: from here on nothing outlives the supervisor
    ...rlimits(policy.limits, host),
    ...scheduling(policy.limits, host, input.id),
    ...namespaceOperations(kinds),
    ...joinOperations(leaves), // while the control groups can still be written; without the init of the namespace
    { op: 'chdir', path: input.directories.work },
    { op: 'umask', mask: 0o077 },
    { op: 'drop-capabilities' },
    { op: 'no-new-privileges' }, // without it neither Landlock nor seccomp can be raised
    ...landlockRules({
      abi: host.landlockAbi,
      paths: grants,
      descriptors: descriptors(input),
      bindPorts: input.arguments.network.mode === 'serve' ? [input.arguments.network.port] : [],
      kind: input.paths.kind,
    }),
    ...placed,
    { op: 'close-from', first: 3 },
    ...Object.entries(environment).map(
      ([name, value]): Operation => ({ op: 'environment', entry: `${name}=${value}` }),
    ),
    ...loaderArguments(input, argv).map((value): Operation => ({ op: 'argument', value })),
    { op: 'signals' },
    ...landlockRestrict(host.landlockAbi),
    // Last before the exec: from here on every call that is not simply allowed waits for the supervisor.
    ...seccompOperations(host, architecture, seccomp),
    { op: 'exec', program: isApe ? { slot: LOADER_SLOT } : { fd: FILE_FD } },
  ];
}

function seccompOptions(input: LaunchInput, policy: Policy): SeccompOptions {
  return {
    network: input.arguments.network.mode,
    connects: policy.network.connect.length > 0,
    execute: policy.files.execute.length > 0,
    landlockAbi: input.host.landlockAbi,
    devices: deviceGrants(policy.devices, input.cards).cards.length > 0,
    closesMappings: planClosing(policy, input.host).closing.includes('map'),
    bound: holdsByAffinity(policy.limits, input.host),
    kill: {
      exec: policy.watch.exec === 'kill',
      connect: policy.watch.connect === 'kill',
      syscall: policy.watch.syscall === 'kill',
    },
  };
}

function seccompOperations(
  host: HostAbilities,
  architecture: Architecture,
  options: SeccompOptions,
): Operation[] {
  if (notifies(host)) return [{ op: 'seccomp-notify', program: notifyProgram(architecture, options) }];
  if (host.seccompFilter) return [{ op: 'seccomp', program: denyProgram(architecture, options) }];
  return []; // `protections` has refused, or `--allow-degraded` was given
}

function notifies(host: HostAbilities): boolean {
  return host.seccompFilter && host.seccompNotify;
}

// The loader takes the program's path as its first argument and becomes it: argv[0] is then that path.
function loaderArguments(input: LaunchInput, argv: readonly string[]): string[] {
  return input.start.form === 'ape' ? [input.argv0, ...argv] : [...argv];
}

function descriptors(input: LaunchInput): DescriptorGrant[] {
  const own = input.start.form === 'ape' ? RIGHT_READ : RIGHT_READ | RIGHT_EXECUTE;
  const terminal = input.streams === 'terminal';
  const again = terminal ? ([0] as const) : input.reopen;
  return [
    { fd: FILE_FD, rights: own },
    ...(input.engine === undefined ? [] : [{ fd: CONTAINER_FD, rights: RIGHT_READ }]),
    ...again.map((fd) => ({
      fd,
      rights: terminal ? RIGHT_READ | RIGHT_WRITE : fd === 0 ? RIGHT_READ : RIGHT_WRITE,
      ...(terminal ? { deviceControl: true } : {}),
    })),
  ];
}

// For reports: the program opens itself by its path (an ELF through /proc/self/exe) as well as by descriptor.
function ownFile(input: LaunchInput) {
  const path = input.start.form === 'copy' ? input.start.path : (input.engine?.path ?? input.file);
  const rights = input.start.form === 'ape' ? RIGHT_READ : RIGHT_READ | RIGHT_EXECUTE;
  const container = input.engine === undefined ? [] : [{ path: input.engine.container, rights: RIGHT_READ }];
  return [{ path, rights }, ...container];
}

function bindOperations({ network }: PreparedArguments): Operation[] {
  if (network.mode === 'none') return [];
  return network.binds.map(({ family, bytes }) => ({
    op: 'allow-bind',
    family,
    port: network.port,
    address: bytes,
  }));
}

function warnings(input: LaunchInput, withheld: readonly string[]): string[] {
  const { limits } = input.effective.policy;
  const found: string[] = []; // those of the arguments were given with them
  for (const name of withheld) {
    found.push(`${escapeText(name, 60)} is never passed on: it chooses code or files for the program`);
  }
  return [...found, ...limitWeaknesses(limits, input.host, true)];
}

function nativeArchitecture(host: HostAbilities): Architecture {
  if (host.architecture !== 'other') return host.architecture;
  throw new PaddockError(
    'host-lacks',
    'the fence is not known on this kind of machine; nothing was started',
    {
      expected: 'Linux on x86-64 or aarch64',
      found: host.kernel,
      remedy: '`paddock verify` and `paddock inspect` work here',
    },
  );
}
