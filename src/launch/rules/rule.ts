import type { Answer } from '../operations.ts';
import type { SyscallName } from '../syscalls.ts';

/** What the filter must know of the policy and the host. */
export interface SeccompOptions {
  readonly network: 'none' | 'serve';
  /** The policy lists places to connect to. */
  readonly connects?: boolean;
  /** The policy names programs that may be executed; Landlock then decides which. */
  readonly execute: boolean;
  /** What Landlock does not hold at this ABI is held here (matrix.ts). */
  readonly landlockAbi: number;
  /** The policy grants devices that are driven by ioctl, as a GPU is. */
  readonly devices?: boolean;
  /** It is held to its CPUs by naming them, so it may not name others. */
  readonly bound?: boolean;
  /** Executable mappings are closed when the program is ready. */
  readonly closesMappings?: boolean;
  /** Whether a denied call of that family ends the session. */
  readonly kill: Readonly<Record<'exec' | 'connect' | 'syscall', boolean>>;
}

/** A condition on the low 32 bits of one argument, which is all that the kernel reads of an int or of flags. */
export interface Condition {
  readonly argument: number;
  readonly mask?: number;
  readonly in?: readonly number[];
  readonly notIn?: readonly number[];
}

/** One decision. The first rule of a call that holds decides; a call for which none holds is allowed. */
export interface Rule {
  readonly calls: readonly SyscallName[];
  /** As events, counters and policies name it. */
  readonly label: string;
  /** Why; for `--dry-run` and for whoever reads this table. */
  readonly why: string;
  /** What the supervisor answers when the call is notified. */
  readonly answer: Answer;
  readonly errno: number;
  /** All of them must hold; left out: always. */
  readonly when?: readonly Condition[];
  /** The rule does not hold when all of these do. */
  readonly unless?: readonly Condition[];
  /** Which part of the policy says whether a denial ends the session. */
  readonly family: 'exec' | 'connect' | 'syscall' | 'none';
  /** Without a supervisor: the same errno from the filter itself, or left to the kernel and Landlock. */
  readonly alone: 'errno' | 'allow';
  /** Denied by the filter itself even with a supervisor, and so not seen: where the number has another answer. */
  readonly silent?: boolean;
  /** Left out: in every policy. */
  readonly applies?: (options: SeccompOptions) => boolean;
}

export const EPERM = 1;
export const EACCES = 13;
export const ENOTTY = 25;
export const ENOSYS = 38;

/** Most rules: denied with EPERM, with or without a supervisor. */
export const denied = { answer: 'deny', errno: EPERM, family: 'syscall', alone: 'errno' } as const;

/** The bits of `mask` are not all zero. */
export const flag = (argument: number, mask: number): Condition => ({ argument, mask, notIn: [0] });
