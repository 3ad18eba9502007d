import type { Policy } from '../policy/policy.ts';
import type { NamespaceKind, Operation } from './operations.ts';
import type { HostAbilities } from './plan.ts';

/**
 * Namespaces of the program's own: an extra layer beside the fence, which is whole without it. Where the policy asks for
 * them and the host gives them, all kinds together; that of the network only where the program may not use it at all.
 *
 * @param alone it may neither listen nor connect in this run.
 * @returns an empty list where the program stays in the host's.
 */
export function namespaceKinds(
  mode: Policy['isolation']['namespaces'],
  host: Pick<HostAbilities, 'namespaces'>,
  alone: boolean,
): readonly NamespaceKind[] {
  if (mode === 'off' || !host.namespaces.works) return [];
  return alone ? [...ALWAYS, 'network'] : ALWAYS;
}

/** Of the child, before it drops its capabilities: in the new user namespace it has all of them at first. */
export function namespaceOperations(kinds: readonly NamespaceKind[]): Operation[] {
  return kinds.length === 0 ? [] : [{ op: 'namespaces', kinds }];
}

const ALWAYS: readonly NamespaceKind[] = ['user', 'mount', 'process', 'ipc', 'name'];
