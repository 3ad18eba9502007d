import type { Attack } from './attack.ts';
import { FAMILY_OF, type Family } from './families.ts';
import { CLOSES_OF, type ReferenceId } from './reference.ts';
import { DOOR_ATTACKS, NAMESPACE_KIND_ATTACKS } from './tables/doors.ts';
import { FILE_ATTACKS } from './tables/files.ts';
import { KERNEL_ATTACKS } from './tables/kernel.ts';
import { LIMIT_ATTACKS } from './tables/limits.ts';
import { NETWORK_ATTACKS } from './tables/network.ts';
import { OUTSIDE_ONE_ATTACKS } from './tables/outside-one.ts';
import {
  DEVICE_ATTACKS,
  EXCHANGE_ATTACKS,
  GATE_ATTACKS,
  MEMORY_ATTACKS,
  PROC_ATTACKS,
  REQUEST_ATTACKS,
} from './tables/paths.ts';
import { PROCESS_ATTACKS } from './tables/processes.ts';
import { READY_ATTACKS } from './tables/ready.ts';
import { SESSION_ATTACKS } from './tables/session.ts';

/** The family of a row is what the row says, else what `FAMILY_OF` says of its attempt, else its table's. */
const TABLES: readonly (readonly [Family, readonly Attack[]])[] = [
  ['files', FILE_ATTACKS],
  ['network', NETWORK_ATTACKS],
  ['processes', PROCESS_ATTACKS],
  ['kernel', KERNEL_ATTACKS],
  ['supervision', SESSION_ATTACKS],
  ['kernel', DOOR_ATTACKS],
  ['namespaces', NAMESPACE_KIND_ATTACKS],
  ['devices', DEVICE_ATTACKS],
  ['files', REQUEST_ATTACKS],
  ['procfs-sysfs', PROC_ATTACKS],
  ['memory', MEMORY_ATTACKS],
  ['time-of-check', EXCHANGE_ATTACKS],
  ['gate', GATE_ATTACKS],
  ['resources', LIMIT_ATTACKS],
  ['phases', READY_ATTACKS],
  ['processes', OUTSIDE_ONE_ATTACKS],
];

/** An attempt with its place in the suite. */
export interface PlacedAttack extends Attack {
  readonly family: Family;
  readonly closes: readonly ReferenceId[];
}

/** Every attempt to get past the fence. */
export const ATTACKS: readonly PlacedAttack[] = TABLES.flatMap(([family, rows]) =>
  rows.map((attack) => ({
    ...attack,
    family: attack.family ?? FAMILY_OF[attack.attempt] ?? family,
    closes: [...(attack.closes ?? []), ...(CLOSES_OF[attack.attempt] ?? [])],
  })),
);
