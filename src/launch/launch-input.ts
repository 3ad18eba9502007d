import type { Environment } from '../lib/paths.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import type { PreparedArguments } from './arguments.ts';
import type { Card } from './devices.ts';
import type { HeldIdentity } from './operations.ts';
import type { PathFacts } from './paths.ts';
import type { GpuLibraries, HostAbilities, LaunchPlan, TrustedEngine } from './plan.ts';

/** Descriptor of the judged file in the gate (src/gate/protocol.h). */
export const FILE_FD = 6;
/** The same where another program reads it as a container. */
export const CONTAINER_FD = 7;
/** Where the program finds the judged file: inherited, and above the first descriptors that it opens itself. */
export const PROGRAM_FD = 9;
/** Where a known engine finds the judged file: what it is told to read. */
export const CONTAINER_AT = 10;
export const CONTAINER_PATH = `/proc/self/fd/${CONTAINER_AT}`;

/** Everything that a plan is made of. */
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
