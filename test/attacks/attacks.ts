import type { Attack } from './attack.ts';
import { FILE_ATTACKS } from './tables/files.ts';
import { KERNEL_ATTACKS } from './tables/kernel.ts';
import { NETWORK_ATTACKS } from './tables/network.ts';
import { PROCESS_ATTACKS } from './tables/processes.ts';
import { SESSION_ATTACKS } from './tables/session.ts';

/** Every attempt to get past the fence. */
export const ATTACKS: readonly Attack[] = [
  ...FILE_ATTACKS,
  ...NETWORK_ATTACKS,
  ...PROCESS_ATTACKS,
  ...KERNEL_ATTACKS,
  ...SESSION_ATTACKS,
];
