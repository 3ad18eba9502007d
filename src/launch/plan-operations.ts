import type { Architecture } from '../format/anatomy.ts';
import type { Policy } from '../policy/policy.ts';
import type { PreparedArguments } from './arguments.ts';
import { cgroupOperations, joinOperations } from './cgroup.ts';
import { planClosing } from './closing.ts';
import { deviceGrants } from './devices.ts';
import { grantOperations } from './grants.ts';
import { type DescriptorGrant, landlockRestrict, landlockRules, type PathGrant } from './landlock.ts';
import { CONTAINER_AT, CONTAINER_FD, FILE_FD, type LaunchInput, PROGRAM_FD } from './launch-input.ts';
import { holdsByAffinity, rlimits, scheduling } from './limits.ts';
import { namespaceOperations } from './namespaces.ts';
import { connectOperations } from './network.ts';
import { type NamespaceKind, type Operation, RIGHT_EXECUTE, RIGHT_READ, RIGHT_WRITE } from './operations.ts';
import type { CgroupLeaf, HostAbilities } from './plan.ts';
import type { SeccompOptions } from './rules/rule.ts';
import { answers, denyProgram, notifyProgram } from './seccomp.ts';

const LOADER_SLOT = 0;
const SIGKILL = 9;
const EVENT_RATE = { burst: 256, perSecond: 64 } as const;

/** The plan as operations of the gate, in the order of the kernel's demands: see the comments at each step. */
export function planOperations(
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
