import { FILE_RULES } from './rules/files.ts';
import { NAMESPACE_RULES } from './rules/isolation.ts';
import { KERNEL_RULES } from './rules/kernel.ts';
import { PROCESS_RULES } from './rules/processes.ts';
import { READY_RULES } from './rules/ready.ts';
import type { Rule } from './rules/rule.ts';
import { SOCKET_RULES } from './rules/sockets.ts';

/**
 * What the fence closes beside Landlock. Conditions look at registers only: memory can change after it was looked at.
 * `fork`, `clone` without namespaces, `read`, `write`, `close`, `dup` are never notified: a signal that arrives
 * while a notified call waits makes it fail with EINTR, which these never do.
 */
export const RULES: readonly Rule[] = [
  ...NAMESPACE_RULES,
  ...PROCESS_RULES,
  ...KERNEL_RULES,
  ...SOCKET_RULES,
  ...FILE_RULES,
  ...READY_RULES,
];
