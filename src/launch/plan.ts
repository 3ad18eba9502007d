import type { Standing } from '../integrity/verdict.ts';
import type { Closing, Protection } from '../policy/policy.ts';
import type { Card } from './devices.ts';
import type { Operation } from './operations.ts';
import type { Stillness } from './still.ts';

/** What the host can enforce, as probed once at start (src/host/probe.ts). */
export interface HostAbilities {
  readonly architecture: 'x86-64' | 'aarch64' | 'other';
  readonly kernel: string;
  /** 0: no Landlock. */
  readonly landlockAbi: number;
  readonly seccompFilter: boolean;
  readonly seccompNotify: boolean;
  readonly cgroup: CgroupAbility;
  /** A user namespace can be made; that alone says little. */
  readonly userNamespaces: boolean;
  readonly namespaces: NamespaceAbility;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly uid: number;
  /** Hard limits of the launcher by RLIMIT number; absent: unlimited. Nobody may raise these without privilege. */
  readonly hardLimits?: Readonly<Record<number, bigint>>;
  /** Swap space of the machine; absent: not known. */
  readonly swapBytes?: number;
  /** Numbers of the CPUs that the launcher may use. */
  readonly cpuNumbers?: readonly number[];
  /** The launcher's own niceness, which every program that it starts has. */
  readonly nice?: number;
  /** Tasks that the user has already; only counted where no cgroup limits processes. */
  readonly userTasks?: number;
}

/** Whether the gate entered namespaces of every kind in a trial and did there what a session needs; else what failed. */
export interface NamespaceAbility {
  readonly works: boolean;
  /** The step that failed, and its errno. */
  readonly step?: string;
  readonly errno?: number;
}

/** Where a leaf can be made, with the controllers that are writable there. */
export interface CgroupAbility {
  readonly kind: 'v2' | 'v1' | 'none';
  /** Parent directories by controller: for v2 one entry under `unified`. */
  readonly parents: Readonly<Record<string, string>>;
  /** Subset of memory, pids, cpu, io, freezer; what can be limited here. */
  readonly controllers: readonly string[];
  /** A v2 hierarchy (also the empty one of a hybrid host) in which leaves can be killed and frozen. */
  readonly killable?: string;
}

/** Everything that decides how the program runs. Plain data: `--dry-run` prints it. */
export interface LaunchPlan {
  readonly id: string;
  readonly file: string;
  readonly form: 'ape' | 'elf';
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directories: {
    readonly root: string;
    readonly home: string;
    readonly tmp: string;
    readonly work: string;
  };
  readonly network: (
    | { readonly mode: 'none' }
    | { readonly mode: 'serve'; readonly address: string; readonly port: number }
  ) & {
    /** Where it may connect to, as the policy says it; absent: nowhere. */
    readonly connect?: readonly string[];
  };
  /** Closed for good once the program is ready. */
  readonly closing: readonly Closing[];
  /** Graphics cards within reach. */
  readonly cards: readonly Pick<Card, 'kind' | 'number'>[];
  /** What was put into the closed app folders; absent: no card is within reach. */
  readonly libraries?: GpuLibraries;
  readonly streams: 'terminal' | 'pipes';
  readonly loader?: { readonly sha256: string; readonly size: number };
  /** The program is executed from a private copy with its own ELF header in front; descriptor 6 must be that copy. */
  readonly copied: boolean;
  /** How it is made sure that what was judged is what runs. */
  readonly still: {
    readonly how: Stillness;
    readonly why: string;
    /** The kernel's own digest of it: "sha256:…". */
    readonly verity?: string;
    /** Of the private copy (hex): of the bytes that were copied, which are those that were judged. */
    readonly sha256?: string;
  };
  /** The known engine that runs in the place of the file's own: the file is only read. */
  readonly engine?: TrustedEngine;
  /** In force on this host. */
  readonly protections: readonly Protection[];
  /** Asked for by the policy and not in force; non-empty only with `--allow-degraded`. */
  readonly missing: readonly Protection[];
  /** cgroup directories to be made before the start, with the files to write and read back. */
  readonly cgroups: readonly CgroupLeaf[];
  /** Limits that do not hold here as the policy says them, and what holds in their place. */
  readonly weaknesses: readonly string[];
  readonly operations: readonly Operation[];
  /** What the user should know; one line each, escaped. */
  readonly warnings: readonly string[];
}

/** GPU libraries of a known release, extracted for one session; or why there are none. */
export interface GpuLibraries {
  /** Read-only for the program. Empty: it computes on the CPU. */
  readonly files: readonly {
    /** Absolute. */
    readonly path: string;
    readonly bytes: number;
    /** Of the content (hex). */
    readonly sha256: string;
  }[];
  /** For the user, one line each, escaped. */
  readonly warnings: readonly string[];
}

/** An engine of a release that was learned. */
export interface TrustedEngine {
  /** Of the baseline. */
  readonly release: string;
  /** Of the whole executable (hex), as the baseline has it. */
  readonly sha256: string;
  readonly path: string;
  /** What the file itself would have been, had its own code run. */
  readonly instead: Standing;
}

export interface CgroupLeaf {
  readonly kind: 'v2' | 'v1-freezer' | 'v1';
  readonly path: string;
  readonly join: string;
  readonly values: readonly CgroupValue[];
}

/** Written to a file of the leaf and read back. */
export interface CgroupValue {
  readonly file: string;
  readonly value: string;
  /** False: nothing starts without it. */
  readonly optional: boolean;
  /** What to tell the user when no value with these words took. */
  readonly otherwise?: string;
}
