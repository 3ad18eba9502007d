import type { Policy } from '../policy/policy.ts';
import type { Operation } from './operations.ts';
import type { HostAbilities } from './plan.ts';

/** RLIMIT_* of asm-generic/resource.h; the same on x86-64 and aarch64. */
export const RLIMIT = {
  fileSize: 1,
  data: 2,
  core: 4,
  processes: 6,
  openFiles: 7,
  messageQueues: 12,
  realtimePriority: 14,
} as const;

/**
 * Limits of each process. Memory and processes only where no cgroup holds them for the session: RLIMIT_DATA counts
 * private writable memory (RLIMIT_AS would count mapped weights too), and RLIMIT_NPROC counts all tasks of the user,
 * so the user's present ones are added; root is exempt from it. No limit is ever raised above the caller's own.
 */
export function rlimits(limits: Policy['limits'], host: HostAbilities): Operation[] {
  const set = (resource: number, value: number): Operation => {
    const hard = host.hardLimits?.[resource];
    const wanted = BigInt(Math.max(0, Math.floor(value)));
    const kept = hard !== undefined && hard < wanted ? hard : wanted;
    return { op: 'rlimit', resource, soft: kept, hard: kept };
  };
  const operations = [
    // A core dump would hold the weights and the prompt. One byte, not none: the kernel hands the memory of a program
    // with a limit of 0 to the crash handler of the host all the same, but not that of one with 1 (core(5)).
    set(RLIMIT.core, 1),
    set(RLIMIT.openFiles, limits.openFiles),
    set(RLIMIT.fileSize, limits.fileBytes),
    set(RLIMIT.messageQueues, 0),
    set(RLIMIT.realtimePriority, 0),
  ];
  const controllers = host.cgroup.controllers;
  if (limits.memoryBytes !== null && !controllers.includes('memory')) {
    operations.push(set(RLIMIT.data, limits.memoryBytes));
  }
  if (!controllers.includes('pids')) {
    operations.push(set(RLIMIT.processes, limits.processes + (host.userTasks ?? 0)));
  }
  return operations;
}

/** Whether memory and processes of the whole session can be held. */
export function limitsWholeSession(limits: Policy['limits'], host: HostAbilities): boolean {
  const { controllers } = host.cgroup;
  return controllers.includes('pids') && (limits.memoryBytes === null || controllers.includes('memory'));
}
