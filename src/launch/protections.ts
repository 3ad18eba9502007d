import { PaddockError } from '../lib/errors.ts';
import type { Policy, Protection } from '../policy/policy.ts';
import { limitsWholeSession } from './limits.ts';
import { closureOf, holding, matrixFacts, sinceAbi } from './matrix.ts';
import type { HostAbilities } from './plan.ts';

interface Fact {
  readonly protection: Protection;
  /** `namespaces`: the plan puts the program into namespaces of its own. */
  readonly inForce: (host: HostAbilities, limits: Policy['limits'], namespaces: boolean) => boolean;
  /** What is open without it. */
  readonly without: string;
}

/** When each protection is in force, and what its absence means. `doctor` and refusals say the same words. */
export const PROTECTIONS: readonly Fact[] = [
  {
    protection: 'no-new-privileges',
    inForce: (host) => host.seccompFilter || host.landlockAbi > 0,
    without: 'a set-user-id program could give the model more rights than you have',
  },
  {
    protection: 'seccomp',
    inForce: (host) => host.seccompFilter,
    without: 'UDP, Unix sockets, namespaces, io_uring and the kernel’s administration stay open',
  },
  {
    protection: 'seccomp-notify',
    inForce: (host) => host.seccompFilter && host.seccompNotify,
    without: 'attempts are not seen, and a server may listen on every address, not only the one asked for',
  },
  {
    protection: 'landlock-files',
    inForce: (host) =>
      (['open', 'truncate'] as const).every((id) => holding(closureOf(id), matrixFacts(host)) !== undefined),
    without: 'the model can read and write every file that you can',
  },
  {
    protection: 'landlock-network',
    inForce: (host) => host.landlockAbi >= sinceAbi('connectTcp'),
    without: 'TCP ports are held by seccomp alone',
  },
  {
    protection: 'landlock-scope',
    inForce: (host) => host.landlockAbi >= sinceAbi('signal'),
    without: 'signals to your other programs are held by the supervisor alone, and not at all without one',
  },
  {
    protection: 'limits-session',
    inForce: (host, limits) => limitsWholeSession(limits, host),
    without: 'memory and processes are limited for each process, not for all of them together',
  },
  {
    protection: 'namespaces',
    inForce: (_host, _limits, namespaces) => namespaces,
    without:
      'processes, mounts, IPC objects and the network of the host are closed to the model call by call, with no second wall behind',
  },
];

/**
 * Which protections are in force, and which of the required ones are missing.
 * @throws PaddockError `host-lacks`, naming each missing one and its effect, unless `allowDegraded`.
 */
export function protections(
  required: readonly Protection[],
  host: HostAbilities,
  limits: Policy['limits'],
  namespaces: boolean,
  allowDegraded: boolean,
): { inForce: Protection[]; missing: Protection[] } {
  const holding = PROTECTIONS.filter((fact) => fact.inForce(host, limits, namespaces));
  const inForce = holding.map((fact) => fact.protection);
  const lacking = PROTECTIONS.filter(
    (fact) => required.includes(fact.protection) && !inForce.includes(fact.protection),
  );
  if (lacking.length > 0 && !allowDegraded) {
    throw new PaddockError(
      'host-lacks',
      'this host lacks what the policy and the fence require; nothing was started',
      {
        expected: lacking.map((fact) => fact.protection).join(', '),
        found: lacking.map((fact) => `without ${fact.protection} ${fact.without}`).join('; '),
        remedy:
          '`paddock doctor` tells the cause and the fix; `--allow-degraded` goes on without, and the record says so',
      },
    );
  }
  return { inForce, missing: lacking.map((fact) => fact.protection) };
}
