import type { Architecture } from '../format/anatomy.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import { PRESETS } from '../policy/preset-names.ts';
import { planLeaves } from './cgroup.ts';
import { planClosing } from './closing.ts';
import { deviceGrants } from './devices.ts';
import { prepareEnvironment } from './environment.ts';
import { grantedPaths } from './grants.ts';
import { type LaunchInput, PROGRAM_FD } from './launch-input.ts';
import { limitWeaknesses } from './limits.ts';
import { lacking, matrixFacts } from './matrix.ts';
import { namespaceKinds } from './namespaces.ts';
import { usesNetwork } from './network.ts';
import type { HostAbilities, LaunchPlan } from './plan.ts';
import { planOperations } from './plan-operations.ts';
import { protections } from './protections.ts';

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
    operations: planOperations(
      input,
      architecture,
      leaves,
      kinds,
      environment.variables,
      argv,
      granted.grants,
    ),
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
